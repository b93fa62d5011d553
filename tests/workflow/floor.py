"""A factory floor for workflow tests: a real engine, a real database, a worker, skipped time."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import uuid4

from sqlalchemy import Table, select
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from domain.orders import OrderRequest
from domain.roles import Role
from domain.windows import LedgerKind, PauseReason
from policy.loader import load_all
from policy.model import Profile
from store import tables
from store.engine import Engine
from store.intake import NewOrder, NewWish, add_order, add_wish
from store.profiles import pin_profile
from workflows.answering import complete_task
from workflows.contract import (
    ADJUST_WINDOWS,
    CONFIRM_RECEIPT,
    REQUEST_CANCELLATION,
    REQUEST_CHANGE,
    CancellationNotice,
    ChangeNotice,
    OrderStart,
    ReceiptNotice,
    TaskCompleted,
    TaskCompletion,
    WindowsAdjusted,
    WindowsAdjustment,
)
from workflows.starting import start_order

PATIENCE_SECONDS = 60.0
SETTLING_SECONDS = 1.0
SKIPS_MAX = 10_000

GOOD = {
    "check": "complete",
    "confirm": "confirmed",
    "review": "approved",
    "plan_approval": "approved",
    "qc": "passed",
    "negotiate": "amended",
    "tracking": "on_track",
    "delay_notice": "told",
    "material": "arrived",
    "slot": "book_late",
    "release": "recheck",
    "signatures": "approved",
    "deposit": "recheck",
}
"""The answer that moves an order on; `done` for every other step."""

DATA = {
    "ship": {"carrier": "SF Express", "tracking": "SF-{order}"},
    "delay_notice": {"new_date": "{in_a_quarter}"},
}


def example_order(**changes: Any) -> dict[str, Any]:
    """An order of forty panels, due in ninety days."""
    return {
        "profile": "S08",
        "customer": "C-0001",
        "promised_at": (datetime.now(UTC) + timedelta(days=90)).isoformat(),
        "contact": {"name": "Wang Fang", "phone": "+86-555-0100-0001"},
        "deliver_to": {
            "name": "Dock 1",
            "line1": "1 Example Rd",
            "city": "Suzhou",
            "country": "CN",
        },
        "lines": [{"product": "EL-A4", "quantity": 10, "unit_price": "18.50"}],
        **changes,
    }


@cache
def profile(profile_id: str) -> Profile:
    """A shipped profile."""
    return load_all().profiles[profile_id]


@dataclass
class Floor:
    """Where orders are placed and worked on."""

    engine: Engine
    client: Client
    task_queue: str
    skipper: TimeSkipper = field(init=False)

    def __post_init__(self) -> None:
        config = TimeSkippingConfig(enabled=False, max_session_skip_count=SKIPS_MAX)
        self.skipper = TimeSkipper(self.client, config=config)

    async def place(
        self, *, events_max: int | None = None, policy: Profile | None = None, **changes: Any
    ) -> "Placed":
        """Stores an order and starts its workflow, as the API does; else with a shipped profile."""
        request = OrderRequest.model_validate(example_order(**changes))
        chosen = policy or profile(request.profile)
        order_id, now = str(uuid4()), datetime.now(UTC)
        received_at = request.ordered_at or now
        async with self.engine.begin() as conn:
            body = chosen.model_dump(mode="json")
            digest = await pin_profile(conn, body, chosen.id, chosen.version)
            await add_order(
                conn,
                NewOrder(
                    id=order_id,
                    profile=chosen.id,
                    profile_digest=digest,
                    customer=request.customer,
                    body=request.model_dump(mode="json"),
                    amount=request.amount,
                    currency=request.currency,
                    promised_at=request.promised_at,
                    rush=request.rush,
                    received_at=received_at,
                ),
            )
        start = OrderStart(
            order_id=order_id,
            customer=request.customer,
            profile=chosen,
            promised_at=request.promised_at,
            rush=request.rush,
            special=request.special,
            received_at=received_at,
        )
        if events_max is not None:
            start = start.model_copy(update={"history_events_max": events_max})
        handle = await start_order(self.skipper.client, self.task_queue, start)
        return Placed(self, order_id, handle, now)

    async def rows(self, table: Table, **where: Any) -> list[dict[str, Any]]:
        """The rows of a table whose columns have these values."""
        query = select(table)
        for name, value in where.items():
            query = query.where(table.c[name] == value)
        async with self.engine.connect() as conn:
            return [dict(row) for row in (await conn.execute(query)).mappings()]


@dataclass
class Placed:
    """One order on the floor. `skipped` is how far its own clock is ahead."""

    floor: Floor
    order_id: str
    handle: WorkflowHandle[Any, Any]
    received_at: datetime
    skipped: timedelta = timedelta()

    @property
    def now(self) -> datetime:
        """The order's time."""
        return datetime.now(UTC) + self.skipped

    async def skip(self, length: timedelta) -> None:
        """Lets the order's time pass."""
        await self.floor.skipper.fast_forward(self.handle, length)
        self.skipped += length

    async def skip_to(self, at: datetime) -> None:
        """Lets the order's time pass until `at`."""
        await self.skip(at - self.now)

    async def row(self) -> dict[str, Any]:
        """The order's row."""
        return (await self.floor.rows(tables.orders, id=self.order_id))[0]

    async def rows(self, table: Table, **where: Any) -> list[dict[str, Any]]:
        """The order's rows of a table."""
        return await self.floor.rows(table, order_id=self.order_id, **where)

    async def open_tasks(self, step: str | None = None) -> list[dict[str, Any]]:
        """Open tasks, the route's own ones first."""
        found = await self.rows(tables.tasks, state="open")
        return sorted(
            (task for task in found if step is None or task["step"] == step),
            key=lambda task: (task["step"] in {"tracking", "delay_notice"}, task["id"]),
        )

    async def until(self, met: Callable[[], Any], what: str) -> Any:
        """Waits for an effect; fails with `what` was awaited."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                value = await met()
                if value:
                    return value
                await asyncio.sleep(0.02)
        raise AssertionError(what)

    async def at(self, step: str) -> list[dict[str, Any]]:
        """Waits until the order is in `step` and returns that step's open tasks."""

        async def there() -> list[dict[str, Any]]:
            row = await self.row()
            return await self.open_tasks(step) if row["step"] == step else []

        found: list[dict[str, Any]] = await self.until(there, f"{self.order_id} reaches {step}")
        return found

    async def reached(self, step: str) -> None:
        """Waits until the order is in `step`, whether that asks anybody or not."""

        async def there() -> bool:
            return bool((await self.row())["step"] == step)

        await self.until(there, f"{self.order_id} reaches {step}")

    async def quiet(self) -> None:
        """Waits until the engine has nothing to do for it: it waits for people and instants."""

        async def idle() -> bool:
            said = (await self.handle.describe()).raw_description
            return not said.pending_activities and not said.HasField("pending_workflow_task")

        await self.until(idle, f"{self.order_id} is quiet")

    async def answer(
        self,
        task: dict[str, Any],
        outcome: str | None = None,
        *,
        note: str | None = None,
        **data: str,
    ) -> TaskCompleted:
        """A role answers its task, by default so that the order moves on."""
        in_a_quarter = (self.now + timedelta(days=90)).date()
        given = {
            name: text.format(order=self.order_id[:8], in_a_quarter=in_a_quarter)
            for name, text in DATA.get(task["step"], {}).items()
        }
        handle = self.handle
        if task["workflow_id"] != handle.id:
            handle = self.floor.client.get_workflow_handle(task["workflow_id"])
        return await complete_task(
            handle,
            TaskCompletion(
                task_id=task["id"],
                roles=(Role(task["role"]),),
                outcome=outcome or GOOD.get(task["step"], "done"),
                by=f"key-of-{task['role']}",
                request_id=str(uuid4()),
                note=note,
                data={**given, **data},
            ),
        )

    async def do(self, step: str, outcome: str | None = None, **data: str) -> None:
        """Waits for `step` and answers all its tasks."""
        for task in await self.at(step):
            await self.answer(task, outcome, **data)

    async def walk(self, steps: Iterable[str]) -> None:
        """Does one step after the other, at once."""
        for step in steps:
            await self.do(step)

    async def wish(self, kind: Any, patch: dict[str, Any] | None = None, version: int = 1) -> str:
        """Stores a customer's wish and signals it, as the API does."""
        wish_id = await self.store_wish(kind, patch, version)
        await self.signal(kind, wish_id, tuple(patch or {}), version)
        return wish_id

    async def cancel(self, accept_cost: str | None = None) -> str:
        """Cancels with a cost that is accepted, as the API does."""
        wish_id = await self.store_wish("cancellation", accept_cost=accept_cost)
        await self.signal("cancellation", wish_id)
        return wish_id

    async def store_wish(
        self,
        kind: Any,
        patch: dict[str, Any] | None = None,
        version: int = 1,
        accept_cost: str | None = None,
    ) -> str:
        """Stores a customer's wish; the workflow has not heard of it."""
        wish_id = str(uuid4())
        async with self.floor.engine.begin() as conn:
            await add_wish(
                conn,
                NewWish(
                    id=wish_id,
                    order_id=self.order_id,
                    kind=kind,
                    against_version=version if kind == "change" else None,
                    patch=patch or {},
                    reason=None,
                    requested_by="key-of-customer",
                    requested_at=self.now,
                    accepted_cost=Decimal(accept_cost) if accept_cost else None,
                ),
            )
        return wish_id

    async def signal(
        self, kind: str, wish_id: str, fields: tuple[str, ...] = (), version: int = 1
    ) -> None:
        """Signals a wish that is stored."""
        if kind == "change":
            notice = ChangeNotice(change_id=wish_id, version=version, fields=fields)
            await self.handle.signal(REQUEST_CHANGE, notice)
        elif kind == "cancellation":
            await self.handle.signal(REQUEST_CANCELLATION, CancellationNotice(change_id=wish_id))
        else:
            await self.handle.signal(CONFIRM_RECEIPT, ReceiptNotice(change_id=wish_id))

    async def adjust(
        self,
        action: LedgerKind,
        *,
        reason: PauseReason | None = None,
        rule: str | None = None,
        role: Role = Role.OPERATIONS,
    ) -> tuple[str, ...]:
        """Pauses, resumes or resets windows, and waits until it is in their ledgers."""
        wished = WindowsAdjustment(
            action=action,
            reason=reason,
            rule=rule,
            roles=(role,),
            by=f"key-of-{role}",
            request_id=str(uuid4()),
        )
        before = len(await self.ledger(action))
        taken = await self.handle.execute_update(
            ADJUST_WINDOWS, wished, id=wished.request_id, result_type=WindowsAdjusted
        )

        async def written() -> bool:
            return len(await self.ledger(action)) >= before + len(taken.windows)

        await self.until(written, f"{action} is written down")
        return tuple(taken.windows)

    async def ledger(self, kind: LedgerKind | None = None) -> list[dict[str, Any]]:
        """What happened to the order's windows, as it came."""
        rows = await self.rows(tables.window_ledger)
        found = [row for row in rows if kind is None or row["kind"] == kind]
        return sorted(found, key=lambda row: row["id"])

    async def window(self, rule: str) -> dict[str, Any]:
        """The newest window of a rule, once it is there."""

        async def there() -> list[dict[str, Any]]:
            return await self.rows(tables.windows, rule=rule)

        found: list[dict[str, Any]] = await self.until(there, f"a window of {rule} is there")
        return max(found, key=lambda row: row["key"])

    async def marks(self, key: str) -> dict[str, dict[str, Any]]:
        """The recorded marks of a window by name, in the order of their instants."""
        rows = await self.floor.rows(tables.marks, window=key)
        return {row["mark"]: row for row in sorted(rows, key=lambda row: row["due_at"])}

    async def marked(self, key: str, name: str) -> dict[str, Any]:
        """Waits until a mark is recorded."""

        async def there() -> dict[str, Any] | None:
            return (await self.marks(key)).get(name)

        row: dict[str, Any] = await self.until(there, f"{name} of {key} is recorded")
        return row

    async def settled(self, wish_id: str) -> dict[str, Any]:
        """Waits until the wish is applied or refused."""

        async def done() -> dict[str, Any] | None:
            row = (await self.floor.rows(tables.changes, id=wish_id))[0]
            return row if row["state"] != "received" else None

        row: dict[str, Any] = await self.until(done, f"wish {wish_id} is settled")
        return row

    async def settled_events(self) -> int:
        """How many events the history has, once it grows no more."""
        found = await self.events()
        while True:
            await asyncio.sleep(SETTLING_SECONDS)
            before, found = found, await self.events()
            if before == found:
                return found

    async def events(self) -> int:
        """How many events the history has."""
        return len((await self.handle.fetch_history()).events)


S08_STEPS = ("entry", "confirm", "review", "plan", "plan_approval", "production", "qc", "pack")
S08_AFTER_RELEASE = ("ship", "notify")
