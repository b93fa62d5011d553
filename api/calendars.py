"""Calendars: what counts now, which versions there were, and publishing the next one."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from api import examples
from api.access import Caller
from api.body import Posted, posted
from api.calendar_preview import WindowPreview, preview_windows
from api.openapi import takes
from api.problems import Kind, Problem
from api.services import Wired, plausible
from domain.base import Record
from domain.calendars import CalendarSpec
from domain.errors import CalendarError, InvalidField, UnknownThing
from domain.worktime import WorkCalendar
from policy.calendar_building import FIRST_VERSION, build, digest_of
from policy.calendar_diff import DayChange, day_changes
from policy.calendars import SHIPPED, shipped
from store import calendars
from store.calendars import Published
from store.engine import Conflict, Connection
from store.publication import standing
from workflows.contract import CalendarPublished, publication_workflow_id

router = APIRouter(tags=["calendars"])

CHANGES_SHOWN_MAX = 100
LEFT_SHOWN_MAX = 50
MOVED_ON = Kind(HTTPStatus.CONFLICT, "calendar-moved-on", "The calendar is not what was looked at")


class CalendarItem(Record):
    """A calendar in the list."""

    id: str
    version: int
    title: str
    title_zh: str
    zone: str
    first_year: int
    last_year: int
    provisional_years: tuple[int, ...] = Field(description="Holidays not announced yet: estimated")
    published_by: str | None
    published_at: datetime | None
    links: dict[str, str]


class CalendarView(CalendarItem):
    """A calendar with all its dates, and the windows that its newest version has not reached."""

    spec: CalendarSpec
    windows_behind: int
    behind: tuple[str, ...] = ()


class Publishing(Record):
    """The next version. Without `confirm` it is a dry run; `confirm` is the dry run's digest."""

    spec: CalendarSpec
    confirm: str | None = None


class DryRun(Record):
    """What publishing would do. Nothing has changed."""

    calendar: str
    version: int
    digest: str
    days_changed: int
    changes: tuple[DayChange, ...] = Field(description="By what changes, at most 100")
    provisional_years: tuple[int, ...]
    windows: WindowPreview


class Accepted(Record):
    """The version counts from now on; its workflow tells every open window."""

    calendar: str
    version: int
    workflow: str
    links: dict[str, str]


@router.get("/calendars")
async def list_all(services: Wired, _: Caller) -> tuple[CalendarItem, ...]:
    """Lists the calendars with the version that counts."""
    async with services.reading() as conn:
        published = {found.spec.id: found for found in await calendars.list_current(conn)}
    names = sorted({*SHIPPED, *published})
    return tuple(_item(published.get(name) or _as_shipped(name)) for name in names)


@router.get("/calendars/{calendar_id}")
async def show(calendar_id: str, services: Wired, _: Caller) -> CalendarView:
    """Shows a calendar: shifts, dates, provisional years, and how far its publication is."""
    async with services.reading() as conn:
        found = (await _versions(conn, calendar_id))[0]
        behind = await standing(conn, found.spec.id, found.version, LEFT_SHOWN_MAX)
    return CalendarView(
        **_item(found).model_dump(),
        spec=found.spec,
        windows_behind=behind.left_count,
        behind=behind.left,
    )


@router.get("/calendars/{calendar_id}/versions")
async def versions(calendar_id: str, services: Wired, _: Caller) -> tuple[CalendarItem, ...]:
    """Lists a calendar's versions, the newest first."""
    async with services.reading() as conn:
        return tuple(_item(found) for found in await _versions(conn, calendar_id))


