"""The saved views: each is a query that the engine takes, and each finds exactly its orders."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from temporalio.api.workflowservice.v1 import (
    ListWorkflowExecutionsRequest,
    PauseWorkflowExecutionRequest,
)

from ops.repair.acting import hold
from ops.repair.finding import find_order
from ops.repair.pacing import Pace
from ops.repair.site import Site
from ops.repair.views import View, retrying, views
from policy.loader import load_all
from tests.ops.conftest import Dueline
from tests.ops.test_api import app, keys, ops
from tests.ops.test_cures import blocked_at_confirm, broken_build, pending
from tests.workflow.floor import Floor, Placed

__all__ = ["app", "keys", "ops"]

IN_FOUR_DAYS = timedelta(days=4)


def known(now: datetime | None = None) -> dict[str, View]:
    at = now or datetime.now(UTC)
    return {view.name: view for view in views(at, load_all().profiles.values())}


async def shown(site: Site, view: View) -> set[str]:
    """Ids that the Web UI's list shows of this floor."""
    answer = await site.client.workflow_service.list_workflow_executions(
        ListWorkflowExecutionsRequest(
            namespace=site.client.namespace,
            query=f'({view.query}) AND TaskQueue = "{site.task_queue}"',
            page_size=100,
        )
    )
    return {info.execution.workflow_id for info in answer.executions}


async def until_shown(site: Site, view: View, placed: Placed, expected: set[str]) -> None:
    """Visibility lags: waits until the view shows exactly these."""

    async def exactly() -> bool:
        return await shown(site, view) == expected

    await placed.until(exactly, f"{view.name} shows {expected}")


async def at_confirm(floor: Floor) -> Placed:
    placed = await floor.place()
    await placed.do("entry")
    await placed.at("confirm")
    return placed


@pytest.mark.parametrize("name", sorted(known()))
async def test_the_engine_takes_every_query(site: Site, name: str) -> None:
    view = known()[name]

    if view.query is not None:
        assert await shown(site, view) == set()
        assert (await site.client.count_workflows(view.query)).count >= 0
    assert view.sentence.endswith(".")


async def test_each_view_shows_its_orders_and_no_other(site: Site, floor: Floor) -> None:
    plain, late, held, paused = [await at_confirm(floor) for _ in range(4)]
    finance = await at_confirm(floor)
    await finance.do("confirm")
    production, _ = await finance.at("review")
    general = await floor.place(profile="GEN")
    window = await late.window("S08.W02")
    await late.skip(window["due_at"] - late.now + timedelta(minutes=1))
    await late.marked(window["key"], "breach")
    await hold(site, await find_order(site, held.order_id), "a strike")
    await site.client.workflow_service.pause_workflow_execution(
        PauseWorkflowExecutionRequest(
            namespace=site.client.namespace,
            workflow_id=paused.handle.id,
            reason="looking",
            request_id=str(uuid4()),
        )
    )
    of_s08 = {placed.handle.id for placed in (plain, late, held, finance)}
    case = f"case-{window['key'].replace('/', '.')}"
    later = known(datetime.now(UTC) + IN_FOUR_DAYS)

    for name, expected in {
        "late": {late.handle.id},
        "on-hold": {held.handle.id},
        "paused": {paused.handle.id},
        "waiting-for-finance": {finance.handle.id},
        "overdue-cases": {case},
        "open-S08": of_s08,
        "open-GEN": {general.handle.id},
        "no-progress-72h": set(),
    }.items():
        await until_shown(site, known()[name], plain, expected)
    await until_shown(site, later["no-progress-72h"], plain, of_s08 | {general.handle.id})
    if production["role"] == "finance":
        [production] = [task for task in await finance.at("review") if task != production]
    await finance.answer(production)
    await until_shown(site, known()["waiting-for-finance"], plain, {finance.handle.id})


async def test_orders_that_are_tried_again_are_found_by_looking_at_them(
    site: Site, floor: Floor
) -> None:
    healthy = await floor.place()
    await healthy.at("entry")
    placed = await blocked_at_confirm(floor)
    await pending(placed, site, attempt=1)

    async def listed() -> bool:
        return (await retrying(site, Pace())).looked_at == 2

    await placed.until(listed, "the engine lists both orders")
    found = await retrying(site, Pace())

    assert (found.workflow_ids, found.is_complete) == ((placed.handle.id,), True)
    marked = View(name="retrying", title="", sentence="", query=found.query)
    assert await shown(site, marked) == {placed.handle.id}


async def test_the_page_has_a_link_for_each_view_and_shows_no_data(
    floor: Floor, ops: httpx.AsyncClient
) -> None:
    placed = await at_confirm(floor)

    page = await ops.get("/ops/views", headers={"Authorization": ""})
    counted = await ops.get("/ops/views.json")
    unnamed = await ops.get("/ops/views.json", headers={"Authorization": "Bearer wrong"})

    assert page.headers["content-type"].startswith("text/html")
    assert page.text.count("<a href=") == sum(view.query is not None for view in known().values())
    assert placed.order_id not in page.text
    assert "C-0001" not in page.text
    assert {view["name"] for view in counted.json()["views"]} == known().keys()
    urls = [view["url"] for view in counted.json()["views"] if view["url"]]
    for url in urls:
        asked = parse_qs(urlsplit(url).query)
        assert urlsplit(url).path == "/namespaces/default/workflows"
        assert asked["query"]
        assert asked["savedQuery"]
    assert unnamed.status_code == 401


async def test_the_command_prints_the_same_views(
    site: Site, floor: Floor, dueline: Dueline
) -> None:
    placed = await at_confirm(floor)

    async def listed() -> bool:
        return placed.handle.id in await shown(site, known()["open-S08"])

    await placed.until(listed, "the engine lists the order")
    said = await dueline("ops", "views", "--scan", "--json")

    assert said.code == 0, said.err
    assert {view["name"] for view in said.json} == known().keys()
    counts = {view["name"]: view["count"] for view in said.json}
    assert counts["open-S08"] >= 1
    assert counts["retrying"] == 0


async def test_orders_whose_own_code_fails_are_in_their_view(site: Site, idle_floor: Floor) -> None:
    async with broken_build(idle_floor):
        placed = await idle_floor.place()

        await until_shown(site, known()["failing-tasks"], placed, {placed.handle.id})
