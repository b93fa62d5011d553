"""Follow-ups as the database keeps them: wanted once, moved once, left alone by their order."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import insert, update

from activities.follow_up_models import FollowUpMove, FollowUpMoved, FollowUpStart
from activities.follow_up_starter import FollowUpStarter
from activities.follow_ups import FollowUps
from activities.models import Decision, OrderEnd, StepVisit
from domain.money import Account
from domain.orders import OrderState
from policy.follow_ups import FollowUp, FollowUpStep
from store import follow_ups, refunds, tables
from store.follow_up_tables import follow_ups as rows_of
from store.payment_tables import refunds as refund_rows
from store.publication import workflows_behind
from store.tasks import move_due
from tests.store.bench import PROFILE, PROFILES, Bench, Worked
from tests.store.paying import transfer

COMPLAINT: FollowUp = PROFILES["GEN"].follow_up("complaint")
RECORD, ANALYSE = COMPLAINT.step("record"), COMPLAINT.step("analyse")


async def wanted(order: Worked, kind: str = "complaint") -> follow_ups.Wanted:
    one = follow_ups.Wanted(f"{order.id}/{kind}", kind, order.id, "desk", order.bench.now)
    async with order.bench.engine.begin() as conn:
        await follow_ups.want(conn, one)
        await follow_ups.want(conn, replace(one, requested_by="somebody else"))
    return one


def opening(one: follow_ups.Wanted) -> FollowUpMove:
    return FollowUpMove(
        order_id=one.order_id,
        follow_up=one.id,
        kind=one.kind,
        title=COMPLAINT.title,
        title_zh=COMPLAINT.title_zh,
        now=one.requested_at + timedelta(minutes=20),
        enter=StepVisit(step="record", visit=1),
        rules=RECORD,
        began_at=one.requested_at,
    )


def recorded(one: follow_ups.Wanted, begins: FollowUpMove) -> FollowUpMove:
    decision = Decision(
        task_id=f"{begins.workflow_id}.record.1",
        role=RECORD.role,
        outcome="ordinary",
        by="desk",
        at=begins.now + timedelta(minutes=10),
    )
    return begins.model_copy(
        update={
            "now": decision.at,
            "left": begins.enter,
            "decision": decision,
            "left_rules": RECORD,
            "enter": StepVisit(step="analyse", visit=1),
            "rules": ANALYSE,
        }
    )


async def test_a_move_that_two_attempts_make_at_once_is_made_once(bench: Bench) -> None:
    order = await bench.order()
    one, desk = await wanted(order), FollowUps(bench.engine)
    begins = opening(one)

    opened = await asyncio.gather(*(desk.move_follow_up(begins) for _ in range(3)))
    moved = await asyncio.gather(*(desk.move_follow_up(recorded(one, begins)) for _ in range(3)))

    assert opened[0] == opened[1] == opened[2]
    assert moved[0] == moved[1] == moved[2]
    [window] = opened[0].windows
    assert window.started_at == one.requested_at, "it counts from when the customer complained"
    [row] = await bench.rows(rows_of)
    assert (row["state"], row["step"], row["requested_by"]) == ("open", "analyse", "desk")
    states = {row["step"]: row["state"] for row in await bench.rows(tables.tasks)}
    assert states == {"record": "done", "analyse": "open"}
    assert len(await bench.rows(tables.outbox, kind="task_opened")) == 2


async def test_the_end_of_an_order_leaves_its_follow_ups_alone_and_a_calendar_finds_them(
    bench: Bench,
) -> None:
    order = await bench.order()
    await order.move("open_step", None, "entry")
    begins = opening(await wanted(order))
    moved = await FollowUps(bench.engine).move_follow_up(begins)
    end = OrderEnd(
        order_id=order.id, key=f"{order.id}/end", now=bench.now, state=OrderState.CANCELLED
    )
    await bench.closing.close_order(end)

    later = moved.windows[0].due_at + timedelta(hours=1)
    async with bench.engine.begin() as conn:
        await move_due(conn, order.id, moved.windows[0].key, later)
        behind = await workflows_behind(conn, "cn", 99, after="", limit=10)

    [task] = await bench.rows(tables.tasks, state="open")
    assert (task["id"], task["due_at"]) == (moved.tasks[0].id, later)
    [window] = await bench.rows(tables.windows, state="open")
    assert window["key"] == f"{begins.workflow_id}/record/1"
    assert behind == [begins.workflow_id]


async def test_a_debt_without_a_payment_can_be_taken_note_of_and_not_moved(bench: Bench) -> None:
    order, desk = await bench.order(), FollowUps(bench.engine)
    kind = PROFILES["GEN"].follow_up("payment")
    place, visit = kind.step("place"), StepVisit(step="place", visit=1)
    opened = opening(await wanted(order, "payment")).model_copy(
        update={"enter": visit, "rules": place}
    )
    await desk.move_follow_up(opened)

    def answered(outcome: str, left: StepVisit) -> FollowUpMove:
        decision = Decision(
            task_id=f"{opened.workflow_id}.place.{left.visit}",
            role=place.role,
            outcome=outcome,
            by="desk",
            at=opened.now,
        )
        end = {"left": left, "decision": decision, "left_rules": place}
        return opened.model_copy(update={**end, "enter": None, "rules": None})

    blocked = await desk.move_follow_up(answered("refund", visit))
    assert blocked.at is not None
    closed = await desk.move_follow_up(answered("keep", blocked.at))

    assert "there is no payment or refund behind" in str(blocked.blocked)
    assert (blocked.at.visit, closed.at) == (2, None)
    assert [row["state"] for row in await bench.rows(rows_of)] == ["closed"]


async def test_what_no_profile_knows_holds_up_no_other_and_an_old_order_has_the_general_kinds(
    bench: Bench,
) -> None:
    old = PROFILE.model_copy(update={"follow_ups": ()})
    order = await bench.order(profile=old)
    for kind in ("praise", "refund"):
        await wanted(order, kind)
    started: list[FollowUpStart] = []

    async def start(one: FollowUpStart) -> None:
        started.append(one)

    starter = FollowUpStarter(bench.engine, start)

    assert [await starter.round() for _ in range(2)] == [1, 0]
    assert [one.kind.id for one in started] == ["refund"]


async def test_an_engine_that_is_away_only_delays_a_follow_up(bench: Bench) -> None:
    order = await bench.order()
    one, stop = await wanted(order), asyncio.Event()
    calls: list[str] = []

    async def start(wished: FollowUpStart) -> None:
        calls.append(wished.follow_up)
        if len(calls) == 1:
            raise ConnectionError("nobody listens")
        stop.set()

    async with asyncio.timeout(30):
        await FollowUpStarter(bench.engine, start, poll_seconds=0.01).run(stop)

    assert calls == [one.id, one.id]


async def test_a_completed_order_that_owes_money_is_collected_where_a_gate_waits_for_money(
    bench: Bench,
) -> None:
    for name in ("S07", "S26", "S08"):  # by S26 only a special order pays in advance
        order = await bench.order(profile=PROFILES[name])
        end = OrderEnd(
            order_id=order.id, key=f"{order.id}/end", now=bench.now, state=OrderState.COMPLETED
        )
        await bench.closing.close_order(end)

    kinds = sorted(row["kind"] for row in await bench.rows(rows_of))
    assert kinds == ["settlement", "survey", "survey"]
    [row] = await bench.rows(rows_of, kind="settlement")
    step = PROFILES["S07"].follow_up("settlement").step("collect")
    assert row["facts"] == {"owed": "100", "currency": "CNY"}
    desk, visit = FollowUps(bench.engine), StepVisit(step="collect", visit=1)
    move = FollowUpMove(
        order_id=row["order_id"],
        follow_up=row["id"],
        kind="settlement",
        title="Settlement",
        title_zh="结算",
        now=bench.now,
        enter=visit,
        rules=step,
    )
    opened = await desk.move_follow_up(move)
    paid = Decision(
        task_id=opened.tasks[0].id, role=step.role, outcome="paid", by="finance", at=bench.now
    )
    left = {"left": visit, "decision": paid, "left_rules": step, "enter": None, "rules": None}
    blocked = await desk.move_follow_up(move.model_copy(update=left))
    assert "100.00 CNY are still owed" in str(blocked.blocked)


@dataclass
class Asked:
    """A follow-up that a test answers step by step, as its workflow would move it."""

    order: Worked
    kind: str
    at: StepVisit
    subject: str | None = None

    async def opened(self) -> "Asked":
        one = follow_ups.Wanted(
            f"{self.order.id}/{self.kind}", self.kind, self.order.id, "desk", self.order.bench.now
        )
        async with self.order.bench.engine.begin() as conn:
            self.id = await follow_ups.want(conn, replace(one, subject=self.subject))
        await self._move(enter=self.at, rules=self._rules)
        return self

    @property
    def _rules(self) -> FollowUpStep:
        return PROFILES["GEN"].follow_up(self.kind).step(self.at.step)

    async def _move(self, **fields: object) -> FollowUpMoved:
        kind, bench = PROFILES["GEN"].follow_up(self.kind), self.order.bench
        known = {"follow_up": self.id, "kind": kind.id, "title": kind.title, "now": bench.now}
        move = {"order_id": self.order.id, "title_zh": kind.title_zh, **known, **fields}
        return await FollowUps(bench.engine).move_follow_up(FollowUpMove.model_validate(move))

    async def answer(self, outcome: str, **data: str) -> str | None:
        """Why what was answered cannot be done; none when it was."""
        rules, left, target = self._rules, self.at, self._rules.outcomes[outcome]
        decision = Decision(
            task_id=f"followup-{self.order.id}.{self.id}.{left.step}.{left.visit}",
            role=rules.role,
            outcome=outcome,
            by=f"key-of-{rules.role}",
            at=self.order.bench.now,
            data=data,
        )
        following = None if target == "done" else StepVisit(step=target, visit=1)
        moved = await self._move(
            left=left,
            decision=decision,
            left_rules=rules,
            enter=following,
            rules=following and PROFILES["GEN"].follow_up(self.kind).step(target),
        )
        self.at = moved.at or left
        return moved.blocked


async def test_goods_that_come_back_enter_stock_once_and_bring_the_agreed_amount(
    bench: Bench,
) -> None:
    order = await bench.order()
    await transfer(order)
    left = {"order_id": order.id, "product": "EL-A4", "made": 10, "packed": 10, "shipped": 10}
    async with bench.engine.begin() as conn:
        await conn.execute(insert(tables.goods).values(left))
    [before] = await bench.rows(tables.products, code="EL-A4")
    back = await Asked(order, "return", StepVisit(step="decide", visit=1)).opened()

    await back.answer("accepted", amount="60")
    more = await back.answer("less", amount="61", reason="a scratch", quantities="EL-A4=4")
    many = await back.answer("as_agreed", quantities="EL-A4=11")
    done = await back.answer("as_agreed", quantities="EL-A4=4", amount="100")

    assert "more than the 60 that were agreed" in str(more)
    assert "11 is more than can come back" in str(many)
    assert done is None
    assert [row["amount"] for row in await bench.rows(refund_rows)] == [Decimal(60)]
    [after] = await bench.rows(tables.products, code="EL-A4")
    assert after["finished"] - before["finished"] == 4
    [kept] = await bench.rows(tables.goods)
    assert kept["returned"] == 4


async def test_an_order_that_is_sent_instead_has_to_be_there(bench: Bench) -> None:
    order, other = await bench.order(), await bench.order()
    swap = await Asked(order, "exchange", StepVisit(step="replace", visit=1)).opened()

    nobodys = await swap.answer("done", order="SO-2026-999999")
    itself = await swap.answer("done", order=order.id)

    assert "there is no order of this customer" in str(nobodys)
    assert "is the order itself" in str(itself)
    assert await swap.answer("done", order=other.id) is None


async def test_money_that_does_not_go_back_to_a_cancelled_order_asks_finance(bench: Bench) -> None:
    order = await bench.order()
    await transfer(order, target=Account.UNAPPLIED)
    proposal = refunds.Proposal("cancelled", order.id, "cancelled", "platform", bench.now)
    async with bench.engine.begin() as conn:
        refund = await refunds.propose(conn, proposal)
        gone = {"state": "cancelled", "closed_at": bench.now}
        await conn.execute(update(tables.orders).where(tables.orders.c.id == order.id).values(gone))
    asked = Asked(order, "refund", StepVisit(step="approve", visit=1), subject=refund.id)

    await (await asked.opened()).answer("rejected", reason="the account is closed")

    [wanted_] = await bench.rows(rows_of, kind="payment")
    assert (wanted_["state"], wanted_["facts"]["not_used"]) == ("wanted", "100.00")
    assert wanted_["facts"]["because"] == "refund_rejected"