@router.post(
    "/calendars/{calendar_id}/versions",
    status_code=201,
    responses={200: {"model": DryRun, "description": "The dry run"}},
    openapi_extra=takes(Publishing, examples.CALENDAR),
)
async def publish(
    calendar_id: str,
    response: Response,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[Publishing], posted(Publishing)],
) -> Accepted | DryRun:
    """Publishes the next version; first, without `confirm`, says what that would do.

    The dry run lists the days that change and the open windows that move. Its `digest` sent as
    `confirm` publishes; 409 when somebody else has published meanwhile. Sending it again after a
    503 starts what is missing.
    """
    spec, confirm = body.value.spec, body.value.confirm
    if spec.id != plausible("calendar", calendar_id):
        raise InvalidField("spec.id", f"is not {calendar_id}; publish it under its own address")
    async with services.writing() as conn:
        known = await calendars.list_versions(conn, spec.id)
        if not known and spec.id in SHIPPED:
            known = [_as_shipped(spec.id)]
        _keeps_the_years(spec, known)
        is_current = bool(known) and digest_of(spec) == known[0].digest
        if is_current and confirm == _confirmation(spec, known[0].version):
            version = known[0].version  # published before, and the answer was lost
        else:
            version = known[0].version + 1 if known else FIRST_VERSION
            new = _built(spec, version)
            if confirm is None:
                response.status_code = 200
                return await _dry_run(conn, spec, new, known)
            await _keep(conn, spec, version, confirm, known, caller.name)
    published = CalendarPublished(calendar=spec.id, version=version)
    await services.temporal.start_publication(published)
    return Accepted(
        calendar=spec.id,
        version=version,
        workflow=publication_workflow_id(published),
        links={"calendar": f"/calendars/{spec.id}"},
    )


def _keeps_the_years(spec: CalendarSpec, known: Sequence[Published]) -> None:
    """Raises InvalidField: windows run in years that a narrower version would not know."""
    if not known:
        return
    first, last = known[0].spec.first_year, known[0].spec.last_year
    if spec.first_year > first:
        raise InvalidField("spec.first_year", f"is later than before; write {first} or earlier")
    if spec.last_year < last:
        raise InvalidField("spec.last_year", f"is earlier than before; write {last} or later")


async def _dry_run(
    conn: Connection, spec: CalendarSpec, new: WorkCalendar, known: Sequence[Published]
) -> DryRun:
    changes: tuple[DayChange, ...] = ()
    if known:
        changes = day_changes(build(known[0].spec, known[0].version), new)
    return DryRun(
        calendar=spec.id,
        version=int(new.version),
        digest=_confirmation(spec, int(new.version)),
        days_changed=sum(change.count for change in changes),
        changes=changes[:CHANGES_SHOWN_MAX],
        provisional_years=spec.provisional_years,
        windows=await preview_windows(conn, new, datetime.now(UTC)),
    )


async def _keep(
    conn: Connection,
    spec: CalendarSpec,
    version: int,
    confirm: str,
    known: Sequence[Published],
    by: str,
) -> None:
    moved_on = Problem(
        MOVED_ON, f"{spec.id} has another version or content by now; run the dry run again"
    )
    if confirm != _confirmation(spec, version):
        raise moved_on
    if known and digest_of(spec) == known[0].digest:
        raise InvalidField("spec", f"is what {spec.id}@{known[0].version} says; change something")
    if known and known[0].published_at is None:
        # What counted until now stays on record as the version that windows name.
        await calendars.publish_first(conn, known[0].spec, digest=known[0].digest, by="platform")
    try:
        await calendars.publish(conn, spec, version, digest=digest_of(spec), by=by)
    except Conflict as error:
        raise moved_on from error


async def _versions(conn: Connection, calendar_id: str) -> Sequence[Published]:
    """Its versions, the newest first, at least one. Raises UnknownThing."""
    found = await calendars.list_versions(conn, plausible("calendar", calendar_id))
    if found:
        return found
    if calendar_id in SHIPPED:
        return [_as_shipped(calendar_id)]
    known = {*SHIPPED, *await calendars.current_versions(conn)}
    raise UnknownThing("calendar", calendar_id, known=tuple(sorted(known)))


def _as_shipped(name: str) -> Published:
    """What counts where nothing was published."""
    spec = shipped(name)
    return Published(FIRST_VERSION, spec, digest_of(spec), published_by=None, published_at=None)


def _built(spec: CalendarSpec, version: int) -> WorkCalendar:
    try:
        return build(spec, version)
    except CalendarError as error:
        raise InvalidField("spec", str(error)) from error


def _confirmation(spec: CalendarSpec, version: int) -> str:
    """Names content and version: whoever sends it has seen what this version does."""
    return hashlib.sha256(f"{spec.id}@{version} {digest_of(spec)}".encode()).hexdigest()


def _item(found: Published) -> CalendarItem:
    return CalendarItem(
        **found.spec.model_dump(
            include=set(CalendarItem.model_fields) & set(CalendarSpec.model_fields)
        ),
        version=found.version,
        published_by=found.published_by,
        published_at=found.published_at,
        links={
            "self": f"/calendars/{found.spec.id}",
            "versions": f"/calendars/{found.spec.id}/versions",
        },
    )
