"""An API over a database of its own, and an engine that writes down what it was told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import delete, func, insert, select, update

from api.app import create_app
from api.problems import away
from api.temporal import Temporal, WorkflowGone
from domain.roles import Role
from ops.repair.executions import Execution
from ops.stack.postgres import EmbeddedPostgres
from policy.loader import Loaded, load_all
from settings import Settings
from store.engine import Engine, create_engine
from store.keys import digest_of
from store.tables import (
    api_keys,
    changes,
    customers,
    idempotency_keys,
    lines,
    metadata,
    orders,
    products,
)
from telemetry.log import configure_log
from tests.api.factory import NEW_SECRET, OLD_SECRET, Body, key_of, order_body
from tests.loopback import served
from workflows.contract import (
    CalendarPublished,
    CaseByHand,
    OrderStart,
    TaskCompleted,
    TaskCompletion,
    WindowsAdjusted,
    WindowsAdjustment,
)

NOBODY_LISTENS = "127.0.0.1:1"
DATABASE = "tests_api"
PAYMENT_SECRETS = f"bank:{NEW_SECRET},bank:{OLD_SECRET}"
WEBHOOK_KEY = "a-key-for-tests-of-webhooks-of-32-characters"
KEPT = {"customers", "materials", "lines", "products", "bill_of_materials", "api_keys"}


class RecordingTemporal(Temporal):
    """Stands in for the engine where a test asks what it was told, or what happens without it."""

    def __init__(self) -> None:
        super().__init__(Settings(temporal_address=NOBODY_LISTENS))
        self.forget()

    def forget(self) -> None:
        """Back to the beginning."""
        self.is_away = False
        self.has_closed = False
        self.started: list[OrderStart] = []
        self.published: list[CalendarPublished] = []
        self.cases: list[CaseByHand] = []
        self.signals: list[tuple[str, str, BaseModel]] = []
        self.adjusted: list[tuple[str, WindowsAdjustment]] = []
        self.execution: Execution | None = None

    async def ping(self) -> None:
        if self.is_away:
            raise away("the workflow engine cannot be reached at the moment")

    async def start(self, start: OrderStart) -> None:
        await self.ping()
        self.started.append(start)

    async def look(self, order_id: str) -> Execution | None:
        return self.execution

    async def start_publication(self, published: CalendarPublished) -> None:
        await self.ping()
        self.published.append(published)

    async def open_case(self, asked: CaseByHand) -> str:
        await self.ping()
        self.cases.append(asked)
        return f"case-{asked.window.key.replace('/', '.')}"

    async def signal(self, order_id: str, name: str, notice: BaseModel) -> None:
        await self.ping()
        if self.has_closed:
            raise WorkflowGone(order_id)
        self.signals.append((order_id, name, notice))

    async def adjust_windows(self, order_id: str, wished: WindowsAdjustment) -> WindowsAdjusted:
        await self.ping()
        if self.has_closed:
            raise WorkflowGone(order_id)
        self.adjusted.append((order_id, wished))
        return WindowsAdjusted(windows=(f"{order_id}/confirm/1",))

    async def complete(self, workflow_id: str, completion: TaskCompletion) -> TaskCompleted:
        raise AssertionError("tests of completion talk to a real engine")


@dataclass
class House:
    """The API and what stands behind it."""

    app: FastAPI
    database_url: str
    engine: Engine
    temporal: RecordingTemporal

    def client(self, key: str | None, address: str = "203.0.113.7") -> httpx.AsyncClient:
        """A client with this key that comes from `address`."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        transport = httpx.ASGITransport(self.app, client=(address, 4711))
        return httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)

    async def count(self) -> tuple[int, int, int]:
        """How many orders, wishes and retry keys are stored."""
        async with self.engine.connect() as conn:
            counts = [
                await conn.scalar(select(func.count()).select_from(table))
                for table in (orders, changes, idempotency_keys)
            ]
        return counts[0] or 0, counts[1] or 0, counts[2] or 0

    async def clear(self) -> None:
        """Forgets every order, gives revoked keys back, and mends the engine."""
        async with self.engine.begin() as conn:
            for table in reversed(metadata.sorted_tables):
                if table.name not in KEPT:
                    await conn.execute(delete(table))
            await conn.execute(update(api_keys).values(revoked_at=None))
            free = {"credit_limit": None, "blocked_at": None, "blocked_because": None}
            await conn.execute(update(customers).values(free))
        self.temporal.forget()

    async def rows(self, table: Any) -> list[Body]:
        """All rows of a table."""
        async with self.engine.connect() as conn:
            return [dict(row) for row in (await conn.execute(select(table))).mappings()]

    async def end(self, order_id: str, state: str) -> None:
        """An order ends as its workflow would end it."""
        ended = {"state": state, "closed_at": datetime.now(UTC)}
        async with self.engine.begin() as conn:
            await conn.execute(update(orders).where(orders.c.id == order_id).values(**ended))

    async def insert(self, table: Any, **row: Any) -> None:
        """Stores a row as the activities would."""
        async with self.engine.begin() as conn:
            await conn.execute(insert(table).values(**row))


