"""One order's life in the demo: what happens next, when, and in whose clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.follow_ups import PREFIX
from domain.windows import Mark
from ops.client import ApiProblem, Item, Sent
from ops.demo_desk import REWORK, Desk, answer
from ops.demo_story import Story
from ops.demo_time import Clocks
from workflows.contract import order_workflow_id

POLL_SECONDS = 0.15
EFFECT_SECONDS = 60.0  # from an answer to what follows from it; half a second when idle
ROUNDS_MAX = 400
AFTER_MARK = timedelta(minutes=3)
LATE_SHARE = 0.6  # of the time between the last rung of a delay and the next one
RECEIPT_DAYS = 2
UNLOADING = timedelta(minutes=40)
NOT_OPEN = "urn:dueline:problem:task-not-open"


class Stuck(Exception):  # noqa: N818  a fact
    """Something that should have followed did not."""


@dataclass(frozen=True)
class Appointment:
    """Something that somebody does at an instant of a workflow's clock."""

    at: datetime
    workflow_id: str
    do: Callable[[], Awaitable[None]]


class Life:
    """Works one order from entry to receipt, in its own virtual time."""

    def __init__(self, story: Story, order_id: str, desk: Desk, clocks: Clocks) -> None:
        self.story = story
        self.order_id = order_id
        self.order: Item | None = None  # as it was last seen between two tasks
        self.wish: str | None = None  # where to read what became of the change
        self._desk = desk
        self._clocks = clocks
        self._workflow_id = order_workflow_id(order_id)
        self._profile: str = story.draft.body["profile"]
        self._days = desk.days(self._profile)
        self._promised_at = datetime.fromisoformat(story.draft.body["promised_at"])
        self._answered: set[str] = set()
        self._cases: set[str] = set()
        self._marks_seen: set[Mark] = set()
        self._late_until: datetime | None = None
        self._wished = False
        self._received = False
        self._inspections_failed = 0
        self._plans: dict[str, datetime] = {}

    @property
    def now(self) -> datetime:
        """The order's virtual time."""
        return self._clocks.now(self._workflow_id)

    async def live(self) -> None:
        """Runs until the order and its overdue cases are closed. Raises Stuck."""
        give_up_at = time.monotonic() + EFFECT_SECONDS
        for _ in range(ROUNDS_MAX):
            found = await self._desk.open_tasks(self.order_id)
            # What follows an order goes on when the demo's last order is over.
            tasks = [task for task in found if not task["id"].startswith(PREFIX)]
            # What follows from an answer appears in the moment in which its task closes.
            settled = self._answered.isdisjoint(task["id"] for task in tasks)
            if settled and (appointments := await self._agenda(tasks)):
                await self._keep(min(appointments, key=lambda appointment: appointment.at))
                give_up_at = time.monotonic() + EFFECT_SECONDS
                continue
            if not tasks and await self._is_over():
                return
            if time.monotonic() > give_up_at:
                raise Stuck(f"nothing happens any more; open tasks: {[t['id'] for t in tasks]}")
            await asyncio.sleep(POLL_SECONDS)
        raise Stuck(f"more than {ROUNDS_MAX} steps")

    async def _agenda(self, tasks: list[Item]) -> list[Appointment]:
        found = []
        for task in tasks:
            if task["step"] == self._wish_step and not self._wished:
                found.append(await self._wish_appointment(task))
            found.append(await self._appointment(task))
        return found

    async def _keep(self, appointment: Appointment) -> None:
        """Brings the clock there first; open cases of the order come along."""
        workflows = {appointment.workflow_id}
        if appointment.workflow_id == self._workflow_id:
            workflows |= self._cases
        await asyncio.gather(*(self._clocks.forward(w, appointment.at) for w in workflows))
        await appointment.do()

    async def _appointment(self, task: Item) -> Appointment:
        case = task["id"].removesuffix(f".{task['step']}")
        if case.startswith("case-"):
            self._cases.add(case)
            at = self._desk.answer_at(task, self._profile, self.story.name)
            return Appointment(at, case, lambda: self._answer_case(case, task))
        late = self.story.late
        if late and task["step"] == late.step and late.mark not in self._marks_seen:
            return await self._mark_appointment(task)
        at = max(await self._planned(task), self.now)
        if late and task["step"] == late.step:
            at = max(at, self._late_until or at)
        return Appointment(at, self._workflow_id, lambda: self._answer(task))

    async def _planned(self, task: Item) -> datetime:
        """When the answer comes, if nobody was late; decided once."""
        if task["id"] in self._plans:
            return self._plans[task["id"]]
        step, opened = task["step"], datetime.fromisoformat(task["opened_at"])
        if step == "production":
            at = await self._desk.slot_ends(self.order_id) or self._days.add(opened, REWORK)
        elif step == "rework":
            at = self._days.add(opened, REWORK)
        else:
            at = self._desk.answer_at(task, self._profile, self.story.name)
        self._plans[task["id"]] = at
        return at

    async def _answer(self, task: Item) -> None:
        outcome = answer(task)
        if task["step"] == "qc" and self._inspections_failed < self.story.qc_fails:
            self._inspections_failed += 1
            outcome = "failed"
        await self._complete(task, outcome)

    async def _answer_case(self, case: str, task: Item) -> None:
        await self._complete(task, answer(task))
        if task["step"] == "closing":
            self._cases.discard(case)

    async def _complete(self, task: Item, outcome: str) -> None:
        self._answered.add(task["id"])
        try:
            await self._desk.complete(task, outcome)
        except ApiProblem as problem:
            # The step was left in the meantime: production ends with its daily report open.
            if problem.type != NOT_OPEN:
                raise

    async def _mark_appointment(self, task: Item) -> Appointment:
        """The next rung that the story climbs to."""
        window = await self._open_window(task["step"])
        marks = self._desk.marks(window, self._profile, self._promised_at)
        coming = [mark for mark in marks if mark.mark not in self._marks_seen]
        mark, after = coming[0], (*coming[1:2], *coming)[0]

        async def wait() -> None:
            await self._until_marked(window["key"], mark.mark)
            self._marks_seen.add(mark.mark)
            pause = self._days.between(mark.at, after.at) * LATE_SHARE
            self._late_until = self._days.add(mark.at, max(pause, AFTER_MARK * 2))

        return Appointment(self._days.add(mark.at, AFTER_MARK), self._workflow_id, wait)

    async def _open_window(self, step: str) -> Item:
        for window in await self._desk.windows(self.order_id):
            if window["step"] == step and window["stopped_at"] is None:
                return window
        raise Stuck(f"no window runs in {step}")

    async def _until_marked(self, key: str, mark: Mark) -> None:
        give_up_at = time.monotonic() + EFFECT_SECONDS
        while time.monotonic() < give_up_at:
            windows = {window["key"]: window for window in await self._desk.windows(self.order_id)}
            if mark.value in {fallen["mark"] for fallen in windows[key]["marks"]}:
                return
            await asyncio.sleep(POLL_SECONDS)
        raise Stuck(f"{key} shows no {mark.value}")

    @property
    def _wish_step(self) -> str | None:
        return self.story.cancel_at or self.story.change_at

    async def _wish_appointment(self, task: Item) -> Appointment:
        """The customer calls when half of the time until the answer is over."""
        opened, planned = datetime.fromisoformat(task["opened_at"]), await self._planned(task)
        at = self._days.add(opened, self._days.between(opened, planned) / 2)
        return Appointment(at, self._workflow_id, self._ask)

    async def _ask(self) -> None:
        """Sends the customer's wish, and waits until it has an effect."""
        self._wished = True
        if self.story.cancel_at:
            sent = await self._wish_for("cancellation", {"reason": "the project is stopped"})
        else:
            version = (await self._desk.order(self.order_id))["version"]
            change = {"version": version, "reason": "the customer moves"}
            sent = await self._wish_for("changes", change | (self.story.patch or {}))
        self.wish = sent.body["links"]["self"]
        give_up_at = time.monotonic() + EFFECT_SECONDS
        while time.monotonic() < give_up_at:
            if (await self._desk.reader.get(self.wish))["state"] != "received":
                return
            await asyncio.sleep(POLL_SECONDS)
        raise Stuck("the customer's wish has no effect")

    async def _wish_for(self, what: str, body: Item) -> Sent:
        path, key = f"/orders/{self.order_id}/{what}", f"{self.order_id}-{what}"
        return await self._desk.customers.post(path, body, idempotency_key=key)

    async def _is_over(self) -> bool:
        self.order = order = await self._desk.order(self.order_id)
        if order["step"] == "receipt" and not self._received:
            delivered = self._days.next_opening(self.now + timedelta(days=RECEIPT_DAYS))
            at = self._days.add(delivered, UNLOADING)
            await self._keep(Appointment(at, self._workflow_id, self._receive))
            return False
        return bool(order["state"] != "open" and not self._cases)

    async def _receive(self) -> None:
        self._received = True
        await self._wish_for("receipt", {})
