"""Mends what a comparison has found: one transaction an order, under its lock, in the trail."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from activities.case_models import CasePart
from activities.case_parts import TITLES
from activities.follow_up_kinds import step_of_rule
from activities.models import Decision, OpenTask
from domain.follow_ups import PREFIX
from domain.orders import OrderState
from domain.priorities import Priority
from ops.repair import follow_up_mending
from ops.repair.bookends import close, start, trail_line
from ops.repair.differences import (
    Difference,
    Kind,
    due_of,
    shown_due,
    standing_of,
    waiting_roles,
    window_key_of,
)
from ops.repair.reconciling import Compared, Seen, compare, differences, look, profile_of
from ops.repair.site import Site
from policy.explaining import explain
from policy.model import Profile
from store import mending
from store.audit import add_action
from store.comparing import Stored
from store.engine import Connection
from store.orders import project
from store.tasks import NewTask, close_tasks
from workflows.contract import RunsOn, Standing

TERMINATED_ADVICE = (
    "`dueline ops recover` puts it back to work; to cancel it instead, name it: "
    "`dueline ops reconcile ORDER --repair` closes the record, gives back what is reserved and "
    "tells the customer"
)


async def mend(site: Site, found: Compared, *, named: bool = False) -> Compared:
    """Mends what can be mended; what is left stands in `differences` with what to do.

    Compares once more under the order's lock: what has moved meanwhile is left alone. Doing it
    twice changes nothing. Only an order that somebody has `named` is cancelled because its
    workflow was terminated: that tells the customer and cannot be undone. Raises RPCError.
    """
    if not named and any(_cancels(one) for one in found.differences):
        return _left(found, TERMINATED_ADVICE)
    if not any(difference.repairable for difference in found.differences):
        return found
    try:
        mended = await _mend_locked(site, found.order_id)
    except mending.Refused as error:
        return _left(found, f"could not be mended: {error}")
    left = await compare(site, found.order_id)
    still = {(one.kind, one.subject) for one in left.differences}
    return left.model_copy(
        update={"repaired": tuple(one for one in mended if (one.kind, one.subject) not in still)}
    )


def _cancels(one: Difference) -> bool:
    return one.kind is Kind.ROW_OPEN and one.workflow == "terminated"


def _left(found: Compared, advice: str) -> Compared:
    left = (
        one.model_copy(update={"advice": advice}) if one.repairable else one
        for one in found.differences
    )
    return found.model_copy(update={"differences": tuple(left)})


async def _mend_locked(site: Site, order_id: str) -> list[Difference]:
    async with site.database.connect() as looking:
        seen = await look(site, looking, order_id)
    if seen is None or seen.unasked is not None:
        return []
    kinds = {one.kind for one in await differences(site, seen)}
    # These two are done by those who do them always, each in a transaction of its own.
    if Kind.NEVER_STARTED in kinds:
        return await start(site, seen)
    if Kind.ROW_OPEN in kinds:
        return await close(site, seen)
    async with mending.mending(site.database, order_id, f"{order_id}/reconcile") as conn:
        async with site.database.connect() as looking:
            seen = await look(site, looking, order_id)
        if seen is None or not seen.settled or seen.unasked is not None:
            return []
        wrong = [one for one in await differences(site, seen) if one.repairable]
        if wrong:
            await _Mender(site, conn, seen).mend(wrong)
            await add_action(conn, site.by, trail_line(order_id, wrong))
    return wrong


class _Mender:
    """Mends one order in one transaction."""

    def __init__(self, site: Site, conn: Connection, seen: Seen) -> None:
        self._site = site
        self._conn = conn
        self._seen = seen
        self._id = seen.stored.order.id

    async def mend(self, wrong: list[Difference]) -> None:
        if any(one.kind is Kind.ROW_CLOSED for one in wrong):
            await mending.reopen_order(self._conn, self._id)
        standing = self._seen.standing
        profile = await profile_of(self._site, self._seen.stored.order.profile_digest)
        # What is left over goes first: a role has one open task of a step.
        for one in sorted(wrong, key=lambda one: one.kind not in (Kind.TASK_LEFT,)):
            await self._open_thing(one, profile)
        if standing is not None:
            await self._project(standing, profile)
        elif any(one.kind is Kind.RESERVED for one in wrong):
            await mending.give_back(self._conn, self._id)

    async def _project(self, standing: Standing, profile: Profile) -> None:
        """The order's row, as its workflow says."""
        assert standing.step is not None, "a settled order is in a step"
        row, step = self._seen.stored.order, profile.step(standing.step.step)
        roles = waiting_roles(standing)
        slack, level = standing_of(standing)
        known, due = due_of(standing, profile)
        role = row.waiting_role if row.waiting_role in roles else (roles or [step.role.value])[0]
        await project(
            self._conn,
            self._id,
            state=OrderState.OPEN.value,
            closed_at=None,
            reason=None,
            step=step.id,
            stage=step.stage.value,
            waiting_role=role,
            step_since=row.step_since or standing.since or standing.at,
            held_at=standing.hold.at if standing.hold else None,
            held_because=standing.hold.because if standing.hold else None,
            blocked=standing.blocked,
            version=max(standing.version or row.version, row.version),
            promised_at=standing.promised_at,
            due_at=due if known else row.due_at,
            slack=slack.value,
            level=level,
        )

    async def _open_thing(self, one: Difference, profile: Profile) -> None:
        """A task, a window, a mark or a case."""
        how: dict[Kind, Callable[[Difference], Awaitable[None]]] = {
            Kind.TASK_LEFT: self._close_task,
            Kind.TASK_DUE: self._move_task,
            Kind.WINDOW_LEFT: self._stop_window,
            Kind.WINDOW_MISSING: self._bring_window,
            Kind.WINDOW_STANDS: self._bring_window,
            Kind.MARK_MISSING: self._add_marks,
            Kind.CASE_GONE: self._close_case,
            Kind.RUSH: self._come_first,
            Kind.FOLLOW_UP_WANTED: self._start_follow_up,
            Kind.FOLLOW_UP_GONE: self._give_up_follow_up,
        }
        if one.kind is Kind.TASK_MISSING:
            await self._open_task(one.subject, profile)
        elif one.kind in how:
            await how[one.kind](one)

    async def _close_task(self, one: Difference) -> None:
        decisions = {found.task_id: found for each in self._standings for found in each.decisions}
        decision: Decision | None = decisions.get(one.subject)
        if decision is None:
            await mending.withdraw_tasks(self._conn, [one.subject], self._now)
            return
        answers = {decision.task_id: decision.model_dump(mode="json")}
        await close_tasks(self._conn, self._id, answers, [], self._now)

    async def _open_task(self, task_id: str, profile: Profile) -> None:
        workflow_id, standing, task = next(
            (workflow_id, standing, task)
            for workflow_id, standing in self._by_workflow.items()
            for task in standing.tasks
            if task.id == task_id
        )
        new = _new_task(workflow_id, standing, task, profile)
        await mending.open_again(self._conn, self._id, [new])

    async def _move_task(self, one: Difference) -> None:
        stored = next(task for task in self._seen.stored.tasks if task.id == one.subject)
        window = self._running(window_key_of(stored)).window
        await mending.move_task(self._conn, stored.id, shown_due(window))

    async def _stop_window(self, one: Difference) -> None:
        await mending.stop_windows(self._conn, [one.subject], self._now)

    async def _bring_window(self, one: Difference) -> None:
        running = self._running(one.subject)
        window = running.window
        await mending.bring_window(self._conn, self._id, window, explain(window), self._now)
        await self._mark(running)
        await mending.show_breach(self._conn, window.key, running.fired)

    async def _add_marks(self, one: Difference) -> None:
        await self._mark(self._running(one.subject.rpartition("/")[0]))

    async def _mark(self, running: RunsOn) -> None:
        fell = {mark.name: mark.at for mark in running.window.marks}
        fallen = [(name, fell.get(name, self._now)) for name in running.fired]
        await mending.add_marks(self._conn, running.window.key, fallen, self._now)

    async def _close_case(self, one: Difference) -> None:
        keys = [w.key for w in self._stored.windows if w.key.startswith(f"{one.subject}/")]
        await mending.stop_windows(self._conn, keys, self._now)
        await mending.close_case_of_gone(self._conn, one.subject, self._now)

    async def _come_first(self, one: Difference) -> None:
        await project(self._conn, self._id, priority=Priority.RUSH.value)

    async def _start_follow_up(self, one: Difference) -> None:
        await follow_up_mending.start(self._site, self._stored, one.subject)

    async def _give_up_follow_up(self, one: Difference) -> None:
        await follow_up_mending.give_up(
            self._site, self._conn, self._stored, one.subject, self._now
        )

    @property
    def _stored(self) -> Stored:
        return self._seen.stored

    @property
    def _by_workflow(self) -> dict[str, Standing]:
        own = {f"order-{self._id}": self._seen.standing} if self._seen.standing else {}
        return {**own, **self._seen.cases}

    @property
    def _standings(self) -> list[Standing]:
        return list(self._by_workflow.values())

    def _running(self, key: str) -> RunsOn:
        return next(
            running
            for standing in self._standings
            for running in standing.windows
            if running.window.key == key
        )

    @property
    def _now(self) -> datetime:
        """The workflow's time; when it ended, for one that is over; else ours."""
        if self._standings:
            return self._standings[0].at
        return self._stored.order.closed_at or datetime.now(UTC)


def _new_task(workflow_id: str, standing: Standing, task: OpenTask, profile: Profile) -> NewTask:
    """The row of a task that the workflow asks for; what to know when doing it is lost."""
    windows = {running.window.key: running.window for running in standing.windows}
    if workflow_id.startswith("case-"):
        title, title_zh = TITLES[CasePart(task.step)]
        key = f"{workflow_id}/{task.step}"
    elif workflow_id.startswith(PREFIX):
        key = f"{workflow_id}/{task.step}/{task.visit}"
        rules = step_of_rule(profile, windows[key].rule) if key in windows else None
        title, title_zh = (rules.title, rules.title_zh) if rules else (task.step, task.step)
    else:
        step = profile.step(task.step)
        title, title_zh = step.title, step.title_zh
        key = f"{workflow_id.removeprefix('order-')}/{task.step}/{task.visit}"
    window = windows.get(key)
    return NewTask(
        id=task.id,
        workflow_id=workflow_id,
        step=task.step,
        visit=task.visit,
        role=task.role,
        title=title,
        title_zh=title_zh,
        outcomes=task.outcomes,
        requires=task.requires,
        opened_at=standing.since or standing.at,
        due_at=shown_due(window) if window else None,
    )
