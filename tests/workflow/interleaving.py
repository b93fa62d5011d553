"""Short orders that many messages reach at once, in an order that a seed draws."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from temporalio.client import RPCError, WorkflowUpdateFailedError

from domain.roles import Role
from policy.change_rules import CancelRow
from policy.model import Profile
from policy.money_rules import MoneyRules
from policy.steps import Fact, Step
from store import tables
from store.intake import refuse_wish
from tests.workflow.floor import DATA, Floor, Placed, profile
from tests.workflow.paying import arrive, tell
from workflows.answering import complete_task
from workflows.contract import TaskCompletion

ROUTE = ("material", "slot", "production", "release", "ship", "notify")
ANSWERED = {"production": Role.PRODUCTION, "ship": Role.LOGISTICS, "notify": Role.SALES}
MOMENTS = ("started", "production", "gate", "ship", "notify")
AMOUNT, COST = Decimal("18.50"), Decimal("1.85")
POLL_SECONDS = 0.05
JITTER_SECONDS = 0.05
AT_ONCE = 60
ENDED_ALREADY = "the order had been closed before this arrived"


def _short(*rows: dict[str, Any]) -> Profile:
    """S08 cut down to what takes, makes, releases for money, and ships, with these terms."""
    shipped = profile("S08")
    steps: tuple[Step, ...] = tuple(step for step in shipped.steps if step.id in ROUTE)
    paid = {"facts": (Fact.BALANCE_PAID,)}
    minor = shipped.changes.rows[0].model_copy(update={"until": "ship"})
    changes = shipped.changes.model_copy(
        update={"rows": (minor,), "rewind_to": "material", "replan_at": "slot"}
    )
    return shipped.model_copy(
        update={
            "number_at": "production",
            "steps": tuple(
                step.model_copy(update=paid if step.id == "release" else {}) for step in steps
            ),
            "changes": changes,
            "cancellation": shipped.cancellation.model_copy(
                update={"rows": tuple(CancelRow.model_validate(row) for row in rows)}
            ),
            "money": MoneyRules(),
        }
    )


def policies() -> tuple[Profile, ...]:
    """Free, at a cost once production has begun, and by the contract wherever money was paid."""
    return (
        _short({"until": "ship", "terms": "free"}),
        _short(
            {"until": "slot", "terms": "free"},
            {"until": "ship", "terms": "at_cost", "cost_percent": "10"},
        ),
        _short({"until": "ship", "terms": "free", "deposit": "by_contract"}),
    )


@dataclass
class Board:
    """What is open and what has ended, read once for all orders."""

    floor: Floor
    open: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)

    async def watch(self) -> None:
        """Reads on, until it is cancelled."""
        tasks, orders = tables.tasks.c, tables.orders.c
        while True:
            async with self.floor.engine.connect() as conn:
                self.open = set(await conn.scalars(select(tasks.id).where(tasks.state == "open")))
                closed = select(orders.id).where(orders.closed_at.is_not(None))
                self.ended = set(await conn.scalars(closed))
            await asyncio.sleep(POLL_SECONDS)

    async def opened(self, order_id: str, task_id: str) -> bool:
        """Waits for the task; False when the order ends without it."""
        while task_id not in self.open:
            if order_id in self.ended:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True


class Interleaved:
    """One order and everything that happens to it, drawn from a seed of its own."""

    def __init__(self, board: Board, rules: tuple[Profile, ...], seed: str) -> None:
        self.seed, self._board, self._floor = seed, board, board.floor
        self._draw = random.Random(seed)
        self._policy = self._draw.choice(rules)
        self.placed: Placed

    async def live(self) -> None:
        """Places the order, sends everything, and waits until it has ended."""
        one = [{"product": "EL-A4", "quantity": 1, "unit_price": str(AMOUNT)}]
        self.placed = await self._floor.place(policy=self._policy, lines=one)
        due = self._drawn()
        beside = [asyncio.create_task(self._answer_cancellations())]
        beside += [self._later(send) for send in due["started"]]
        for moment in MOMENTS[1:]:
            if moment == "gate":
                beside += [self._later(send) for send in due[moment]]
                continue
            role = ANSWERED[moment]
            task_id = f"{self.placed.order_id}.{moment}.1.{role}"
            if not await self._board.opened(self.placed.order_id, task_id):
                break
            sends = [*due[moment], lambda t=task_id, r=role: self._answer(t, r)]
            self._draw.shuffle(sends)
            beside += [self._later(send) for send in sends]
        await self.placed.handle.result()
        await asyncio.gather(*beside)

    def _drawn(self) -> dict[str, list[Callable[[], Awaitable[Any]]]]:
        """Which messages come at which moment."""
        draw = self._draw
        due: dict[str, list[Callable[[], Awaitable[Any]]]] = {moment: [] for moment in MOMENTS}

        def at(send: Callable[[], Awaitable[Any]], *moments: str) -> None:
            due[draw.choice(moments or MOMENTS)].append(send)

        # Until the gate it has to be paid, or the order would wait for its money for ever.
        for number, part in enumerate(draw.choice([("18.50",), ("5.00", "13.50"), ("10", "20")])):
            reference = f"T{self.placed.order_id[:18]}.{number}"
            for _ in range(draw.choice([1, 1, 2])):
                amount = Decimal(part)
                at(lambda a=amount, r=reference: self._pay(a, r), *MOMENTS[:3])
        for _ in range(draw.choice([0, 1, 1, 2])):
            remarks = {"remarks": f"remark {draw.random()}"}
            at(lambda patch=remarks: self._wish("change", patch))
        for _ in range(draw.choice([0, 1, 1, 1, 2])):
            accepted = draw.choice([None, "1.84", "1.85", "100"])
            at(lambda cost=accepted: self._wish("cancellation", accept_cost=cost))
        if draw.random() < 0.2:
            at(lambda: self._wish("receipt"))
        return due

    def _later(self, send: Callable[[], Awaitable[Any]]) -> "asyncio.Task[None]":
        delay = self._draw.random() * JITTER_SECONDS

        async def sent() -> None:
            await asyncio.sleep(delay)
            await send()

        return asyncio.create_task(sent())

    async def _pay(self, amount: Decimal, reference: str) -> None:
        booked = await arrive(self._floor, self.placed.order_id, amount, reference)
        with contextlib.suppress(RPCError):  # the order has ended
            await tell(self.placed.handle, booked)

    async def _wish(
        self, kind: Any, patch: dict[str, Any] | None = None, accept_cost: str | None = None
    ) -> None:
        """As the API does it: stored unless the order is closed, refused when nobody hears it."""
        wish_id = await self.placed.store_wish(kind, patch, accept_cost=accept_cost)
        try:
            await self.placed.signal(kind, wish_id, tuple(patch or {}))
        except RPCError:
            async with self._floor.engine.begin() as conn:
                await refuse_wish(conn, wish_id, ENDED_ALREADY, datetime.now(UTC))

    async def _answer_cancellations(self) -> None:
        """Sales agrees or refuses whenever it is asked, sooner or later."""
        visit = 1
        while True:
            task_id = f"{self.placed.order_id}.cancellation.{visit}.{Role.SALES}"
            if not await self._board.opened(self.placed.order_id, task_id):
                return
            await asyncio.sleep(self._draw.random() * 5 * JITTER_SECONDS)
            outcome = self._draw.choice(["agreed", "refused"])
            await self._answer(task_id, Role.SALES, outcome, kept="3.70")
            visit += 1

    async def _answer(self, task_id: str, role: Role, outcome: str = "done", **data: str) -> None:
        step = task_id.split(".")[1]
        given = {name: text.format(order=self.seed) for name, text in DATA.get(step, {}).items()}
        completion = TaskCompletion(
            task_id=task_id,
            roles=(role,),
            outcome=outcome,
            by=f"key-of-{role}",
            request_id=str(uuid4()),
            note="drawn",
            data={**given, **data},
        )
        # It was withdrawn, or the order has ended: somebody else was faster.
        with contextlib.suppress(WorkflowUpdateFailedError, RPCError):
            await complete_task(self.placed.handle, completion)


async def interleave(floor: Floor, count: int, seed: int) -> list[Interleaved]:
    """So many orders, some at once, until all have ended."""
    board, rules = Board(floor), policies()
    gate = asyncio.Semaphore(AT_ONCE)
    orders = [Interleaved(board, rules, f"{seed}/{number}") for number in range(count)]

    async def live(order: Interleaved) -> None:
        async with gate:
            await order.live()

    watching = asyncio.create_task(board.watch())
    try:
        await asyncio.gather(*(live(order) for order in orders))
    finally:
        watching.cancel()
    return orders
