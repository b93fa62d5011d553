"""One department's activity is stopped and started again; orders wait there and catch up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
from temporalio.api.workflowservice.v1 import DeleteWorkflowRuleRequest
from temporalio.service import RPCError

from activities import all_activities
from activities.case_starter import CaseDoor
from domain.errors import UnknownThing
from ops.repair.breaker import breakers, known_activity, rule_id
from ops.repair.residents import pin_of
from ops.repair.site import Site
from store import tables
from tests.ops.conftest import Dueline
from tests.workflow.floor import Floor, Placed
from workflows.breakable import BREAKABLE

ORDERS = 20
STOPPED = "prepare_review"
TRIES = 20


@pytest.fixture
async def no_rule_stays(site: Site) -> AsyncIterator[None]:
    """Takes the rule away, whatever happens: the engine allows ten of them."""
    yield
    request = DeleteWorkflowRuleRequest(
        namespace=site.client.namespace, rule_id=rule_id(site, STOPPED)
    )
    try:
        await site.client.workflow_service.delete_workflow_rule(request)
    except RPCError:
        return  # closed, as it should be


async def waiting(site: Site) -> int:
    """How many orders wait at the breaker."""
    return sum(each.waiting for each in await breakers(site))


async def in_force(floor: Floor, site: Site) -> list[Placed]:
    """The orders that it took until one was stopped: the engine hears of a rule within seconds."""
    sent = []
    for _ in range(TRIES):
        placed = await floor.place()
        sent.append(placed)
        await placed.walk(("entry", "confirm"))

        async def stopped_or_through(placed: Placed = placed) -> bool:
            return bool((await placed.row())["step"] == "review") or await waiting(site) > 0

        await placed.until(stopped_or_through, "the order is stopped or through")
        if await waiting(site):
            return sent
    raise AssertionError("no order was stopped")


@pytest.mark.usefixtures("no_rule_stays")
async def test_orders_wait_at_a_stopped_activity_and_catch_up_once_each_effect_once(
    floor: Floor, site: Site, dueline: Dueline
) -> None:
    opened = await dueline("ops", "breaker", "open", STOPPED, "--because", "the reviewers' strike")
    assert opened.code == 0
    orders = await in_force(floor, site)
    orders += await asyncio.gather(*(floor.place() for _ in range(ORDERS - 1)))
    elsewhere = await floor.place()
    await asyncio.gather(*(placed.walk(("entry", "confirm")) for placed in orders[1 - ORDERS :]))
    await elsewhere.walk(("entry",))

    async def all_wait() -> bool:
        return await waiting(site) == ORDERS

    await orders[-1].until(all_wait, "twenty orders wait")
    listed = await dueline("ops", "breaker", "list", "--json")
    stopped = await pin_of(site, orders[-1].handle.id)
    closed = await dueline("ops", "breaker", "close", STOPPED)

    await elsewhere.at("confirm")
    assert stopped is not None
    assert stopped.activity == f"{STOPPED} is stopped by its breaker: the reviewers' strike"
    [line] = listed.json
    assert (line["activity"], line["by"], line["because"], line["waiting"]) == (
        STOPPED,
        "ops-1",
        "the reviewers' strike",
        ORDERS,
    )
    assert (closed.code, closed.out) == (
        0,
        f"{STOPPED} works again; {ORDERS} that waited have gone on.\n",
    )
    for placed in orders:
        tasks = await placed.at("review")
        assert len(tasks) == len({task["id"] for task in tasks}) == 2
        assert len(await placed.rows(tables.effects, activity=STOPPED)) == 1
    assert await breakers(site) == []


async def test_an_activity_that_nobody_knows_is_refused_with_the_nearest_name(
    site: Site, dueline: Dueline
) -> None:
    said = await dueline("ops", "breaker", "open", "record_dispach", "--because", "a typo")

    assert said.code == 1
    assert "there is no department's activity 'record_dispach'" in said.err
    assert "record_dispatch" in said.err
    assert await breakers(site) == []


def test_what_writes_only_to_our_own_database_cannot_be_stopped() -> None:
    with pytest.raises(UnknownThing):
        known_activity("record_marks")


def test_every_activity_that_can_be_stopped_is_one_that_workers_offer() -> None:
    door = CaseDoor(start=cast(Any, None), escalate=cast(Any, None))
    offered = all_activities(cast(Any, None), cast(Any, None), door)

    assert {_name(activity) for activity in offered} >= BREAKABLE


def _name(activity: Callable[..., Any]) -> str:
    return str(getattr(activity, "__temporal_activity_definition").name)
