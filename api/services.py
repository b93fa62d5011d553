"""What a request needs from the process: database, engine, profiles, settings."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.metrics import Metrics
from api.temporal import Temporal
from domain.errors import UnknownThing
from policy.loader import Loaded
from settings import Settings
from store.engine import Connection, Engine

# What our own ids are made of; anything else is an id that nobody has.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,159}")
_ID_SHOWN_MAX = 40


@dataclass(frozen=True)
class Services:
    """Made once at start, shared by all requests."""

    settings: Settings
    database: Engine
    temporal: Temporal
    loaded: Loaded
    metrics: Metrics

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


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Wired = Annotated[Services, Depends(_services)]


def plausible(kind: str, key: str) -> str:
    """`key` if it can be an id at all. Raises UnknownThing for newlines, NUL and the like."""
    if not _ID.fullmatch(key):
        raise UnknownThing(kind, key[:_ID_SHOWN_MAX])
    return key
