"""`dueline policy`: read the rules and check them."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from policy.calendar_loader import CALENDAR_FILES, is_calendar, load_calendars
from policy.loader import Loaded, ProfileError, ProfileErrors, load_all, load_profile
from policy.model import Profile
from policy.reading import read_aloud

app = App(name="policy", help="The regulations as data: check, list and read them.")

AsJson = Annotated[bool, Parameter(name="--json", negative="")]


@app.command
def check(*files: Path, as_json: AsJson = False) -> None:
    """Say what is wrong with profiles and calendars, as file:line:column with the cure.

    Without files those that are shipped are checked. Exit code 1 when there is a problem.

    Examples: `dueline policy check`, `dueline policy check S08.yaml --json`
    """
    plans = [file for file in files if is_calendar(file)]
    wanted = tuple(file for file in files if file not in plans)
    loaded = load_all() if not files else _load(wanted)
    calendars, errors = load_calendars(plans if files else CALENDAR_FILES.glob("*.yaml"))
    errors = (*loaded.errors, *errors)
    count = len(loaded.profiles) + len({error.file for error in loaded.errors})
    counts = {"profiles": count, "calendars": calendars}
    if as_json:
        _print_json({**counts, "problems": [_problem(e) for e in errors]})
    else:
        for error in errors:
            print(error)
        said = [_count(number, noun[:-1]) for noun, number in counts.items()]
        print(", ".join([*said, _count(len(errors), "problem")]))
    if errors:
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
