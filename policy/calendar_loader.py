"""Reads calendar files: YAML to a checked calendar, every fault with file, line and cure."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

from pydantic import BaseModel, ValidationError

from domain.calendars import CalendarException, CalendarSpec, Week
from domain.errors import CalendarError
from policy.calendar_building import FIRST_VERSION, build
from policy.calendar_file import CalendarFile
from policy.faults import ProfileError, ProfileErrors, closest, said
from policy.spots import Spot, read

BEGIN = "`id:`, `title:`, `zone:`, `week:`, …"
CALENDAR_FILES = Path(__file__).parent / "calendar_files"

# A fault of the whole names its place first: `exceptions[2]: …`.
_PLACE = re.compile(r"^(\w+)(?:\[(\d+)\])?: ")
_ONE_DAY = timedelta(days=1)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def is_calendar(path: Path) -> bool:
    """Whether the file is a calendar rather than a profile."""
    try:
        return "week" in read(path).fields
    except ProfileErrors:
        return False


def load_calendars(paths: Iterable[Path]) -> tuple[int, tuple[ProfileError, ...]]:
    """How many calendars these files are, and what is wrong with them."""
    count, errors = 0, list[ProfileError]()
    for path in sorted(paths):
        count += 1
        try:
            load_calendar(path)
        except ProfileErrors as found:
            errors.extend(found.errors)
    return count, tuple(errors)


def load_calendar(path: Path | str) -> CalendarSpec:
    """The calendar in `path`, its public holidays written out. Raises ProfileErrors."""
    path = Path(path)
    document = read(path, "calendar", BEGIN)
    try:
        file = CalendarFile.model_validate(document.plain)
    except ValidationError as error:
        details = error.errors(include_url=False)
        misspelt = {
            (*detail["loc"][:-1], closest(detail["loc"][-1], _known(detail["loc"])))
            for detail in details
            if detail["type"] == "extra_forbidden"
        }
        # A misspelt field is not missing as well.
        raise ProfileErrors(
            _fault(document, detail["loc"], *said([detail], _known(detail["loc"])))
            for detail in details
            if detail["type"] != "missing" or detail["loc"] not in misspelt
        ) from error
    if file.id != path.stem:
        what = f"{file.id} does not name its file {path.name}"
        raise ProfileErrors([_fault(document, ("id",), what, f"rename the file to {file.id}.yaml")])
    try:
        spec = file.expanded()
        build(spec, FIRST_VERSION)
    except CalendarError as error:
        raise ProfileErrors([_contradiction(document, str(error))]) from error
    return spec


def _fault(document: Spot, loc: Iterable[int | str], what: str, cure: str) -> ProfileError:
    """A fault where the message says, else at the deepest part of `loc` that is there."""
    path = list(loc)
    if place := _PLACE.match(what):
        named: list[int | str] = [place[1]] + ([int(place[2])] if place[2] else [])
        path, what = path + named, what[place.end() :]
    spot = document
    for index, name in enumerate(path):
        inner = _inside(spot, name)
        if inner is None:
            return spot.fault(what, cure, "".join(_dotted(path[index:])))
        spot = inner
    return spot.fault(what, cure)


def _inside(spot: Spot, name: int | str) -> Spot | None:
    if isinstance(name, int):
        return spot.items[name] if name < len(spot.items) else None
    return spot.fields.get(name)


def _dotted(path: Iterable[int | str]) -> Iterator[str]:
    for name in path:
        yield f"[{name}]" if isinstance(name, int) else f".{name}"


def _contradiction(document: Spot, what: str) -> ProfileError:
    """What only the whole calendar shows, at the exception of the day that it names."""
    found, _, cure = what.partition("; ")
    cure = cure or "mend the shifts of that day, or of the day before"
    day = _DAY.search(what)
    exceptions = document.fields["exceptions"].items if "exceptions" in document.fields else ()
    for exception in exceptions:
        first, last = (_read_day(exception, name) for name in ("from", "to"))
        # A night shift of its last day runs into the day after.
        if day and first <= date.fromisoformat(day[0]) <= last + _ONE_DAY:
            return exception.fault(found, cure)
    return document.fields["week"].fault(found, cure)


def _read_day(exception: Spot, name: str) -> date:
    return date.fromisoformat(str(exception.fields[name].value))


def _known(loc: tuple[int | str, ...]) -> Iterable[str]:
    """The fields that may stand beside the last one of `loc`."""
    model: type[BaseModel] = CalendarFile
    match loc:
        case ("week", _):
            model = Week
        case ("exceptions", int(), _):
            model = CalendarException
    return [field.alias or name for name, field in model.model_fields.items()]
