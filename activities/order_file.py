"""An order opened under its lock, for one transaction that has its effect once."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

from activities.calendars import calendars_by_name, labelled
from domain.base import Record
from domain.money import Currency
from domain.orders import OrderRequest
from domain.quiet import quiet_for
from domain.roles import Role
from domain.windows import DueWindow
from domain.worktime import WorkCalendar
from policy.explaining import explain
from policy.model import Profile
from policy.paying import due, said
from policy.steps import Fact
from store import orders, story, tasks, windows
from store.effects import store_effect
from store.engine import Conflict, Connection, Engine
from store.profiles import pinned_profile

Result = TypeVar("Result", bound=Record)

# A digest names its content: what was read once never changes.
_profiles: dict[str, Profile] = {}


@dataclass(frozen=True)
class Keyed:
    """What names an effect."""

    order_id: str
    key: str
    now: datetime


@dataclass
class OrderFile:
    """One order under its row lock. `now` is the workflow's time, `key` names the effect.

    `counts_from` are instants by step: its window counts from then. What is only added or shown is
    collected and written at the end, a statement a table: nothing reads it before the transaction
    ends.
    """

    conn: Connection
    row: orders.OrderRow
    profile: Profile
    now: datetime
    key: str
    calendars: Mapping[str, WorkCalendar]
    number: str | None = None
    shown: dict[str, Any] = field(default_factory=dict)
    opened_tasks: list[tasks.NewTask] = field(default_factory=list)
    opened_windows: list[DueWindow] = field(default_factory=list)
    early_starts: dict[str, str] = field(default_factory=dict)
    counts_from: dict[str, datetime] = field(default_factory=dict)
    ledger: list[windows.LedgerLine] = field(default_factory=list)
    lines: list[story.Line] = field(default_factory=list)
    messages: list[story.Message] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.row.id

    @property
    def calendar(self) -> WorkCalendar:
        """The calendar of the order's profile."""
        return self.calendars[self.profile.calendar]

    async def calendar_labelled(self, label: str) -> WorkCalendar | None:
        """The calendar as a window names it; none for a name of the release before."""
        return await labelled(self.conn, label)

    @property
    def name(self) -> str:
        """The order as a notice names it."""
        return self.number or f"order {self.id}"

    @property
    def name_zh(self) -> str:
        """The order as a Chinese notice names it."""
        return f"订单 {self.number or self.id}"

    @cached_property
    def request(self) -> OrderRequest:
        """The order as it stands."""
        return OrderRequest.model_validate(self.row.body)

    @property
    def currency(self) -> Currency:
        """The one currency of the order's money."""
        return self.request.currency

    def money(self, amount: Decimal) -> str:
        """An amount of this order as a reader says it: `12,000.00 CNY`."""
        return said(amount, self.currency)

    def due(self, fact: Fact) -> Decimal:
        """What has to be paid of the order as it stands for a fact to hold."""
        return due(fact, self.profile.money, self.request.amount, self.currency)

    @property
    def quantities(self) -> Mapping[str, int]:
        """Ordered units by product; two lines of one product add up."""
        ordered: Counter[str] = Counter()
        for line in self.request.lines:
            ordered[line.product] += line.quantity
        return ordered

    def rewrite(self, order: OrderRequest) -> None:
        """The order's next version. Whatever comes after in this transaction sees that one."""
        body, version = order.model_dump(mode="json"), self.row.version + 1
        self.row = replace(self.row, body=body, version=version, promised_at=order.promised_at)
        self.__dict__.pop("request", None)
        self.show(body=body, version=version, amount=order.amount, promised_at=order.promised_at)

    def said(self, at: datetime) -> str:
        """An instant in the calendar's zone, with its offset: `2026-11-20 18:00+08:00`."""
        return at.astimezone(self.calendar.zone).isoformat(sep=" ", timespec="minutes")

    def show(self, **columns: Any) -> None:
        """Changes columns of the order's row; the last word counts."""
        self.shown |= columns

    def note(
        self,
        kind: str,
        text: str,
        *,
        key: str,
        step: str | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Adds a line to the order's story."""
        self.lines.append(story.Line(key, self.now, kind, text, step, data or {}))

    def tell(self, role: Role, kind: str, text: str, *, key: str, zh: str = "") -> None:
        """Queues a notice for a role, in English and in Chinese. Quiet hours hold it back."""
        hours = self.profile.quiet_hours
        held_for = quiet_for(hours, self.calendar.zone, self.now) if hours else None
        self.messages.append(story.Message(key, self.now, kind, text, role, zh, held_for))

    def tell_all(self, roles: Iterable[Role], kind: str, text: str, zh: str, *, key: str) -> None:
        """Tells each role once that `text` has happened to this order."""
        for role in dict.fromkeys(roles):
            said, said_zh = f"{self.name}: {text}", f"{self.name_zh}：{zh}"
            self.tell(role, kind, said, key=f"{key}/{role.value}", zh=said_zh)

    async def write(self) -> None:
        """Writes what was collected."""
        if self.shown:
            await orders.project(self.conn, self.id, **self.shown, updated_at=self.now)
        opened = (
            windows.Opening(window, explain(window), self.early_starts.get(window.key))
            for window in self.opened_windows
        )
        await windows.record_windows(self.conn, self.id, opened, self.now)
        await windows.add_to_ledger(self.conn, self.id, self.ledger)
        await tasks.open_tasks(self.conn, self.id, self.opened_tasks)
        await story.add_lines(self.conn, self.id, self.lines)
        await story.queue(self.conn, self.id, self.messages)


async def _open_file(conn: Connection, request: Keyed) -> OrderFile:
    row = await orders.lock_order(conn, request.order_id, request.key)
    profile = _profiles.get(row.profile_digest)
    if profile is None:
        profile = Profile.model_validate(await pinned_profile(conn, row.profile_digest))
        _profiles[row.profile_digest] = profile
    calendars = await calendars_by_name(conn, row.calendars)
    return OrderFile(conn, row, profile, request.now, request.key, calendars, row.number)


class Department:
    """The base of all activities: something that writes to PostgreSQL, once for each key."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @asynccontextmanager
    async def open_file(self, request: Keyed) -> AsyncIterator[OrderFile]:
        """Locks the order for one transaction, which ends with what the file has collected.

        Raises UnknownThing.
        """
        async with self.engine.begin() as conn:
            file = await _open_file(conn, request)
            yield file
            await file.write()

    async def once(
        self,
        activity: str,
        request: Keyed,
        result: type[Result],
        work: Callable[[OrderFile], Awaitable[Result]],
    ) -> Result:
        """Does `work` in one transaction with its key, or returns what it gave the first time.

        Raises whatever goes wrong: an activity is tried again until it works.
        """
        try:
            return await self._try(activity, request, result, work)
        except Conflict:
            # A twin held the lock while this one looked for the effect, and shows it only to a
            # later look. Any other conflict comes back.
            return await self._try(activity, request, result, work)

    async def _try(
        self,
        activity: str,
        request: Keyed,
        result: type[Result],
        work: Callable[[OrderFile], Awaitable[Result]],
    ) -> Result:
        async with self.open_file(request) as file:
            if file.row.effect is not None:
                return result.model_validate(file.row.effect)
            done = await work(file)
            await store_effect(
                file.conn,
                request.key,
                order_id=request.order_id,
                activity=activity,
                result=done.model_dump(mode="json"),
            )
            return done
