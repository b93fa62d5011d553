"""What the answers to tasks need: dates that can be kept, roles that exist, texts that fit.

A task requires names, or `outcome.name` where only that outcome needs it. What a name holds is the
same in every task; a name that is not listed here is a free text.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from domain.dispatch import read_quantities
from domain.roles import STAFF

AHEAD_MAX = timedelta(days=1_000)
"""Working calendars end; a date that no calendar knows could not be watched."""

TEXT_LENGTH_MAX = 200
NOTE = "note"
"""What a task requires under this name is the answer's note, not an entry of its data."""

_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")

_AMOUNT = re.compile(r"^\d{1,14}(\.\d{1,4})?$")

_A_DATE = "write a date such as 2026-12-20"
_AN_INSTANT = "write an instant with its offset, such as 2026-12-20T18:00:00+08:00, or a date"


def needed(requires: Iterable[str], outcome: str) -> tuple[str, ...]:
    """The names that an answer with this outcome has to bring along."""
    named = (name.rpartition(".") for name in requires)
    return tuple(name for of, _, name in named if of in ("", outcome))


def by_outcome(requires: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The names that each outcome needs; under an empty outcome those that all of them need."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in requires:
        of, _, name = entry.rpartition(".")
        found[of] = (*found.get(of, ()), name)
    return found


def fault(name: str, text: str, now: datetime) -> str | None:
    """What is wrong with an answer and what would be right; none when it may stand.

    `now` stands in the zone in which a date means its day.
    """
    check = _CHECKS.get(name)
    return None if check is None else check(text.strip(), now)


def read_date(text: str) -> date | None:
    """The date that is written; none for anything else."""
    if not _DATE.match(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_moment(text: str) -> date | datetime | None:
    """The instant or the date that is written; none for anything else, or without an offset."""
    if (day := read_date(text)) is not None:
        return day
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _coming_date(text: str, now: datetime) -> str | None:
    day = read_date(text)
    return f"is no date; {_A_DATE}" if day is None else _not_coming(day, now.date())


def _coming_moment(text: str, now: datetime) -> str | None:
    moment = read_moment(text)
    if moment is None:
        return f"is neither an instant nor a date; {_AN_INSTANT}"
    if not isinstance(moment, datetime):
        return _not_coming(moment, now.date())
    if moment <= now:
        return f"{moment.isoformat()} is over; write a later instant or a date"
    return _not_coming(moment.astimezone(now.tzinfo).date(), now.date())


def _not_coming(day: date, today: date) -> str | None:
    if day < today:
        return f"{day} is over; write {today} or a later date"
    if day > today + AHEAD_MAX:
        return f"{day} is too far away; write a date before {today + AHEAD_MAX}"
    return None


def _moment(text: str, now: datetime) -> str | None:
    """A date that may be over, but is of this time: no calendar knows all centuries."""
    moment = read_moment(text)
    if moment is None:
        return f"is neither an instant nor a date; {_AN_INSTANT}"
    day = moment.astimezone(now.tzinfo).date() if isinstance(moment, datetime) else moment
    if abs(day - now.date()) > AHEAD_MAX:
        first, last = now.date() - AHEAD_MAX, now.date() + AHEAD_MAX
        return f"{day} is too far away; write a date between {first} and {last}"
    return None


def _role_inside(text: str, now: datetime) -> str | None:
    inside = sorted(STAFF)
    return None if text in inside else f"is no role inside; write one of {', '.join(inside)}"


def _short(text: str, now: datetime) -> str | None:
    if len(text) > TEXT_LENGTH_MAX:
        return f"has {len(text)} characters; write at most {TEXT_LENGTH_MAX}"
    return None


def _amount(text: str, now: datetime) -> str | None:
    """An amount of money; how many decimals its currency has is known to the order alone."""
    if not _AMOUNT.match(text) or not Decimal(text):
        return "is no amount; write digits above zero with a point, such as 120.50"
    return None


def _quantities(text: str, now: datetime) -> str | None:
    try:
        read_quantities(text)
    except ValueError as wrong:
        return str(wrong)
    return None


_CHECKS: dict[str, Callable[[str, datetime], str | None]] = {
    "new_date": _coming_date,
    "until": _coming_date,
    "arrival": _coming_date,
    "quantities": _quantities,
    "reason": _short,
    "consent": _short,
    "missing": _short,
    "promised_at": _coming_moment,
    "planned_arrival": _moment,
    "planned_dispatch": _moment,
    "agreed_date": _moment,
    "owner": _role_inside,
    "amount": _amount,
    "order": _short,
    "reference": _short,
    "responsible": _short,
    "sanction_waived": _short,
}
