"""Compares workflows with the database, both ways; looks again before it says anything."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from datetime import UTC, datetime, timedelta

from domain.base import Record
from domain.errors import NothingRuns, Unanswered
from ops.repair.asking import query
from ops.repair.differences import (
    Difference,
    Kind,
    open_things,
    order_differences,
    within_differences,
)
from ops.repair.executions import Execution, execution_of
from ops.repair.pacing import Pace
from ops.repair.site import Site
from policy.model import Profile
from store import comparing
from store.comparing import Stored
from store.engine import Connection
from store.profiles import pinned_profile
from workflows.contract import STANDING, Standing, order_workflow_id

BATCH = 200
LOOKS_MAX = 6
LOOK_AGAIN_SECONDS = 0.5
QUERY_SECONDS = 5.0
CLOSED_WITHIN = timedelta(days=7)
"""Orders that closed longer ago are compared by name only."""
START_GRACE = timedelta(seconds=10)
"""Between storing an order and starting its workflow; longer is no race."""
NOTICE_PATIENCE = timedelta(minutes=15)

NOT_THERE = "is not there"

Progress = Callable[[int, int], None]
_profiles: dict[str, Profile] = {}


class Compared(Record):
    """What came of comparing one order. `moving`: it did not stand still, so nothing is said.

    `unasked` is why its workflow could not say how it stands.
    """

    order_id: str
    number: str | None
    differences: tuple[Difference, ...] = ()
    repaired: tuple[Difference, ...] = ()
    moving: bool = False
    unasked: str | None = None

    @property
    def name(self) -> str:
        """How people call it."""
        return self.number or self.order_id


class Seen(Record):
    """One look at both sides. `cases` are its open cases and follow-ups as their workflows say."""

    stored: Stored
    execution: Execution | None
    standing: Standing | None
    cases: dict[str, Standing]
    cases_gone: dict[str, str]
    settled: bool
    unasked: str | None = None


async def compare(site: Site, order_id: str) -> Compared:
    """Compares one order; what differs has differed at two looks. Raises RPCError."""
    before: set[Difference] | None = None
    stored: Stored | None = None
    for _ in range(LOOKS_MAX):
        async with site.database.connect() as conn:
            seen = await look(site, conn, order_id)
        if seen is None:
            return _unknown(order_id)
        stored = seen.stored
        if seen.unasked is not None:
            return _compared(stored, unasked=seen.unasked)
        if seen.settled:
            now = await differences(site, seen)
            if not now:
                return _compared(stored)
            if before is not None and before & set(now):
                return _compared(stored, tuple(one for one in now if one in before))
            before = set(now)
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    assert stored is not None
    return _compared(stored, moving=True)


def _compared(
    stored: Stored,
    found: tuple[Difference, ...] = (),
    *,
    moving: bool = False,
    unasked: str | None = None,
) -> Compared:
    row = stored.order
    return Compared(
        order_id=row.id, number=row.number, differences=found, moving=moving, unasked=unasked
    )


def _unknown(order_id: str) -> Compared:
    orphan = Difference(
        kind=Kind.NO_ROW,
        subject=order_workflow_id(order_id),
        workflow="runs",
        database="has no such order",
        advice="it belongs to another database, or its row was lost: restore it, or terminate the "
        "workflow in the Web UI",
    )
    return Compared(order_id=order_id, number=None, differences=(orphan,))


async def look(site: Site, conn: Connection, order_id: str) -> Seen | None:
    """Both sides as they stand; the database before and after, so that a move shows."""
    before = await comparing.read_stored(conn, order_id)
    if before is None:
        return None
    await conn.rollback()
    execution = await execution_of(site.client, order_workflow_id(order_id))
    standing, unasked = None, None
    if execution is not None and execution.is_open:
        standing, unasked = await _asked(site, execution.workflow_id)
    beside = [*before.cases, *(one.workflow_id for one in before.follow_ups)]
    cases, gone, unheard = await _cases(site, beside)
    after = await comparing.read_stored(conn, order_id)
    still = before == after and all(case.settled for case in cases.values())
    young = datetime.now(UTC) - before.order.created_at < START_GRACE
    if execution is None and young:
        still = False
    now = datetime.now(UTC)
    for one in before.follow_ups:
        if one.workflow_id in gone and now - one.requested_at < START_GRACE:
            still = False
    return Seen(
        stored=before,
        execution=execution,
        standing=standing,
        cases=cases,
        cases_gone=gone,
        settled=still and (standing is None or standing.settled),
        unasked=unasked or unheard,
    )


async def _asked(site: Site, workflow_id: str) -> tuple[Standing | None, str | None]:
    try:
        return await query(site, workflow_id, STANDING, Standing, QUERY_SECONDS), None
    except NothingRuns:
        return None, None
    except Unanswered as error:
        return None, str(error)


async def _cases(
    site: Site, case_ids: Collection[str]
) -> tuple[dict[str, Standing], dict[str, str], str | None]:
    standings: dict[str, Standing] = {}
    gone: dict[str, str] = {}
    unheard: str | None = None
    for case_id in case_ids:
        execution = await execution_of(site.client, case_id)
        if execution is None or not execution.is_open:
            gone[case_id] = execution.status if execution else NOT_THERE
            continue
        standing, unasked = await _asked(site, case_id)
        if standing is not None:
            standings[case_id] = standing
        unheard = unheard or unasked
    return standings, gone, unheard


async def differences(site: Site, seen: Seen) -> list[Difference]:
    """Everything on which both sides disagree at one look."""
    found: list[Difference] = []
    row = seen.stored.order
    if seen.standing is not None:
        profile = await profile_of(site, row.profile_digest)
        found += order_differences(seen.stored, seen.standing, profile)
    elif row.is_open:
        found.append(_without_workflow(seen))
    else:
        found += _left_behind(seen.stored)
    found += within_differences(seen.stored)
    for case_id, standing in seen.cases.items():
        own_tasks = [task for task in seen.stored.tasks if task.workflow_id == case_id]
        own_windows = [w for w in seen.stored.windows if w.key.startswith(f"{case_id}/")]
        found += open_things(standing, own_tasks, own_windows)
    states = {one.workflow_id: one.state for one in seen.stored.follow_ups}
    for gone, status in seen.cases_gone.items():
        state, kind = states.get(gone), Kind.CASE_GONE
        if state is not None:
            never = state == "wanted" and status == NOT_THERE
            kind = Kind.FOLLOW_UP_WANTED if never else Kind.FOLLOW_UP_GONE
        found.append(Difference(kind=kind, subject=gone, workflow=status, database=state or "open"))
    return found


def _without_workflow(seen: Seen) -> Difference:
    row, execution = seen.stored.order, seen.execution
    if execution is None and row.step is None:
        return Difference(
            kind=Kind.NEVER_STARTED, subject=row.id, workflow="was never started", database="open"
        )
    if execution is None:
        return Difference(
            kind=Kind.WORKFLOW_GONE,
            subject=row.id,
            workflow="is not there",
            database=f"open, in {row.step}",
            advice="the engine has lost it or kept it no longer: restore the engine's database, "
            "or place the order anew and settle this one by hand",
        )
    if execution.status in {"failed", "timed_out"}:
        return Difference(
            kind=Kind.WORKFLOW_FAILED,
            subject=row.id,
            workflow=execution.status,
            database=f"open, in {row.step}",
            advice="mend the cause, then `dueline ops recover` puts it back to work",
        )
    return Difference(
        kind=Kind.ROW_OPEN,
        subject=row.id,
        workflow=execution.status,
        database=f"open, in {row.step}",
    )


def _left_behind(stored: Stored) -> list[Difference]:
    """What an order that is over must not hold any more."""
    found = [
        Difference(kind=Kind.RESERVED, subject=what, workflow="is over", database="still held")
        for what in stored.reserved
    ]
    own = f"order-{stored.order.id}"
    found += [
        Difference(kind=Kind.TASK_LEFT, subject=task.id, workflow="is over", database="open")
        for task in stored.tasks
        if task.workflow_id == own
    ]
    found += [
        Difference(kind=Kind.WINDOW_LEFT, subject=window.key, workflow="is over", database="runs")
        for window in stored.windows
        if window.key.startswith(f"{stored.order.id}/")
    ]
    return found


async def profile_of(site: Site, digest: str) -> Profile:
    """The profile that an order was started with."""
    if digest not in _profiles:
        async with site.database.connect() as conn:
            _profiles[digest] = Profile.model_validate(await pinned_profile(conn, digest))
    return _profiles[digest]


async def compare_all(
    site: Site, pace: Pace, progress: Progress | None = None
) -> AsyncIterator[Compared]:
    """Compares every open order and those that closed lately, a few at a time.

    Raises RPCError when the engine stops answering.
    """
    since = datetime.now(UTC) - CLOSED_WITHIN
    async with site.database.connect() as conn:
        total = await comparing.count_to_compare(conn, since)
    last, done = "", 0
    while True:
        async with site.database.connect() as conn:
            batch = await comparing.orders_to_compare(conn, since, last, BATCH)
        if not batch:
            return
        last = batch[-1]
        async for compared in pace.each(batch, lambda order_id: compare(site, order_id)):
            done += 1
            if progress is not None:
                progress(done, max(total, done))
            yield compared


async def notices_behind(site: Site) -> Difference | None:
    """Notices that should have gone out long ago; the relay does not work."""
    async with site.database.connect() as conn:
        count = await comparing.waiting_notices(conn, datetime.now(UTC) - NOTICE_PATIENCE)
    if not count:
        return None
    return Difference(
        kind=Kind.NOTICES,
        subject="outbox",
        workflow="-",
        database=f"{count} notices wait for longer than {NOTICE_PATIENCE.seconds // 60} minutes",
        advice="start a worker (`dueline worker`): the relay that sends them lives in it",
    )
