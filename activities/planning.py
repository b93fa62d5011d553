"""Planning (L13): books the earliest time on every line that the order needs."""

from temporalio import activity

from activities.models import Entered, Transition
from activities.opening import Blocked
from activities.order_file import OrderFile
from activities.remaining import to_make
from activities.review_facts import plain
from activities.transitions import Mover
from domain.errors import CalendarError
from domain.roles import Role
from policy.calendars import line_calendar
from policy.gaps import earliest_gap
from policy.steps import Work
from store import slots

BOOK_LATE = "book_late"
NO_LINE = "everything is made, no line is needed"
_ON_THE_PLAN = (Role.PRODUCTION, Role.PURCHASING, Role.WAREHOUSE, Role.SALES)


class Planning(Mover):
    """Books production slots."""

    @activity.defn(name=Work.BOOK_SLOT)
    async def book_slot(self, transition: Transition) -> Entered:
        """Books all lines; asks the step's role when the order would end after its promise.

        An answer of `book_late` books whatever the promise says.
        """
        return await self.move(Work.BOOK_SLOT, transition, attempt=_book)


async def _book(file: OrderFile, transition: Transition) -> str | Blocked:
    assert transition.enter is not None
    try:
        planned = await _plan(file)
    except CalendarError as error:
        return Blocked(f"the lines have no time for so much work: {error}")
    adjusted = transition.enter.at.visit > 1 and await slots.was_booked(file.conn, file.id)
    if not planned:
        if adjusted:
            _tell(file, NO_LINE, "货物已完成，无需再排产")
        return NO_LINE
    late = [slot for slot in planned if slot.ends_at > file.row.promised_at]
    if late and not _books_late(transition):
        ends = ", ".join(f"{slot.line} ends {file.said(slot.ends_at)}" for slot in late)
        promised = file.said(file.row.promised_at)
        facts = {"promised_at": promised, "slots": [_facts(file, slot) for slot in planned]}
        return Blocked(f"{ends}, after the promised {promised}", facts)
    await slots.book(file.conn, file.id, transition.enter.at.key(file.id), planned)
    text = "; ".join(
        f"{slot.line} from {file.said(slot.starts_at)} to {file.said(slot.ends_at)} "
        f"({plain(slot.minutes)} working minutes)"
        for slot in planned
    )
    if adjusted:
        zh = (f"{s.line} {file.said(s.starts_at)} 至 {file.said(s.ends_at)}" for s in planned)
        _tell(file, text, "；".join(zh))
    return text


def _tell(file: OrderFile, text: str, zh: str) -> None:
    """Whoever works by the plan hears of the new one at the first moment (catalogue 5.5).

    Of a new promised date the customer hears when the change is made.
    """
    said, said_zh = f"the plan is adjusted: {text}", f"生产计划已调整：{zh}"
    file.tell_all(_ON_THE_PLAN, "plan_adjusted", said, said_zh, key=f"{file.key}/adjusted")


async def _plan(file: OrderFile) -> list[slots.Slot]:
    """The earliest slots. Locks the lines, in order of code."""
    minutes = await slots.load_minutes(file.conn, await to_make(file))
    planned = []
    for line in await slots.lock_lines(file.conn, minutes):
        start, end = earliest_gap(
            line_calendar(file.calendar, line.shifts),
            await slots.taken(file.conn, line.code, file.now),
            since=file.now,
            minutes=minutes[line.code],
        )
        planned.append(slots.Slot(line.code, minutes[line.code], start, end))
    return planned


def _books_late(transition: Transition) -> bool:
    left, entered = transition.leave, transition.enter
    if left is None or entered is None:
        return False
    return left.at.step == entered.at.step and left.outcome == BOOK_LATE


def _facts(file: OrderFile, slot: slots.Slot) -> dict[str, str]:
    return {
        "line": slot.line,
        "minutes": plain(slot.minutes),
        "starts_at": file.said(slot.starts_at),
        "ends_at": file.said(slot.ends_at),
    }
