"""API keys: only their SHA-256 digests are stored, so a stolen table opens nothing.

Keys are long and random, which is why a plain digest needs no salt.
"""

import hashlib
from collections.abc import Collection

from sqlalchemy import func, insert, select, update

from domain.base import Instant, Record
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


class KeyEntry(Record):
    """A key as its owner may see it: everything but the key."""

    name: str
    roles: tuple[str, ...]
    customer: str | None
    revoked_at: Instant | None


async def add_key(
    conn: Connection, key: str, name: str, roles: Collection[Role], customer: str | None
) -> None:
    """Lets a key in. Raises Conflict for a key that is known and a customer that is not."""
    await conn.execute(
        insert(api_keys).values(
            digest=digest_of(key), name=name, roles=sorted(roles), customer=customer
        )
    )


async def list_keys(conn: Connection) -> list[KeyEntry]:
    """All keys by name, revoked ones after those that open."""
    columns = api_keys.c
    found = await conn.execute(
        select(columns.name, columns.roles, columns.customer, columns.revoked_at).order_by(
            columns.name, columns.revoked_at.nulls_first()
        )
    )
    return [KeyEntry(**row) for row in found.mappings()]


async def open_keys(conn: Connection, name: str) -> list[str]:
    """The digests of the keys of this name that still open."""
    columns = api_keys.c
    found = await conn.scalars(
        select(columns.digest).where(columns.name == name, columns.revoked_at.is_(None))
    )
    return list(found)


async def revoke_keys(conn: Connection, name: str) -> int:
    """Shuts the keys of this name from now on; returns how many still opened."""
    shut = await conn.execute(
        update(api_keys)
        .where(api_keys.c.name == name, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )
    return shut.rowcount
