"""The departments' stand-ins: what they answer, and how long they take for it."""

import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime, time, timedelta
from types import TracebackType
from typing import Any, Self
from zlib import crc32

from domain import answers
from domain.causes import Cause
from domain.lengths import Length
from domain.limits import Clock, Limit
from domain.roles import Role
from domain.windows import MarkAt
from domain.worktime import WorkCalendar
from ops.client import Api, Item, Sent
from policy.calendars import calendar
from policy.deadlines import open_window
from policy.instants import Timepieces
from policy.model import Profile

READER = Role.ORDER_DESK
CUSTOMER_DESK = Role.SALES
CARRIERS = ("Grey Heron Freight", "Two Bridges Express", "Lotus Lane Couriers")
PATIENCE_SECONDS = 60.0  # a busy machine, or a worker that is being started again
REWORK = timedelta(hours=3)
SOON = timedelta(days=2)
"""How far ahead the departments promise things to each other."""

# What each step is answered with when nothing goes wrong; others have one outcome only.
ANSWERS = {
    "check": "complete",
    "confirm": "confirmed",
    "review": "approved",
    "negotiate": "amended",
    "material": "arrived",
    "slot": "book_late",
    "plan_approval": "approved",
    "qc": "passed",
    "release": "recheck",
    "tracking": "on_track",
}
CAUSES = {
    "confirm": Cause.CUSTOMER_CONFIRM_LATE,
    "review": Cause.INTERNAL_COMMUNICATION,
    "plan_approval": Cause.APPROVAL_SLOW,
    "production": Cause.PRODUCTION,
    "promise": Cause.CAPACITY,
}
# `2026-11-24 18:00+08:00` at the end of a booked slot.
_SLOT_END = re.compile(r"to (\d{4}-\d\d-\d\d \d\d:\d\d[+-]\d\d:\d\d)")


class Desk:
    """All departments at the API, each with its own key, as an async context manager."""

    def __init__(self, url: str, keys: Mapping[str, str]) -> None:
        self._apis = {
            Role(role): Api(url, key, patience_seconds=PATIENCE_SECONDS)
            for role, key in keys.items()
        }
        self._closing = AsyncExitStack()
        self.profiles: dict[str, Profile] = {}

    async def __aenter__(self) -> Self:
        for api in self._apis.values():
            await self._closing.enter_async_context(api)
        for item in (await self.reader.get("/profiles"))["items"]:
            body = await self.reader.get(f"/profiles/{item['id']}")
            self.profiles[item["id"]] = Profile.model_validate(body)
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    @property
    def reader(self) -> Api:
        """Whoever reads lists."""
        return self._apis[READER]

    @property
    def customers(self) -> Api:
        """Whoever speaks for the customers."""
        return self._apis[CUSTOMER_DESK]

    async def orders(self) -> dict[str, Item]:
        """All orders by id."""
        return {item["id"]: item async for item in self.reader.items("/orders")}

    async def order(self, order_id: str) -> Item:
        """One order."""
        found: Item = await self.reader.get(f"/orders/{order_id}")
        return found

    async def open_tasks(self, order_id: str) -> list[Item]:
        """What waits on an order, its overdue cases included."""
        return [item async for item in self.reader.items("/tasks", order=order_id, state="open")]

    async def windows(self, order_id: str) -> list[Item]:
        """An order's clocks."""
        found: list[Item] = await self.reader.get(f"/orders/{order_id}/windows")
        return found

    async def slot_ends(self, order_id: str) -> datetime | None:
        """When the last of the booked slots ends, as the order's story says it."""
        timeline = await self.reader.get(f"/orders/{order_id}/timeline")
        booked = [e["text"] for e in timeline if e["step"] == "slot" and e["kind"] == "step_done"]
        ends = _SLOT_END.findall(booked[-1]) if booked else []
        return max((datetime.fromisoformat(end) for end in ends), default=None)

    async def complete(self, task: Item, outcome: str) -> Sent:
        """Answers a task with the key of its role."""
        body: dict[str, Any] = {"outcome": outcome, "data": _data(task, outcome)}
        return await self._apis[Role(task["role"])].post(f"/tasks/{task['id']}/completion", body)

    def days(self, profile: str) -> WorkCalendar:
        """The working days of a profile."""
        return calendar(self.profiles[profile].calendar)

    def answer_at(self, task: Item, profile: str, story: str) -> datetime:
        """When a punctual department answers: before the warning, and mostly in working time."""
        days = self.days(profile)
        opened = datetime.fromisoformat(task["opened_at"])
        due = datetime.fromisoformat(task["due_at"])
        # Between 20 and 64 % of the time, and the same in every demo.
        share = (20 + crc32(f"{story} {task['step']}".encode()) % 45) / 100
        limit = self._limit(task["step"], profile)
        form = limit.form if limit is not None else None
        if isinstance(form, Length) and form.expected is not None:
            share *= float(form.expected / form.amount)  # `1-4h` is warned after an hour
        match limit.clock if limit is not None else None:
            case Clock.TIME_OF_DAY:
                # Tomorrow's report is asked for today, and not given before tomorrow.
                midnight = datetime.combine(days.local(due), time.min, days.zone)
                opened = max(opened, days.next_opening(midnight))
            case Clock.ELAPSED:
                in_working_time = days.add(opened, days.between(opened, due) * share)
                return min(in_working_time, opened + (due - opened) * share)
        return days.add(opened, days.between(opened, due) * share)

    def _limit(self, step: str, profile: str) -> Limit | None:
        """How long a step may take; none for the parts of an overdue case."""
        found = {s.id: s.window for s in self.profiles[profile].steps}.get(step)
        return found.limit if found else None

    def marks(self, window: Item, profile: str, promised_at: datetime) -> tuple[MarkAt, ...]:
        """When the marks of an open window fall, by the same rule as the platform's."""
        rules = self.profiles[profile]
        step = rules.step(window["step"])
        assert step.window is not None, "the window was opened by its rule"
        days = self.days(profile)
        return open_window(
            Timepieces(company=days, bank=days, dates={"promised": promised_at}),
            step.window,
            rules.ladder,
            key=window["key"],
            step=step.id,
            role=step.role,
            started_at=datetime.fromisoformat(window["started_at"]),
        ).marks


def answer(task: Item) -> str:
    """The outcome of a good day; the cause where a case asks for one."""
    if task["step"] == "cause":
        return CAUSES.get(task["facts"].get("step", ""), Cause.CLERK_ERROR).value
    wanted = ANSWERS.get(task["step"], "done")
    outcomes: list[str] = task["outcomes"]
    return wanted if wanted in outcomes else outcomes[0]


def _data(task: Item, outcome: str) -> dict[str, str]:
    number = crc32(task["order_id"].encode())
    soon = (datetime.fromisoformat(task["opened_at"]) + SOON).date().isoformat()
    texts = {
        "new_date": soon,
        "until": soon,
        "promised_at": soon,
        "owner": str(task["facts"].get("role", task["role"])),
        "analysis": "Two orders lay on one desk, and the later one waited.",
        "measure": "Each order gets a tray of its own.",
        "carrier": CARRIERS[number % len(CARRIERS)],
        "tracking": f"DEMO{number:010d}",
        "responsible": str(task["facts"].get("role", task["role"])),
    }
    needed = answers.needed(task["requires"], outcome)
    return {name: texts.get(name, "as agreed with sales") for name in needed}
