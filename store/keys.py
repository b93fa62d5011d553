"""API keys: only their SHA-256 digests are stored, so a stolen table opens nothing.

Keys are long and random, which is why a plain digest needs no salt.
"""

import hashlib

from sqlalchemy import select

from domain.base import Record
from domain.roles import Role
from store.engine import Connection
from store.tables import api_keys


class KeyHolder(Record):
    """Who a key speaks for. `digest` identifies the key without revealing it."""

    digest: str
    name: str
    roles: tuple[Role, ...]
    customer: str | None


def digest_of(key: str) -> str:
    """The digest under which a key is stored."""
    return hashlib.sha256(key.encode()).hexdigest()


async def holder_of(conn: Connection, key: str) -> KeyHolder | None:
    """The holder of a key; none when it is unknown or revoked."""
    columns = api_keys.c
    found = await conn.execute(
        select(columns.digest, columns.name, columns.roles, columns.customer).where(
            columns.digest == digest_of(key), columns.revoked_at.is_(None)
        )
    )
    row = found.mappings().one_or_none()
    if row is None:
        return None
    # A role that a later version has dropped opens nothing and locks nobody out.
    roles = tuple(Role(name) for name in row["roles"] if name in set(Role))
    return KeyHolder(digest=row["digest"], name=row["name"], roles=roles, customer=row["customer"])
