"""A bench for the activities: real rows, no engine; the test says what the workflow would."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy import Table, func, insert, select, update

from activities.cases import OverdueCases
from activities.change_models import ChangeVerdict
from activities.changes import Changes
from activities.closing import Closing
from activities.due_lines import DueLineKeeper
from activities.materials import Materials
from activities.models import (
    CaseEscalation,
    CaseStart,
    Decision,
    Enter,
    Entered,
    Leave,
    OpenTask,
    OrderEnd,
    StepVisit,
    Transition,
)
from activities.packing import Packing
from activities.planning import Planning
from activities.production import Production
from activities.quality import Quality
from activities.review import Review
from activities.shipping import Shipping
from activities.steps import Steps
from domain.changes import ChangeState
from domain.orders import OrderRequest, OrderState
from policy.loader import load_all
from policy.model import Profile
from store import tables
from store.engine import Engine
from store.intake import NewOrder, add_order
from store.profiles import pin_profile

PROFILES = load_all().profiles
PROFILE = PROFILES["S08"]
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
ANSWERS = {"confirm": "confirmed", "review": "approved", "plan_approval": "approved"} | {
    "qc": "passed"
}
DATA = {"ship": {"carrier": "SF Express", "tracking": "SF-1"}}

# The steps of S08 as its workflow moves through them: activity, left, entered, and what then.
ROUTE: tuple[tuple[str, str | None, str | None, str | None], ...] = (
    ("open_step", None, "entry", None),
    ("open_step", "entry", "confirm", None),
    ("prepare_review", "confirm", "review", None),
    ("check_material", "review", "material", "plan"),
    ("book_slot", "plan", "slot", "plan_approval"),
    ("open_step", "plan_approval", "production", None),
    ("record_production", "production", "qc", None),
    ("record_inspection", "qc", "pack", None),
    ("record_packing", "pack", None, None),
    ("release_shipping", None, "release", "ship"),
    ("record_dispatch", "ship", "notify", None),
    ("open_step", "notify", "receipt", None),
)
STEPS: tuple[str, ...] = tuple(
    step for _, _, entered, then in ROUTE if (step := then or entered) is not None
)


@dataclass
class Bench:
    """The departments over one database, and a clock that the test moves."""

    engine: Engine
    now: datetime = MONDAY
    attempts_at_once: int = 1  # how often the engine runs each activity, all at the same time
    started: list[CaseStart] = field(default_factory=list)
    escalated: list[CaseEscalation] = field(default_factory=list)

    def __post_init__(self) -> None:
        steps, shipping = Steps(self.engine), Shipping(self.engine)
        self.steps, self.cases = steps, OverdueCases(self.engine)
        self.closing, self.changes = Closing(self.engine), Changes(self.engine)
        self.due_lines = DueLineKeeper(self.engine, self._start_case, self._escalate_case)
        self.work = {
            "open_step": steps.open_step,
            "prepare_review": Review(self.engine).prepare_review,
            "check_material": Materials(self.engine).check_material,
            "book_slot": Planning(self.engine).book_slot,
            "record_production": Production(self.engine).record_production,
            "record_inspection": Quality(self.engine).record_inspection,
            "record_packing": Packing(self.engine).record_packing,
            "release_shipping": shipping.release_shipping,
            "record_dispatch": shipping.record_dispatch,
        }

    async def _escalate_case(self, climbed: CaseEscalation) -> None:
        self.escalated.append(climbed)

    async def _start_case(self, case: CaseStart) -> None:
        self.started.append(case)

    async def order(
        self,
        *products: tuple[str, int],
        promised_at: datetime = MONDAY + timedelta(days=60),
        profile: Profile = PROFILE,
    ) -> "Worked":
        """An order that has been received and not entered yet."""
        lines = [
            {"product": product, "quantity": quantity, "unit_price": "10"}
            for product, quantity in products or (("EL-A4", 10),)
        ]
        request = OrderRequest.model_validate(
            {
                "profile": profile.id,
                "customer": "C-0001",
                "promised_at": promised_at.isoformat(),
                "contact": {"name": "Wang Fang", "phone": "+86-555-0100-0001"},
                "lines": lines,
            }
        )
        order_id = str(uuid4())
        async with self.engine.begin() as conn:
            body = profile.model_dump(mode="json")
            digest = await pin_profile(conn, body, profile.id, profile.version)
            new = NewOrder(
                id=order_id,
                profile=profile.id,
                profile_digest=digest,
                customer=request.customer,
                body=request.model_dump(mode="json"),
                amount=request.amount,
                currency=request.currency,
                promised_at=request.promised_at,
                rush=False,
                received_at=self.now,
            )
            await add_order(conn, new)
        return Worked(self, order_id)

    async def rows(self, table: Table, **where: Any) -> list[dict[str, Any]]:
        """The rows of a table whose columns have these values."""
        query = select(table)
        for name, value in where.items():
            query = query.where(table.c[name] == value)
        async with self.engine.connect() as conn:
            return [dict(row) for row in (await conn.execute(query)).mappings()]

    async def add(self, table: Table, **values: Any) -> None:
        """Writes one row past all activities."""
        async with self.engine.begin() as conn:
            await conn.execute(insert(table).values(values))

    async def stock(self, material: str, on_hand: str | int) -> None:
        """Sets what is on hand, with nothing reserved."""
        async with self.engine.begin() as conn:
            await conn.execute(
                update(tables.materials)
                .where(tables.materials.c.code == material)
                .values(on_hand=Decimal(on_hand), reserved=0)
            )

    async def totals(self) -> dict[str, Any]:
        """What the company has and holds: equal before and after means nothing was lost."""
        materials = tables.materials.c
        held = [
            select(func.count()).select_from(table).where(table.c.state == state).scalar_subquery()
            for table, state in (
                (tables.reservations, "held"),
                (tables.slots, "held"),
                (tables.shipments, "released"),
            )
        ]
        query = select(func.sum(materials.on_hand), func.sum(materials.reserved), *held)
        names = ("on_hand", "reserved", "reservations", "slots", "releases")
        async with self.engine.connect() as conn:
            return dict(zip(names, (await conn.execute(query)).one(), strict=True))


@dataclass
class Worked:
    """An order on the bench: where it is and what it waits for."""

    bench: Bench
    id: str
    visits: dict[str, int] = field(default_factory=dict)
    tasks: dict[str, tuple[OpenTask, ...]] = field(default_factory=dict)

    @property
    def workflow_id(self) -> str:
        return f"order-{self.id}"

    def at(self, step: str, *, next_visit: bool = False) -> StepVisit:
        return StepVisit(step=step, visit=self.visits.get(step, 0) + next_visit)

    def decisions(self, step: str, outcome: str | None = None) -> tuple[Decision, ...]:
        """An answer of every role that the step waits for."""
        return tuple(
            Decision(
                task_id=task.id,
                role=task.role,
                outcome=outcome or ANSWERS.get(step, "done"),
                by="desk",
                at=self.bench.now,
                data=DATA.get(step, {}),
            )
            for task in self.tasks.get(step, ())
        )

    def leave(self, step: str, outcome: str | None = None, *beside: str) -> Leave:
        return Leave(
            at=self.at(step),
            outcome=outcome or ANSWERS.get(step, "done"),
            decisions=self.decisions(step, outcome),
            beside=tuple(self.at(name) for name in beside),
        )

    def transition(
        self,
        name: str,
        left: str | None,
        entered: str | None,
        then: str | None = None,
        *,
        outcome: str | None = None,
        beside: tuple[str, ...] = (),
        undo: tuple[StepVisit, ...] = (),
    ) -> Transition:
        """The request that the workflow would send."""
        named = entered or left
        assert named is not None
        visit = self.at(named, next_visit=entered is not None)
        opening = tuple(self.at(step, next_visit=True) for step in beside)
        return Transition(
            order_id=self.id,
            workflow_id=self.workflow_id,
            key=f"{visit.key(self.id)}/{name}",
            now=self.bench.now,
            leave=self.leave(left, outcome) if left else None,
            enter=Enter(at=visit, beside=opening) if entered else None,
            then=Enter(at=self.at(then, next_visit=True)) if then else None,
            undo=undo,
        )

    async def move(
        self,
        name: str,
        left: str | None,
        entered: str | None,
        then: str | None = None,
        **how: Any,
    ) -> Entered:
        """Moves the order as its workflow would."""
        request, work = self.transition(name, left, entered, then, **how), self.bench.work[name]
        done, *repeated = await asyncio.gather(
            *(work(request) for _ in range(self.bench.attempts_at_once))
        )
        assert all(other == done for other in repeated), "a repetition saw another result"
        if entered:
            self.visits[entered] = self.visits.get(entered, 0) + 1
        if done.at and done.at.step != entered:
            self.visits[done.at.step] = done.at.visit
        for step in how.get("beside", ()):
            self.visits[step] = self.visits.get(step, 0) + 1
        for task in done.tasks:
            same = [t for t in done.tasks if t.step == task.step]
            self.tasks[task.step] = tuple(same)
        return done

    async def advance_to(self, step: str) -> "Worked":
        """Walks the route until the order stands in `step`."""
        for name, left, entered, then in ROUTE:
            if (then or entered) and (then or entered) in self.visits:
                continue
            await self.move(name, left, entered, then)
            if (then or entered) == step:
                return self
        raise AssertionError(f"the route never comes to {step}")

    async def end(self, state: OrderState, **facts: Any) -> None:
        """Closes the order."""
        end = OrderEnd(
            order_id=self.id, key=f"{self.id}/end", now=self.bench.now, state=state, **facts
        )
        await self.bench.closing.close_order(end)

    async def row(self) -> dict[str, Any]:
        """The order's own row."""
        return (await self.bench.rows(tables.orders, id=self.id))[0]


async def wish(bench: Bench, order: Worked, change_id: str, **values: Any) -> None:
    """A customer's wish, as the API stores it."""
    row = {
        "id": change_id,
        "order_id": order.id,
        "kind": "change",
        "against_version": 1,
        "patch": {"remarks": "Ring twice."},
        "requested_by": "customer",
        "requested_at": MONDAY,
    }
    await bench.add(tables.changes, **(row | values))


def verdict(order: Worked, change_id: str, state: ChangeState, **more: Any) -> ChangeVerdict:
    """What the workflow says of it."""
    return ChangeVerdict(order_id=order.id, change_id=change_id, now=MONDAY, state=state, **more)
