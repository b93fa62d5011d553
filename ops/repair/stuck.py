"""Finds every order, overdue case and follow-up that cannot move, and why."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio.service import RPCError

from activities.follow_up_models import FOLLOW_UP_WORKFLOW
from activities.models import CASE_WORKFLOW, case_workflow_id
from domain.follow_ups import follow_up_workflow_id
from ops.repair import record_troubles, waits
from ops.repair.engine_troubles import EngineDesk
from ops.repair.finding import find_order, order_named_by
from ops.repair.looking import (
    Look,
    Progress,
    engine_answers,
    look_at,
    open_workflows,
    side_by_side,
)
from ops.repair.record_troubles import OrderDisagreements, case_troubles, follow_up_troubles
from ops.repair.serving import QueueServing, serving
from ops.repair.site import Site
from ops.repair.stuck_model import StuckReport
from ops.repair.trouble import Trouble, finding, without_consequences
from store import ops_reading
from store.ops_reading import FollowUpStanding, OpenCaseRow, ProfileFacts, StandingRow, UntoldBreach
from workflows.contract import ORDER_WORKFLOW, order_workflow_id

BREACH_GRACE = timedelta(minutes=2)
"""A mark is recorded within a second of its instant, within a minute when a thousand fall."""
NOTICE_PATIENCE = timedelta(minutes=30)
"""As the alert on the oldest notice."""
HELD_LONG = timedelta(hours=24)
SECOND_LOOK_AFTER_SECONDS = 1.0
"""Record and engine are read one after the other: what moved meanwhile only seems to disagree."""


@dataclass
class _Records:
    """What one reading of the database gives."""

    orders: list[StandingRow]
    cases: list[OpenCaseRow]
    follow_ups: list[FollowUpStanding]
    breaches: list[UntoldBreach]
    profiles: dict[str, ProfileFacts]
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def numbers(self) -> dict[str, str | None]:
        return {row.id: row.number for row in self.orders}

    @property
    def case_ids(self) -> dict[str, OpenCaseRow]:
        return {case.id or case_workflow_id(case.window): case for case in self.cases}

    @property
    def follow_up_ids(self) -> dict[str, FollowUpStanding]:
        return {follow_up_workflow_id(one.order_id, one.id): one for one in self.follow_ups}

    @property
    def workflow_ids(self) -> list[str]:
        own = [order_workflow_id(row.id) for row in self.orders]
        return [*own, *self.case_ids, *self.follow_up_ids]


async def find_stuck(
    site: Site,
    *,
    orders: Sequence[str] | None = None,
    progress: Progress | None = None,
    holds: bool = False,
) -> StuckReport:
    """Looks at all open orders, cases and follow-ups, or at named orders; the worst comes first.

    Needs no worker. `progress` is told how many workflows of how many were described. `holds` adds
    orders that operations have held for a day: a decision, and no fault. An engine that does not
    answer is named in `unasked`. Raises UnknownThing and InvalidField for what `orders` names
    wrongly, and what the driver raises when the database is away.
    """
    began = time.monotonic()
    wanted = None
    if orders is not None:
        wanted = [(await find_order(site, name)).id for name in orders]
    records = await _read(site, wanted)
    found = _Found(
        records.troubles,
        remarks=waits.remarks(records.orders, records.follow_ups, records.profiles),
    )
    if wanted is None:
        found.remarks += await _unheard(site)
    if await engine_answers(site):
        try:
            await _ask_engine(site, records, found, wanted, progress)
        except* RPCError as errors:
            found.unasked.append(f"the engine stopped answering: {_said(errors)}")
    else:
        found.unasked.append(
            "the engine does not answer: what its workflows wait for could not be asked"
        )
    if holds:
        old = datetime.now(UTC) - HELD_LONG
        held = (row for row in records.orders if row.held_at is not None and row.held_at < old)
        found.troubles += [record_troubles.on_hold(row) for row in held]
    numbers = records.numbers | await _numbers(site, found.troubles, records.numbers)
    findings = [finding(site, one, numbers) for one in without_consequences(found.troubles)]
    return StuckReport(
        orders=sum(row.is_open for row in records.orders),
        cases=len(records.cases),
        follow_ups=len(records.follow_ups),
        workflows=found.described,
        seconds=time.monotonic() - began,
        findings=tuple(
            sorted(findings, key=lambda one: (one.severity.rank, one.since, one.workflow_id))
        ),
        unasked=tuple(found.unasked),
        remarks=tuple(found.remarks),
    )


@dataclass
class _Found:
    troubles: list[Trouble]
    described: int = 0
    unasked: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


async def _read(site: Site, wanted: Sequence[str] | None) -> _Records:
    """One set of statements for all orders."""
    async with site.database.connect() as conn:
        rows = await ops_reading.standing_orders(conn, wanted)
        cases = await ops_reading.open_cases(conn, wanted)
        cases += await ops_reading.breaches_without_case(conn, wanted)
        following = await ops_reading.open_follow_ups(conn, wanted)
        breaches = await ops_reading.untold_breaches(conn, wanted, BREACH_GRACE)
        digests = [row.profile_digest for row in rows] + [late.profile_digest for late in breaches]
        profiles = await ops_reading.profile_facts(conn, digests)
        unheld = await ops_reading.unheld_tasks(conn, wanted)
        dead = await ops_reading.dead_notices(conn, wanted)
        waiting = await ops_reading.waiting_notices(conn, wanted, NOTICE_PATIENCE)
    records = _Records(rows, cases, following, breaches, profiles)
    records.troubles += [record_troubles.unheld(task) for task in unheld]
    records.troubles += [record_troubles.dead(notices) for notices in dead]
    records.troubles += [record_troubles.waiting(notices) for notices in waiting]
    for breach in breaches:
        records.troubles += record_troubles.untold(breach, profiles)
    return records


async def _ask_engine(
    site: Site,
    records: _Records,
    found: _Found,
    wanted: Sequence[str] | None,
    progress: Progress | None,
) -> None:
    """One pass over the open workflows; a second look at what seems to disagree."""
    ids = records.workflow_ids
    if wanted is None:
        types = (ORDER_WORKFLOW, CASE_WORKFLOW, FOLLOW_UP_WORKFLOW)
        ids += [workflow_id async for workflow_id in open_workflows(site, types)]
    looks = await look_at(site, ids, progress)
    found.described = len(looks)
    alive = [look for look in looks.values() if look is not None and look.is_open]
    queues = await serving(site, (look.queue for look in alive))
    found.remarks += _deserted(alive, queues)
    desk = EngineDesk(site, queues)
    for troubles in await side_by_side(desk.troubles, (one for one in alive if not _is_well(one))):
        found.troubles += troubles
    suspects = {trouble.order_id for trouble in await _disagreements(site, records, looks)}
    if suspects:
        await asyncio.sleep(SECOND_LOOK_AFTER_SECONDS)
        again = await _read(site, sorted(suspects))
        looked = await look_at(site, again.workflow_ids)
        found.troubles += await _disagreements(site, again, looked)


def _is_well(look: Look) -> bool:
    """Waits for people alone, on no version of its own: nothing there to look into."""
    return look.is_quiet and not look.is_paused and look.pinned_to is None


async def _disagreements(
    site: Site, records: _Records, looks: dict[str, Look | None]
) -> list[Trouble]:
    """Where the records do not fit the looks. A case that is not there may be about to begin."""
    now = datetime.now(UTC)
    rows = list(records.orders)
    known = {row.id for row in rows}
    # Workflows that are open while no open order is known: their records may be closed.
    others = {
        order_named_by(look.workflow_id)
        for look in looks.values()
        if look is not None and look.workflow_type == ORDER_WORKFLOW
    } - known
    if others:
        async with site.database.connect() as conn:
            rows += await ops_reading.standing_orders(conn, sorted(others))
    found: list[Trouble] = []
    for row in rows:
        workflow_id = order_workflow_id(row.id)
        if workflow_id in looks:
            profile = records.profiles.get(row.profile_digest)
            found += OrderDisagreements(row, looks[workflow_id], profile, now).troubles()
    for workflow_id, case in records.case_ids.items():
        order = looks.get(order_workflow_id(case.order_id))
        if case.has_record or (order is not None and order.is_quiet):
            found += case_troubles(case, workflow_id, looks.get(workflow_id))
    for workflow_id, one in records.follow_up_ids.items():
        found += follow_up_troubles(one, workflow_id, looks.get(workflow_id), now)
    return found


async def _unheard(site: Site) -> list[str]:
    async with site.database.connect() as conn:
        return waits.unheard(*await ops_reading.unheard_endpoints(conn))


def _deserted(alive: Sequence[Look], queues: dict[str, QueueServing]) -> list[str]:
    said = []
    for name, queue in queues.items():
        if queue.deserted:
            count = sum(look.queue == name for look in alive)
            said.append(
                f"no worker asks queue {name} for work: {count} workflows there take no answer"
            )
    return said


async def _numbers(
    site: Site, troubles: Sequence[Trouble], known: dict[str, str | None]
) -> dict[str, str | None]:
    """Numbers of closed orders, whose cases or notices are in trouble."""
    missing = {trouble.order_id for trouble in troubles} - set(known)
    if not missing:
        return {}
    async with site.database.connect() as conn:
        rows = await ops_reading.standing_orders(conn, sorted(missing))
    return {row.id: row.number for row in rows}


def _said(errors: BaseExceptionGroup[RPCError]) -> str:
    first = errors.exceptions[0]
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first.status.name if isinstance(first, RPCError) else str(first)
