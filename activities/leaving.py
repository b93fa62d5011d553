"""Leaving a step: answers are kept, what is open closes, what was taken goes back."""

from activities.models import Decision, Leave, StepVisit
from activities.order_file import OrderFile
from policy.steps import ReviewStep
from store import goods, orders, slots, stock, tasks, windows


async def leave(file: OrderFile, left: Leave) -> None:
    """Closes a visit and what ends beside it."""
    step = file.profile.step(left.at.step)
    await close_visits(file, (left.at, *left.beside), left.decisions)
    if isinstance(step, ReviewStep):
        for decision in left.decisions:
            note_answer(file, step.id, decision)
    note_end(file, left.at, left.outcome.replace("_", " "), left.decisions)
    for visit in left.beside:
        note_end(file, visit, f"ends with {step.title}")


async def give_number(file: OrderFile) -> None:
    """Registers the order (L05): its number carries the year of the calendar's zone."""
    if file.number is None:
        year = file.now.astimezone(file.calendar.zone).year
        file.number = await orders.next_number(file.conn, year)
        file.show(number=file.number)


async def close_visits(
    file: OrderFile,
    visits: tuple[StepVisit, ...],
    decisions: tuple[Decision, ...],
    *,
    given_up: bool = False,
) -> None:
    """Keeps the answers, withdraws what else is open of the visits and stops their windows."""
    await keep_answers(file, decisions, visits)
    keys = [visit.key(file.id) for visit in visits]
    await windows.settle_windows(file.conn, keys, file.now, given_up=given_up)


def note_end(
    file: OrderFile, visit: StepVisit, outcome: str, decisions: tuple[Decision, ...] = ()
) -> None:
    """Writes the end of a visit into the story."""
    step = file.profile.step(visit.step)
    by = ", ".join(dict.fromkeys(decision.role.words for decision in decisions))
    if any(decision.skipped for decision in decisions):
        by = "skipped by operations with four eyes"
    file.note(
        "step_done",
        f"{step.title}: {outcome}" + (f" ({by})" if by else ""),
        key=closed_key(file, visit),
        step=step.id,
        data={"visit": visit.visit},
    )


def closed_key(file: OrderFile, visit: StepVisit) -> str:
    """The line of the story that says that a visit is over."""
    return f"{visit.key(file.id)}/left"


async def keep_answers(
    file: OrderFile, decisions: tuple[Decision, ...], ended: tuple[StepVisit, ...] = ()
) -> None:
    """Closes tasks with their answers, and without one what else is open of the ended visits."""
    answers = {decision.task_id: decision.model_dump(mode="json") for decision in decisions}
    visits = [(visit.step, visit.visit) for visit in ended]
    await tasks.close_tasks(file.conn, file.id, answers, visits, file.now)


def note_answer(file: OrderFile, step_id: str, decision: Decision) -> None:
    """One role's answer in the story; the note and the name stay in the task."""
    step = file.profile.step(step_id)
    file.note(
        "task_answered",
        f"{step.title}: {decision.outcome.replace('_', ' ')} ({decision.role.words})",
        key=f"{decision.task_id}/answered",
        step=step_id,
    )


async def undo(file: OrderFile, visits: tuple[StepVisit, ...]) -> None:
    """Gives back the stock and the slots that these visits took, visit by visit as they come."""
    if not visits:
        return
    materials = lines = 0
    for visit in visits:
        keys = [visit.key(file.id)]
        materials += await stock.release(file.conn, file.id, keys)
        lines += await slots.release(file.conn, file.id, keys)
    if materials or lines:  # what was used is not given back
        file.note(
            "given_back",
            f"The order goes back: {materials} materials and {lines} slots are free again",
            key=f"{file.key}/given_back",
        )


async def give_back_everything(file: OrderFile) -> str | None:
    """Nothing stays reserved for an order that will not be delivered; says what went back."""
    materials = await stock.release(file.conn, file.id)
    lines = await slots.release(file.conn, file.id)
    voided = await goods.void_release(file.conn, file.id)
    units = await goods.give_to_stock(file.conn, file.id)
    if not (materials or lines or voided or units):
        return None
    note = f", {units} finished units went into stock" if units else ""
    text = f"{materials} materials and {lines} slots are free again{note}"
    file.note("given_back", text, key=f"{file.key}/given_back")
    return text
