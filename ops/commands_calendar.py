"""`dueline calendar`: what counts on the platform, check and publish files, and the sums."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from domain.calendars import CalendarSpec
from domain.roles import Role
from ops import calendar_sums
from ops.commands_orders import Address, AsJson, Key
from ops.order_lookup import client_for
from ops.order_tables import Item, console, local
from policy.calendar_loader import load_calendar, load_calendars
from policy.faults import ProfileErrors

READER = Role.CONTROL
PUBLISHER = Role.OPERATIONS

app = App(
    name="calendar",
    help="Working calendars: check and publish them; count with the shipped ones.",
)
calendar_sums.register(app)


@app.command(name="list")
async def list_(as_json: AsJson = False, *, api: Address = None, key: Key = None) -> None:
    """List the calendars that count on the platform.

    Example: `dueline calendar list`
    """
    async with client_for(api, key, READER) as client:
        found = await client.get("/calendars")
    if as_json:
        _print_json(found)
        return
    table = Table("id", "version", "title", "标题", "zone", "years", "provisional", "published")
    for item in found:
        table.add_row(
            item["id"],
            str(item["version"]),
            item["title"],
            item["title_zh"],
            item["zone"],
            f"{item['first_year']}-{item['last_year']}",
            _span(item["provisional_years"]),
            local(item["published_at"]),
        )
    console().print(table)


@app.command
async def show(id: str, as_json: AsJson = False, *, api: Address = None, key: Key = None) -> None:
    """Show a calendar that counts on the platform: shifts, exceptions, provisional years.

    Examples: `dueline calendar show cn`, `dueline calendar show cn --json`
    """
    async with client_for(api, key, READER) as client:
        found = await client.get(f"/calendars/{id}")
    if as_json:
        _print_json(found)
        return
    spec, out = found["spec"], console()
    out.print(f"{id}@{found['version']}  {spec['title']}  {spec['title_zh']}", markup=False)
    out.print(f"{spec['first_year']} to {spec['last_year']} in {spec['zone']}", markup=False)
    for day, shifts in spec["week"].items():
        out.print(f"  {day}  {_shifts(shifts)}", markup=False)
    counts = f"{len(spec['holidays'])} holidays, {len(spec['makeup_days'])} make-up days"
    out.print(f"{counts}; {_provisional(spec['provisional_years'])}", markup=False)
    for exception in spec["exceptions"]:
        days = f"{exception['from']} to {exception['to']}"
        said = f"  {days}  {_shifts(exception['shifts'])}  {exception['reason']}"
        out.print(said, markup=False)
    if found["windows_behind"]:
        out.print(f"{found['windows_behind']} open windows still run on an older version.")


@app.command
def check(*files: Path, as_json: AsJson = False) -> None:
    """Say what is wrong with calendar files, as file:line:column with the cure.

    Exit code 1 when there is a problem.

    Example: `dueline calendar check cn.yaml`
    """
    count, errors = load_calendars(files)
    if as_json:
        _print_json({"calendars": count, "problems": [str(error) for error in errors]})
    else:
        for error in errors:
            print(error)
        print(f"{count} calendar{'' if count == 1 else 's'}, {len(errors)} wrong places")
    if errors:
        sys.exit(1)


@app.command
async def publish(
    file: Path,
    *,
    yes: Annotated[bool, Parameter(negative="", help="Publish it.")] = False,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Say which days and open windows a calendar file would move; with --yes, publish it.

    Every open window on the calendar is then counted anew; what is used stays used.

    Examples

        dueline calendar publish cn.yaml
        dueline calendar publish cn.yaml --yes
    """
    try:
        spec = load_calendar(file)
    except ProfileErrors as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    path, body = f"/calendars/{spec.id}/versions", {"spec": spec.model_dump(mode="json")}
    async with client_for(api, key, PUBLISHER) as client:
        preview = (await client.post(path, body)).body
        done = None
        if yes:
            done = (await client.post(path, {**body, "confirm": preview["digest"]})).body
    if as_json:
        _print_json({"dry_run": preview, "published": done})
        return
    _print_preview(spec, preview)
    if done is None:
        print(f"Nothing has changed yet. To publish it: dueline calendar publish {file} --yes")
    else:
        print(
            f"{spec.id}@{done['version']} counts from now on; {done['workflow']} tells the orders."
        )


def _print_preview(spec: CalendarSpec, preview: Item) -> None:
    out, counts = console(), preview["windows"]["counts"]
    print(f"{spec.id}@{preview['version']}: {preview['days_changed']} days change")
    for change in preview["changes"]:
        hours = f"{change['before']} → {change['after']}"
        out.print(f"  {_which_days(change)}: {hours}", markup=False)
    print(_provisional(spec.provisional_years))
    said = f"{counts['moving']} of {counts['running']} open windows move"
    rest = {
        "later": "of an earlier release move when their order next acts",
        "failed": "cannot be computed: the calendar does not reach that far",
        "skipped": "were not looked at",
    }
    print(
        "; ".join([said, *(f"{counts[name]} {why}" for name, why in rest.items() if counts[name])])
    )
    if preview["windows"]["moved"]:
        table = Table("order", "window", "step", "due before", "due after", box=None)
        for moved in preview["windows"]["moved"]:
            order = moved["order_number"] or moved["order"]
            due = local(moved["due_before"]), local(moved["due_after"])
            table.add_row(order, moved["rule"], moved["step"], *due)
        out.print(table)


def _which_days(change: Item) -> str:
    if change["count"] > len(change["days"]):
        return f"{change['count']} days from {change['first']} to {change['last']}"
    return ", ".join(change["days"])


def _shifts(shifts: list[list[str]]) -> str:
    return "  ".join("-".join(pair) for pair in shifts) or "closed"


def _provisional(years: Any) -> str:
    if not years:
        return "all holidays are announced"
    return f"provisional: {_span(years)}, whose holidays are not announced yet"


def _span(years: Any) -> str:
    return f"{min(years)}-{max(years)}" if years else "-"


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
