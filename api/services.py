"""What a request needs from the process: database, engine, profiles, settings."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.metrics import Metrics
from api.temporal import Temporal
from domain.errors import UnknownThing
from policy.loader import Loaded
from policy.model import Profile
from settings import Settings
from store.engine import Connection, Engine, Result, written
from store.profiles import pinned_profile

# What our own ids are made of; anything else is an id that nobody has.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,159}")
_ID_SHOWN_MAX = 40

# A digest names its content: what was read once never changes.
_pinned: dict[str, Profile] = {}


@dataclass(frozen=True)
class Services:
    """Made once at start, shared by all requests."""

    settings: Settings
    database: Engine
    temporal: Temporal
    loaded: Loaded
    metrics: Metrics

    async def pinned(self, digest: str) -> Profile:
        """The profile that an order was started with."""
        if digest not in _pinned:
            async with self.reading() as conn:
                _pinned[digest] = Profile.model_validate(await pinned_profile(conn, digest))
        return _pinned[digest]

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection to read with."""
        async with self.database.connect() as conn:
            yield conn

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        """One transaction, committed at the end."""
        async with self.database.begin() as conn:
            yield conn

    async def written(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Does `work` in one transaction; once more when it and another waited for each other."""
        return await written(self.database, work)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Wired = Annotated[Services, Depends(_services)]


def plausible(kind: str, key: str) -> str:
    """`key` if it can be an id at all. Raises UnknownThing for newlines, NUL and the like."""
    if not _ID.fullmatch(key):
        raise UnknownThing(kind, key[:_ID_SHOWN_MAX])
    return key
