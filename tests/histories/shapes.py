"""The shapes that an order's history takes; each is recorded once and replayed on every run."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from domain.roles import Role
from domain.windows import DueWindow, LedgerKind, PauseReason
from policy.change_rules import CANCELLATION
from store.tables import windows
from tests.workflow.changing import SPECIFIED, TWENTY, ask, later, say
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed
from tests.workflow.following import starter_of, wanted
from tests.workflow.money import pay, say_paid
from tests.workflow.operating import hold, release, skip
from tests.workflow.paying import arrive
from tests.workflow.terms import DEARER, DEPOSIT
from tests.workflow.test_shipping import again, pays_until_the_goods_may_be_checked, ship
from workflows.contract import CALENDAR_PUBLISHED, RENEW, CalendarPublished, CaseByHand
from workflows.starting import open_case_by_hand

NEXT_VERSION = 2
TO_PRODUCTION = S08_STEPS[: S08_STEPS.index("production")]
FROM_QC = (*S08_STEPS[S08_STEPS.index("qc") :], *S08_AFTER_RELEASE)


async def received(placed: Placed) -> list[str]:
    """The receipt ends the order."""
    await placed.reached("receipt")
    await placed.wish("receipt")
    await placed.handle.result()
    return [placed.handle.id]


async def in_time(floor: Floor) -> list[str]:
    """Every answer at once, one progress report."""
    placed = await floor.place()
    await placed.walk(TO_PRODUCTION)
    await placed.at("production")
    for report in await placed.open_tasks("tracking"):
        await placed.answer(report)
    await placed.walk(("production", *FROM_QC))
    return await received(placed)


async def general(floor: Floor) -> list[str]:
    """The general profile, taken as received by itself after seven days."""
    placed = await floor.place(profile="GEN")
    await placed.walk(("entry", "check", "confirm", "review", "plan", "production"))
    await placed.walk(FROM_QC)
    await placed.reached("receipt")
    await placed.skip(timedelta(days=8))
    await placed.handle.result()
    return [placed.handle.id]


async def answer_case(placed: Placed, **outcomes: str) -> str:
    """Answers the parts of the order's one case with these outcomes; returns its id."""
    until, promised_at = (
        (placed.now + timedelta(days=days)).date().isoformat() for days in (30, 100)
    )
    analysis = {"analysis": "none", "measure": "none", "owner": "planning", "until": until}
    data = {
        "analysis": analysis,
        "decision": {"promised_at": promised_at},
        "closing": {"responsible": "sales"},
    }
    for step, outcome in outcomes.items():
        [task] = await placed.until(partial(placed.open_tasks, step), f"the case asks: {step}")
        await placed.answer(task, outcome, **data.get(step, {}))
    return str(task["workflow_id"])


async def climbed(floor: Floor, **outcomes: str) -> list[str]:
    """A breach that climbs to the leadership, and its overdue case until it is closed."""
    placed = await floor.place()
    await placed.walk(("entry",))
    tasks = await placed.at("confirm")
    await placed.skip(timedelta(days=14))
    await answer_case(placed, **outcomes)
    for task in tasks:
        await placed.answer(task)
    case = await answer_case(placed, closing="closed")
    await floor.client.get_workflow_handle(case).result()
    await placed.walk(("review", *TO_PRODUCTION[3:], "production", *FROM_QC))
    return [*await received(placed), case]


async def late(floor: Floor) -> list[str]:
    """Every part of the case, and a new plan."""
    return await climbed(
        floor, cause="APPROVAL_SLOW", analysis="analysed", measure="done", decision="re_plan"
    )


async def escalated(floor: Floor) -> list[str]:
    """Every part of the case, a measure that fails, and a new promised date."""
    return await climbed(
        floor, cause="CLERK_ERROR", analysis="analysed", measure="failed", decision="new_date"
    )


async def by_hand(floor: Floor) -> list[str]:
    """A case that was opened by hand, and its window that was kept."""
    placed = await floor.place()
    await placed.walk(("entry",))
    tasks = await placed.at("confirm")
    [row] = await placed.rows(windows, step="confirm")
    asked = CaseByHand(
        order_id=placed.order_id,
        customer="C-0001",
        profile="S08",
        window=DueWindow.model_validate(row["body"]),
        opened_at=placed.now,
        by="key-of-quality",
        why="the customer rings every hour",
        step_left=False,
    )
    case = await open_case_by_hand(floor.skipper.client, floor.task_queue, asked)
    [cause] = await placed.until(partial(placed.open_tasks, "cause"), "the cause is asked for")
    await placed.answer(tasks[0])
    await placed.answer(cause, "CUSTOMER_CONFIRM_LATE")
    [closing] = await placed.until(partial(placed.open_tasks, "closing"), "the case asks to close")
    await placed.answer(closing, "closed", responsible="sales")
    await floor.client.get_workflow_handle(case).result()
    return [case]


