"""Short orders that many messages reach at once, in an order that a seed draws."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from temporalio.client import RPCError, WorkflowUpdateFailedError

from domain.changes import ChangeClass, Touch
from domain.orders import OrderRequest
from domain.roles import Role
from policy.change_rules import CancelRow, ChangeRow
from policy.model import Profile
from policy.money_rules import MoneyRules
from policy.steps import Fact, Step
from store import tables
from store.intake import NewOrder, NewWish, add_order, add_wish, refuse_wish
from store.profiles import pin_profile
from tests.workflow.floor import DATA, Floor, Placed, example_order, profile
from tests.workflow.paying import arrive, tell
from workflows.answering import complete_task
from workflows.contract import FROZEN, REQUEST_CHANGE, ChangeNotice, OrderStart, TaskCompletion
from workflows.starting import start_order

Send = Callable[[], Awaitable[Any]]

ROUTE = ("material", "slot", "production", "pack", "release", "ship", "notify", "change_review")
ANSWERED = {
    "production": Role.PRODUCTION,
    "pack": Role.WAREHOUSE,
    "ship": Role.LOGISTICS,
    "notify": Role.SALES,
}
MOMENTS = ("started", "production", "pack", "gate", "ship", "notify")
TO_THE_GATE = MOMENTS[: MOMENTS.index("ship")]
AMOUNT, COST = Decimal("18.50"), Decimal("1.85")
ONE = [{"product": "EL-A4", "quantity": 1, "unit_price": "18.50"}]
TWO = [{"product": "EL-A4", "quantity": 2, "unit_price": "9.25"}]
DONE: dict[str, str] = {"outcome": "done"}
PART = {"outcome": "partial", "quantities": "EL-A4=1"}
POLL_SECONDS = 0.1
LOOKS_BACK = timedelta(minutes=5)
JITTER_SECONDS = 0.05
AT_ONCE = 32
SOON = 0.6
"""How many orders are cancelled near their beginning, where it is cheap to watch them."""
IN_PARTS = 0.3
"""How many orders have two units, of which one leaves before the other."""
ENDED_ALREADY = "the order had been closed before this arrived"


def _short(*rows: dict[str, Any]) -> Profile:
    """S08 cut down to what takes, makes, packs, releases for money, and ships, on these terms."""
    shipped = profile("S08")
    steps: tuple[Step, ...] = tuple(step for step in shipped.steps if step.id in ROUTE)
    paid = {"facts": (Fact.BALANCE_PAID,)}
    minor = shipped.changes.rows[0].model_copy(update={"until": "ship"})
    structural = ChangeRow(
        touches=(Touch.SPECIFICATION,), of=ChangeClass.STRUCTURAL, until="ship", because="it left"
    )
    changes = shipped.changes.model_copy(
        update={"rows": (minor, structural), "rewind_to": "material", "replan_at": "slot"}
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
        tasks, orders, since = tables.tasks.c, tables.orders.c, datetime.now(UTC) - LOOKS_BACK
        while True:
            closed = select(orders.id).where(orders.closed_at > since)
            async with self.floor.engine.connect() as conn:
                self.open = set(await conn.scalars(select(tasks.id).where(tasks.state == "open")))
                self.ended |= set(await conn.scalars(closed))
            since = datetime.now(UTC) - LOOKS_BACK
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
        self.policy = self._draw.choice(rules)
        self.in_parts = self._draw.random() < IN_PARTS
        lines = TWO if self.in_parts else ONE
        self.request = OrderRequest.model_validate(example_order(lines=lines))
        self.start = OrderStart(
            order_id=str(uuid4()),
            customer=self.request.customer,
            profile=self.policy,
            promised_at=self.request.promised_at,
            rush=False,
            received_at=datetime.now(UTC),
        )
        self.placed: Placed

    def stored(self, digest: str) -> NewOrder:
        """The order as the API stores it."""
        return NewOrder(
            id=self.start.order_id,
            profile=self.policy.id,
            profile_digest=digest,
            customer=self.request.customer,
            body=self.request.model_dump(mode="json"),
            amount=self.request.amount,
            currency=self.request.currency,
            promised_at=self.request.promised_at,
            rush=False,
            received_at=self.start.received_at,
        )

    async def live(self) -> None:
        """Starts the order, sends everything, and waits until it has ended."""
        handle = await start_order(self._floor.client, self._floor.task_queue, self.start)
        self.placed = Placed(self._floor, self.start.order_id, handle, self.start.received_at)
        due = self._drawn()
        beside = [
            asyncio.create_task(self._answer_cancellations()),
            asyncio.create_task(self._answer_what_comes_again()),
        ]
        beside += [self._later(send) for send in due["started"]]
        for moment in MOMENTS[1:]:
            if moment == "gate":
                beside += [self._later(send) for send in due[moment]]
                continue
            role = ANSWERED[moment]
            task_id = f"{self.placed.order_id}.{moment}.1.{role}"
            if not await self._board.opened(self.placed.order_id, task_id):
                break
            said = PART if moment == "ship" and self.in_parts else DONE
            sends: list[Send] = [*due[moment], partial(self._answer, task_id, role, **said)]
            self._draw.shuffle(sends)
            beside += [self._later(send) for send in sends]
        await self.placed.handle.result()
        await asyncio.gather(*beside)

    def _drawn(self) -> dict[str, list[Send]]:
        """Which messages come at which moment."""
        draw = self._draw
        due: dict[str, list[Send]] = {moment: [] for moment in MOMENTS}

        def at(send: Send, *moments: str) -> None:
            due[draw.choice(moments or MOMENTS)].append(send)

        soon = draw.random() < SOON
        # Until the gate it has to be paid, or the order would wait for its money for ever.
        parts = [("18.50",), ("18.50",), ("20",), ("5.00", "13.50")]
        for number, part in enumerate(draw.choice(parts)):
            reference = f"T{self.start.order_id[:18]}.{number}"
            for _ in range(draw.choice([1, 1, 1, 2])):
                amount = Decimal(part)
                moments: tuple[str, ...] = ("production", "gate") if soon else TO_THE_GATE
                at(partial(self._pay, amount, reference), *moments)
        for _ in range(draw.choice([0, 0, 1])):
            remarks = {"remarks": f"remark {draw.random()}"}
            at(partial(self._wish, "change", remarks))
        for _ in range(draw.choice([0, 0, 1, 1, 2])):
            matt = {"lines": [{"line": 1, "specification": f"matt {draw.random()}"}]}
            at(partial(self._wish, "change", matt))
        for _ in range(1 if soon else draw.choice([0, 1, 1, 1, 2])):
            accepted = draw.choice([None, "1.84", "1.85", "100", "100"])
            when: tuple[str, ...] = ("started", "started", "production") if soon else MOMENTS[1:]
            at(partial(self._wish, "cancellation", accept_cost=accepted), *when)
        if draw.random() < 0.1:
            at(partial(self._wish, "receipt"))
        return due

    def _later(self, send: Send) -> "asyncio.Task[None]":
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
        wish = NewWish(
            id=str(uuid4()),
            order_id=self.placed.order_id,
            kind=kind,
            against_version=1 if kind == "change" else None,
            patch=patch or {},
            reason=None,
            requested_by="key-of-customer",
            requested_at=datetime.now(UTC),
            accepted_cost=Decimal(accept_cost) if accept_cost else None,
        )
        async with self._floor.engine.begin() as conn:
            if not await add_wish(conn, wish):
                return
        try:
            if "lines" in (patch or {}):
                await self.placed.handle.signal(REQUEST_CHANGE, _structural(wish.id))
            else:
                await self.placed.signal(kind, wish.id, tuple(patch or {}))
        except RPCError:
            async with self._floor.engine.begin() as conn:
                await refuse_wish(conn, wish.id, ENDED_ALREADY, datetime.now(UTC))

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

    async def _answer_what_comes_again(self) -> None:
        """A change is agreed to or refused, and what it leads back to is done once more."""
        order_id, answered = self.placed.order_id, set[str]()
        answers: list[asyncio.Task[None]] = []
        while order_id not in self._board.ended:
            for task_id in sorted(self._board.open - answered):
                of, _, asked = task_id.partition(".")
                if of != order_id:
                    continue
                step, visit, role = asked.split(".")
                again = step in ANSWERED and visit != "1"
                if not again and step != "change_review":
                    continue
                answered.add(task_id)
                agreed = self._draw.choice(["agreed", "agreed", "refused"])
                said = "done" if again else agreed
                answers.append(self._later(partial(self._answer, task_id, Role(role), said)))
            await asyncio.sleep(POLL_SECONDS)
        await asyncio.gather(*answers)

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
        while True:
            try:
                await complete_task(self.placed.handle, completion)
            except WorkflowUpdateFailedError as refused:
                if getattr(refused.cause, "type", None) == FROZEN:
                    await asyncio.sleep(POLL_SECONDS)  # until the change is decided
                    continue
            except RPCError:
                pass
            return  # taken, withdrawn, or the order has ended: somebody else was faster


def _structural(change_id: str) -> ChangeNotice:
    return ChangeNotice(
        change_id=change_id, version=1, fields=("lines",), touches=(Touch.SPECIFICATION,)
    )


async def interleave(floor: Floor, count: int, seed: int) -> list[Interleaved]:
    """So many orders, some at once, until all have ended."""
    board, rules = Board(floor), policies()
    gate = asyncio.Semaphore(AT_ONCE)
    orders = [Interleaved(board, rules, f"{seed}/{number}") for number in range(count)]
    async with floor.engine.begin() as conn:
        digests = {
            id(each): await pin_profile(conn, each.model_dump(mode="json"), each.id, each.version)
            for each in rules
        }
        for order in orders:
            await add_order(conn, order.stored(digests[id(order.policy)]))

    async def live(order: Interleaved) -> None:
        async with gate:
            await order.live()

    watching = asyncio.create_task(board.watch())
    try:
        await asyncio.gather(*(live(order) for order in orders))
    finally:
        watching.cancel()
    return orders
