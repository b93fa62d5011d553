"""Pinned profiles: an order keeps the regulation it started under."""

import hashlib
import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from domain.errors import UnknownThing
from store.engine import Connection
from store.tables import profile_versions


async def pin_profile(conn: Connection, body: dict[str, Any], profile_id: str, version: int) -> str:
    """Keeps a profile's JSON under its SHA-256 and returns that digest; repeating is harmless."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    row = {"digest": digest, "profile": profile_id, "version": version, "body": body}
    await conn.execute(insert(profile_versions).values(row).on_conflict_do_nothing())
    return digest


async def pinned_profile(conn: Connection, digest: str) -> dict[str, Any]:
    """The profile's JSON. Raises UnknownThing."""
    body: dict[str, Any] | None = await conn.scalar(
        select(profile_versions.c.body).where(profile_versions.c.digest == digest)
    )
    if body is None:
        raise UnknownThing("profile version", digest)
    return body
