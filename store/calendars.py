"""Published calendars: versions that never change once they are there."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.calendars import CalendarSpec
from domain.worktime import WorkCalendar
from store.engine import Connection
from store.tables import calendar_versions

Current = Mapping[str, tuple[int, str]]
"""The newest version of each published calendar, and the digest of its content."""

_newest = (
    select(calendar_versions.c.calendar, calendar_versions.c.version, calendar_versions.c.digest)
    .ext(distinct_on(calendar_versions.c.calendar))
    .order_by(calendar_versions.c.calendar, calendar_versions.c.version.desc())
    .subquery("newest")
)
_pair = func.jsonb_build_array(_newest.c.version, _newest.c.digest)

CURRENT = select(func.jsonb_object_agg(_newest.c.calendar, _pair)).scalar_subquery()
"""All newest versions in one value, to be read along with something else; null without any."""


Key = tuple[str, int, str]
"""Calendar, version and digest: what was built under it never changes."""

_built: dict[Key, WorkCalendar] = {}


@dataclass(frozen=True)
class Published:
    """A version; one that is only shipped was published by nobody."""

    version: int
    spec: CalendarSpec
    digest: str
    published_by: str | None
    published_at: datetime | None


async def current_versions(conn: Connection) -> Current:
    """The newest version of each published calendar."""
    return as_current(await conn.scalar(select(CURRENT)))


def as_current(value: Mapping[str, Sequence[Any]] | None) -> Current:
    """`CURRENT` as it was read."""
    return {name: (int(version), str(digest)) for name, (version, digest) in (value or {}).items()}


async def built_calendars(conn: Connection, keys: Collection[Key]) -> dict[Key, WorkCalendar]:
    """These calendars to count with; reads only those that this process has not met yet.

    The database must hold each of them.
    """
    missing = {(name, version) for name, version, _ in set(keys) - _built.keys()}
    for found in await read_versions(conn, missing) if missing else ():
        key = (found.spec.id, found.version, found.digest)
        _built[key] = found.spec.built(found.version)
    return {key: _built[key] for key in keys}


async def read_calendars(conn: Connection, labels: Iterable[str]) -> dict[str, WorkCalendar]:
    """The calendars that windows name `cn@3`, by that label; without those never published."""
    parts = (label.rpartition("@") for label in labels)
    wanted = {(name, int(version)) for name, _, version in parts if version.isdecimal()}
    columns = calendar_versions.c
    rows = await conn.execute(
        select(columns.calendar, columns.version, columns.digest).where(
            tuple_(columns.calendar, columns.version).in_(wanted)
        )
    )
    built = await built_calendars(conn, [(row.calendar, row.version, row.digest) for row in rows])
    return {calendar.label: calendar for calendar in built.values()}


async def list_current(conn: Connection) -> list[Published]:
    """The newest version of each published calendar, by calendar."""
    rows = await conn.execute(
        _versions().where(
            tuple_(calendar_versions.c.calendar, calendar_versions.c.version).in_(
                select(_newest.c.calendar, _newest.c.version)
            )
        )
    )
    return [_published(row._mapping) for row in rows]


async def list_versions(conn: Connection, calendar: str) -> list[Published]:
    """The versions of a calendar, the newest first; none when it was never published."""
    rows = await conn.execute(_versions().where(calendar_versions.c.calendar == calendar))
    return [_published(row._mapping) for row in rows]


async def read_versions(conn: Connection, wanted: Collection[tuple[str, int]]) -> list[Published]:
    """These versions of these calendars, as far as they are there."""
    named = tuple_(calendar_versions.c.calendar, calendar_versions.c.version).in_(wanted)
    return [_published(row._mapping) for row in await conn.execute(_versions().where(named))]


async def publish(
    conn: Connection, spec: CalendarSpec, version: int, *, digest: str, by: str
) -> None:
    """Keeps the next version. Raises Conflict when somebody else has published it meanwhile."""
    await conn.execute(insert(calendar_versions).values(_row(spec, version, digest, by)))


async def publish_first(conn: Connection, spec: CalendarSpec, *, digest: str, by: str) -> None:
    """Keeps version 1 of a calendar that was never published; does nothing otherwise."""
    row = _row(spec, 1, digest, by)
    await conn.execute(upsert(calendar_versions).values(row).on_conflict_do_nothing())


def _row(spec: CalendarSpec, version: int, digest: str, by: str) -> dict[str, Any]:
    return {
        "calendar": spec.id,
        "version": version,
        "body": spec.model_dump(mode="json"),
        "digest": digest,
        "published_by": by,
    }


def _versions() -> Select[Any]:
    table = calendar_versions.c
    return select(
        table.version, table.body, table.digest, table.published_by, table.published_at
    ).order_by(table.calendar, table.version.desc())


def _published(row: Mapping[Any, Any]) -> Published:
    return Published(
        version=row["version"],
        spec=CalendarSpec.model_validate(row["body"]),
        digest=row["digest"],
        published_by=row["published_by"],
        published_at=row["published_at"],
    )
