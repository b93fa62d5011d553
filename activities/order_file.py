"""An order opened under its lock, for one transaction that has its effect once."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from domain.base import Record
from domain.orders import OrderRequest
from domain.roles import Role
from domain.worktime import WorkCalendar
from policy.calendars import calendar
from policy.model import Profile
from store import orders, story
from store.effects import store_effect, stored_effect
from store.engine import Connection, Engine
from store.profiles import pinned_profile

Result = TypeVar("Result", bound=Record)

# A digest names its content: what was read once never changes.
_profiles: dict[str, Profile] = {}


@dataclass
class OrderFile:
    """One order under its row lock. `now` is the workflow's time, `key` names the effect."""

    conn: Connection
    row: orders.OrderRow
    profile: Profile
    now: datetime
    key: str
    number: str | None = None

    @property
    def id(self) -> str:
        return self.row.id

    @property
    def calendar(self) -> WorkCalendar:
        """The calendar of the order's profile."""
        return calendar(self.profile.calendar)

    @property
    def name(self) -> str:
        """The order as a notice names it."""
        return self.number or f"order {self.id}"

    @property
    def request(self) -> OrderRequest:
        """The order as it stands."""
        return OrderRequest.model_validate(self.row.body)

    @property
    def quantities(self) -> Mapping[str, int]:
        """Ordered units by product; two lines of one product add up."""
        ordered: Counter[str] = Counter()
        for line in self.request.lines:
            ordered[line.product] += line.quantity
        return ordered

    def said(self, at: datetime) -> str:
        """An instant in the calendar's zone, with its offset: `2026-11-20 18:00+08:00`."""
        return at.astimezone(self.calendar.zone).isoformat(sep=" ", timespec="minutes")

    async def note(
        self,
        kind: str,
        text: str,
        *,
        key: str,
        step: str | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Adds a line to the order's story."""
        await story.note(
            self.conn, self.id, key=key, at=self.now, kind=kind, text=text, step=step, data=data
        )

    async def tell(self, role: Role, kind: str, text: str, *, key: str) -> None:
        """Queues a notice for a role."""
        await story.tell(self.conn, self.id, key=key, role=role, kind=kind, text=text, at=self.now)


async def open_file(conn: Connection, order_id: str, *, key: str, now: datetime) -> OrderFile:
    """Locks the order until the transaction ends. Raises UnknownThing."""
    row = await orders.lock_order(conn, order_id)
    profile = _profiles.get(row.profile_digest)
    if profile is None:
        profile = Profile.model_validate(await pinned_profile(conn, row.profile_digest))
        _profiles[row.profile_digest] = profile
    return OrderFile(conn, row, profile, now, key, row.number)


@dataclass(frozen=True)
class Keyed:
    """What names an effect."""

    order_id: str
    key: str
    now: datetime


class Department:
    """The base of all activities: something that writes to PostgreSQL, once for each key."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

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
        async with self.engine.begin() as conn:
            stored = await stored_effect(conn, request.key)
            if stored is not None:
                return result.model_validate(stored)
            file = await open_file(conn, request.order_id, key=request.key, now=request.now)
            done = await work(file)
            await store_effect(
                conn,
                request.key,
                order_id=request.order_id,
                activity=activity,
                result=done.model_dump(mode="json"),
            )
            return done