async def rework(floor: Floor) -> list[str]:
    """A failed inspection, and a delay that is told."""
    placed = await floor.place()
    await placed.walk(TO_PRODUCTION)
    await placed.at("production")
    [report] = await placed.open_tasks("tracking")
    await placed.answer(report, "delayed")

    async def asked() -> list[dict[str, object]]:
        return await placed.open_tasks("delay_notice")

    [notice] = await placed.until(asked, "the delay notice is asked for")
    await placed.answer(notice)
    await placed.walk(("production",))
    await placed.do("qc", "failed")
    await placed.walk(("rework", *FROM_QC))
    return await received(placed)


async def cancelled(floor: Floor) -> list[str]:
    """Cancelled in production."""
    placed = await floor.place()
    await placed.walk(TO_PRODUCTION)
    await placed.at("production")
    await placed.wish("cancellation")
    await placed.handle.result()
    return [placed.handle.id]


async def cancelled_on_terms(floor: Floor) -> list[str]:
    """Refused as dearer, asked about and refused, asked about and agreed to."""
    placed = await floor.place(policy=DEARER)
    await arrive(floor, placed.order_id, DEPOSIT)
    await placed.walk(("entry", "confirm", "review"))
    await placed.at("plan")
    await placed.settled(await placed.cancel())
    await placed.walk(("plan", "plan_approval", "production"))
    await placed.at("qc")
    refused = await placed.cancel(accept_cost="37.00")
    [task] = await placed.until(partial(placed.open_tasks, CANCELLATION), "sales is asked")
    await placed.answer(task, "refused", note="made to your drawing")
    await placed.settled(refused)
    await placed.walk(("qc",))
    await placed.at("pack")
    await placed.cancel()
    [task] = await placed.until(partial(placed.open_tasks, CANCELLATION), "sales is asked")
    await placed.answer(task, "agreed", kept="40.00")
    await placed.handle.result()
    return [placed.handle.id]


async def changed(floor: Floor) -> list[str]:
    """One change applied, one refused, a plan refused, a negotiation."""
    placed = await floor.place()
    await placed.walk(("entry",))
    await placed.settled(await placed.wish("change", {"remarks": "ring the bell"}))
    lines = [{"product": "EL-A4", "quantity": 7, "unit_price": "18.50"}]
    await placed.settled(await placed.wish("change", {"lines": lines}, version=2))
    await placed.walk(("confirm",))
    await placed.answer((await placed.at("review"))[0], "refused")
    await placed.walk(("negotiate", "review", "plan"))
    await placed.do("plan_approval", "refused")
    await placed.walk(("plan", "plan_approval", "production", *FROM_QC))
    return await received(placed)


async def turned_back(floor: Floor) -> list[str]:
    """Frozen and turned back by one change, planned anew by another, refused by a reviewer."""
    placed = await floor.place(events_max=120)
    await placed.walk(TO_PRODUCTION)
    await placed.at("production")
    first = await ask(placed, TWENTY, times=2)
    await say(placed, "change_review")
    await say(placed, "supplement", agreement="CA-2026-0001")
    await placed.settled(first)
    await placed.walk(TO_PRODUCTION[2:])
    await placed.at("production")
    second = await ask(placed, later(placed))
    await say(placed, "change_review")
    await say(placed, "date_review")
    await placed.settled(second)
    await placed.walk(TO_PRODUCTION[3:])
    await placed.at("production")
    third = await ask(placed, SPECIFIED)
    await say(placed, "change_review")
    await say(placed, "technical_review", "refused")
    await placed.settled(third)
    await placed.walk(("production", *FROM_QC))
    return await received(placed)


async def paused(floor: Floor) -> list[str]:
    """A window is paused and reset, its calendar has a new version, and the run is handed on."""
    placed = await floor.place(events_max=60)
    await placed.walk(("entry",))
    await placed.at("confirm")
    await placed.adjust(LedgerKind.PAUSED, reason=PauseReason.CUSTOMER)
    await placed.skip(timedelta(days=5))
    await placed.adjust(LedgerKind.RESUMED, reason=PauseReason.CUSTOMER)
    await placed.adjust(LedgerKind.RESET, rule="S08.W02")
    await placed.handle.signal(
        CALENDAR_PUBLISHED, CalendarPublished(calendar="cn", version=NEXT_VERSION)
    )
    await placed.walk((*TO_PRODUCTION[1:], "production", *FROM_QC))
    return await received(placed)


async def shortage(floor: Floor) -> list[str]:
    """Material that arrives later."""
    lines = [{"product": "EL-A4", "quantity": 5_000, "unit_price": "9.50"}]
    placed = await floor.place(lines=lines)
    await placed.walk(("entry", "confirm", "review", "material", "plan"))
    await placed.walk(("plan_approval", "production", *FROM_QC))
    return await received(placed)


async def refused(floor: Floor) -> list[str]:
    """Declined after a negotiation."""
    placed = await floor.place()
    await placed.walk(("entry", "confirm"))
    await placed.answer((await placed.at("review"))[0], "refused")
    await placed.do("negotiate", "declined")
    await placed.handle.result()
    return [placed.handle.id]


