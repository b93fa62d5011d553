"""The shapes that an order's history takes; each is recorded once and replayed on every run."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor, Placed

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


async def late(floor: Floor) -> list[str]:
    """A breach that climbs to the leadership, and its overdue case until it is closed."""
    placed = await floor.place()
    await placed.walk(("entry",))
    tasks = await placed.at("confirm")
    await placed.skip(timedelta(days=14))

    async def case_asks(step: str) -> None:
        async def asked() -> list[dict[str, object]]:
            return await placed.open_tasks(step)

        [task] = await placed.until(asked, f"the case asks for the {step}")
        outcome = "APPROVAL_SLOW" if step == "cause" else "closed"
        await placed.answer(task, outcome, responsible="sales")

    await case_asks("cause")
    case = f"case-{placed.order_id}.confirm.1"
    for task in tasks:
        await placed.answer(task)
    await case_asks("closing")
    await floor.client.get_workflow_handle(case).result()
    await placed.walk(("review", *TO_PRODUCTION[3:], "production", *FROM_QC))
    return [*await received(placed), case]


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


SHAPES: dict[str, Callable[[Floor], Awaitable[list[str]]]] = {
    shape.__name__: shape
    for shape in (
        in_time,
        general,
        late,
        rework,
        cancelled,
        changed,
        refused,
        continued,
        shortage,  # last: it uses up the stock
    )
}