@pytest.fixture(scope="session", autouse=True)
def _log() -> None:
    """The log as the process has it: structlog's own default prints every local variable."""
    configure_log("console")


@pytest.fixture(scope="session")
def loaded() -> Loaded:
    """The profiles that are shipped; reading them takes a while."""
    return load_all()


@asynccontextmanager
async def open_house(database_url: str, loaded: Loaded) -> AsyncIterator[House]:
    """The API, started, over two customers, two products and a key for each role."""
    engine = create_engine(database_url, pool_size=2)
    async with engine.begin() as conn:
        for code in ("C-0001", "C-0002"):
            await conn.execute(insert(customers).values(code=code, name=code, currency="CNY"))
        line = {"code": "PANEL", "name": "Panels", "name_zh": "冷光片线"}
        await conn.execute(insert(lines).values(**line, shifts=[["08:30", "12:00"]]))
        for code in ("EL-A4", "EL-A5"):
            product = {"code": code, "name": code, "name_zh": code, "unit": "pc", "line": "PANEL"}
            made = {"minutes_per_unit": 4, "prices": {"CNY": "40.00"}}
            await conn.execute(insert(products).values(**product, **made))
        await conn.execute(insert(api_keys), [_key(role.value, role, None) for role in Role])
        await conn.execute(insert(api_keys), [_key("customer-2", Role.CUSTOMER, "C-0002")])
    temporal = RecordingTemporal()
    settings = Settings(
        database_url=database_url, payment_secrets=PAYMENT_SECRETS, webhook_key=WEBHOOK_KEY
    )
    app = create_app(settings, loaded=loaded, temporal=temporal)
    async with app.router.lifespan_context(app):
        yield House(app, database_url, engine, temporal)
    await engine.dispose()


def _key(name: str, role: Role, customer: str | None) -> dict[str, Any]:
    if role is Role.CUSTOMER:
        customer = customer or "C-0001"
    key = {"digest": digest_of(key_of(name)), "name": name, "roles": [role.value]}
    return key | {"customer": customer}


@pytest.fixture(scope="session")
async def opened_house(
    postgres: EmbeddedPostgres, template_database: str, loaded: Loaded
) -> AsyncIterator[House]:
    """One API for the session: a database for each of 200 tests would cost most of the time."""
    connection = await postgres.connect("postgres")
    await connection.execute(f'CREATE DATABASE "{DATABASE}" TEMPLATE "{template_database}"')
    async with open_house(postgres.url(DATABASE), loaded) as opened:
        yield opened
    await connection.execute(f'DROP DATABASE "{DATABASE}" WITH (FORCE)')
    await connection.close()


@pytest.fixture
async def house(opened_house: House) -> AsyncIterator[House]:
    """The API, with master data and keys and nothing else."""
    yield opened_house
    await opened_house.clear()


@pytest.fixture
async def address(house: House) -> AsyncIterator[str]:
    """Where the API answers over HTTP, for the commands that ask it."""
    async with served(house.app) as found:
        yield found


@pytest.fixture
async def order_id(sales: httpx.AsyncClient) -> str:
    """An order of customer C-0001 over 40 EL-A4."""
    found: str = (await sales.post("/orders", json=order_body())).json()["id"]
    return found


@pytest.fixture
def at_home(address: str) -> dict[str, Any]:
    """What the commands need to find the API: its address and the order desk's key."""
    return {"api": address, "key": key_of("order_desk")}


@pytest.fixture
async def sales(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the sales desk's key."""
    async with house.client(key_of("sales")) as client:
        yield client


@pytest.fixture
async def customer(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the key of customer C-0001."""
    async with house.client(key_of("customer")) as client:
        yield client


@pytest.fixture
async def finance(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the key of the finance department."""
    async with house.client(key_of("finance")) as client:
        yield client


@pytest.fixture
async def stranger(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the key of customer C-0002."""
    async with house.client(key_of("customer-2")) as client:
        yield client


@pytest.fixture
def now() -> datetime:
    """The present, for rows that activities would write."""
    return datetime.now(UTC)
