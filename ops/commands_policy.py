"""`dueline policy` and `dueline calendar`: read the rules, check them, and count with them."""

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from domain.errors import DuelineError
from domain.windows import Clock, Limit
from domain.worktime import WorkCalendar
from policy import calendars
from policy.deadlines import due_at
from policy.loader import Loaded, ProfileError, ProfileErrors, load_all, load_profile
from policy.model import Profile
from policy.reading import read_aloud

app = App(name="policy", help="The regulations as data: check, list and read them.")
calendar_app = App(name="calendar", help="Count working time the way the windows do.")

AsJson = Annotated[bool, Parameter(name="--json", negative="")]


@app.command
def check(*files: Path, as_json: AsJson = False) -> None:
    """Say what is wrong with profiles, as file:line:column with the cure.

    Without files the shipped profiles are checked. Exit code 1 when there is a problem.

    Examples: `dueline policy check`, `dueline policy check S08.yaml --json`
    """
    loaded = _load(files) if files else load_all()
    count = len(loaded.profiles) + len({error.file for error in loaded.errors})
    if as_json:
        _print_json({"profiles": count, "problems": [_problem(e) for e in loaded.errors]})
    else:
        for error in loaded.errors:
            print(error)
        print(f"{_count(count, 'profile')}, {_count(len(loaded.errors), 'problem')}")
    if loaded.errors:
        sys.exit(1)


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List the profiles with their steps and windows.

    Example: `dueline policy list`
    """
    loaded = load_all()
    if as_json:
        _print_json([_summary(profile) for profile in loaded.profiles.values()])
    else:
        table = Table()
        for heading in ("id", "title", "标题", "edition", "steps", "windows", "calendar"):
            table.add_column(heading, overflow="fold")
        for profile in loaded.profiles.values():
            table.add_row(*(str(value) for value in _summary(profile).values()))
        Console().print(table)
    _report(loaded.errors)


@app.command
def show(id: str, as_json: AsJson = False) -> None:
    """Read a profile aloud, article by article.

    Examples: `dueline policy show S08`, `dueline policy show S08 --json`
    """
    loaded = load_all()
    profile = loaded.profiles.get(id)
    if profile is None:
        _report(tuple(error for error in loaded.errors if Path(error.file).stem == id))
        _fail(f"there is no profile {id!r}; known: {', '.join(loaded.profiles)}")
    if as_json:
        print(profile.model_dump_json(indent=2))
    else:
        Console().print(read_aloud(profile), markup=False, highlight=False)


@calendar_app.command
def due(
    *,
    from_: Annotated[str, Parameter(name="--from")],
    work: str,
    calendar: str = "cn",
    as_json: AsJson = False,
) -> None:
    """When something is due that starts at an instant and may take so long.

    Example: `dueline calendar due --from 2026-09-30T17:00+08:00 --work 4h`

    Parameters
    ----------
    from_
        An instant with its offset, such as 2026-09-30T17:00+08:00.
    work
        30m or 4h of working time, 2wd, 24h/CT of elapsed time, or same_day.
    calendar
        The calendar's name.
    """
    try:
        days = calendars.calendar(calendar)
        start, limit = _instant(from_), Limit.parse(work)
        end = _due(days, start, limit)
        provisional = days.is_provisional(end)
    except (DuelineError, ValueError) as error:
        _fail(str(error))
    if as_json:
        _print_json(
            {
                "calendar": days.label,
                "from": start.isoformat(),
                "work": str(limit),
                "due": end.isoformat(),
                "provisional": provisional,
            }
        )
        return
    note = "; its holidays are not announced yet" if provisional else ""
    print(f"{end.isoformat()}  ({limit.words} by {days.label}{note})")


@calendar_app.command
def between(
    *,
    from_: Annotated[str, Parameter(name="--from")],
    to: str,
    calendar: str = "cn",
    as_json: AsJson = False,
) -> None:
    """How much working time lies between two instants.

    Example: `dueline calendar between --from 2026-09-30T17:00+08:00 --to 2026-10-08T11:30+08:00`

    Parameters
    ----------
    from_
        An instant with its offset.
    to
        An instant with its offset.
    calendar
        The calendar's name.
    """
    try:
        days = calendars.calendar(calendar)
        start, end = _instant(from_), _instant(to)
        worked = days.between(start, end)
    except (DuelineError, ValueError) as error:
        _fail(str(error))
    if as_json:
        facts = {"calendar": days.label, "from": start.isoformat(), "to": end.isoformat()}
        _print_json({**facts, "working_seconds": int(worked.total_seconds())})
    else:
        print(f"{_length(worked)} of working time by {days.label}")


def _load(files: tuple[Path, ...]) -> Loaded:
    profiles: dict[str, Profile] = {}
    errors: list[ProfileError] = []
    for file in files:
        try:
            profiles[str(file)] = load_profile(file)
        except ProfileErrors as found:
            errors.extend(found.errors)
    return Loaded(profiles, tuple(errors))


def _summary(profile: Profile) -> dict[str, Any]:
    return {
        "id": profile.id,
        "title": profile.title,
        "title_zh": profile.title_zh,
        "version": profile.version,
        "steps": len(profile.steps),
        "windows": len(tuple(profile.windows)),
        "calendar": profile.calendar,
    }


def _problem(error: ProfileError) -> dict[str, str | int]:
    return {
        "file": error.file,
        "line": error.line,
        "column": error.column,
        "field": error.field,
        "what": error.what,
        "cure": error.cure,
    }


def _due(days: WorkCalendar, start: datetime, limit: Limit) -> datetime:
    if limit.clock is Clock.PROMISED:
        raise ValueError("a promised date is an order's own; write 4h, 2wd, 24h/CT or same_day")
    return due_at(days, limit, start, promised=start)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no instant; write 2026-09-30T17:00+08:00") from error
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write {text}+08:00 or whatever it is there")
    return instant


def _length(length: timedelta) -> str:
    minutes, seconds = divmod(abs(int(length.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (seconds, "s")]
    text = " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 min"
    return f"-({text})" if length < timedelta(0) else text


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _report(errors: tuple[ProfileError, ...]) -> None:
    for error in errors:
        print(error, file=sys.stderr)
    if errors:
        sys.exit(1)


def _fail(what: str) -> NoReturn:
    print(what, file=sys.stderr)
    sys.exit(1)