async def continued(floor: Floor) -> list[str]:
    """Several runs: the history grew long."""
    placed = await floor.place(events_max=60)
    await placed.walk(TO_PRODUCTION)
    await placed.walk(("production", *FROM_QC))
    return await received(placed)


async def operated(floor: Floor) -> list[str]:
    """Held for weeks and released, a step skipped with four eyes, and renewed."""
    placed = await floor.place()
    await placed.walk(("entry",))
    await placed.at("confirm")
    await hold(placed)
    await placed.skip(timedelta(days=20))
    await release(placed)
    await skip(placed, "confirm", "ops-1", Role.OPERATIONS)
    await skip(placed, "confirm", "leader", Role.LEADERSHIP)
    await placed.at("review")
    await placed.handle.signal(RENEW)
    await placed.walk((*TO_PRODUCTION[2:], "production", *FROM_QC))
    return await received(placed)


async def followed(floor: Floor) -> list[str]:
    """Two follow-ups: a complaint that becomes serious and is breached, damage that is blocked."""
    placed = await floor.place(profile="GEN")
    await placed.at("entry")
    complaint, damage = await wanted(placed, "complaint"), await wanted(placed, "damage")
    await starter_of(floor).round()
    await complaint.answer("record", "ordinary")
    await complaint.asked("analyse")
    await floor.skipper.fast_forward(
        floor.client.get_workflow_handle(complaint.workflow_id), timedelta(days=5)
    )
    await placed.until(partial(placed.open_tasks, "cause"), "the breach has its case")
    await complaint.answer("analyse", "serious", interim_plan="a new one")
    await complaint.answer("decide", "changed", plan="two new ones")
    await complaint.answer("analyse", "analysed", cause="a loose wire")
    await complaint.answer("solve", "solved", solution="two new ones")
    await complaint.answer("summarise", "done", summary="none")
    await damage.answer("look", "known", finding="a wet box")
    await damage.answer("answer", "refunded", amount="9999.00")
    await damage.answer("answer", "kept")
    for one in (complaint, damage):
        await one.closed()
    return [complaint.workflow_id, damage.workflow_id]


async def in_parts(floor: Floor) -> list[str]:
    """A lorry that breaks down, and three shipments; the customer confirms the first of them."""
    placed = await floor.place(profile="GEN")
    await placed.walk(("entry", "check", "confirm", "review", "plan", "production", "qc", "pack"))
    day = (placed.now + timedelta(days=1)).date().isoformat()
    await ship(placed, 1, "failed", reason="the lorry broke down", new_date=day, arrival=day)
    await ship(placed, 2, "partial", quantities="EL-A4=4")
    await placed.settled(await placed.wish("receipt"))
    await ship(placed, 3, "partial", quantities="EL-A4=5")
    await ship(placed, 4, "done")
    await placed.walk(("notify",))
    return await received(placed)


async def countersigned(floor: Floor) -> list[str]:
    """Credit, advance and balance that wait for money, a void signature, a part that is missing."""
    placed = await floor.place(
        profile="S07", customer="C-0002", special=True, payment_route="account"
    )
    await pays_until_the_goods_may_be_checked(placed)
    await placed.answer((await placed.at("countersign"))[0], "approved")
    await placed.settled(await placed.wish("change", {"remarks": "ring the bell"}))
    for task in (await again(placed, "countersign", 2)).values():
        await placed.answer(task, "approved")
    owed = {"missing": "two power cords", "owner": "purchasing", "consent": "by mail of today"}
    until = (placed.now + timedelta(days=3)).date().isoformat()
    await ship(placed, 1, "missing_parts", quantities="EL-A4=10", until=until, **owed)
    await ship(placed, 2, "done")
    await placed.walk(("notify",))
    return await received(placed)


async def paid_by_word(floor: Floor) -> list[str]:
    """A payment is reported late, twice, and arrives in part; finance refuses the order."""
    placed = await floor.place(profile="S07", customer="C-0002", payment_route="foreign")
    await placed.walk(("entry", "check", "confirm"))
    await placed.at("credit")
    await placed.skip(timedelta(days=7))
    await say_paid(placed, "55.50")
    await placed.window("S07.W16")
    await hold(placed)
    await say_paid(placed, "55.50")
    await release(placed)
    await pay(placed, "20.00")
    await placed.settled_events()
    await placed.do("credit", "refused")
    await placed.handle.result()
    return [placed.handle.id]


SHAPES: dict[str, Callable[[Floor], Awaitable[list[str]]]] = {
    shape.__name__: shape
    for shape in (
        in_time,
        general,
        late,
        escalated,
        by_hand,
        rework,
        cancelled,
        cancelled_on_terms,
        changed,
        turned_back,
        refused,
        continued,
        paused,
        operated,
        followed,
        in_parts,
        countersigned,
        paid_by_word,
        shortage,  # last: it uses up the stock
    )
}
