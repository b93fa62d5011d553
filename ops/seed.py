"""What a new platform starts with: an example factory, and one API key for each role."""

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field

from domain.base import Code, Line, Number, Record
from domain.money import Currency, UnitPrice
from domain.roles import Role
from policy.calendar_building import digest_of as digest
from policy.calendar_loader import CALENDAR_FILES
from policy.calendars import SHIPPED, shipped
from store import calendars, master
from store.engine import Connection, create_engine
from store.keys import digest_of

EXAMPLE_FACTORY = Path(__file__).resolve().parents[1] / "examples" / "master"
KEYS_FILE = "api-keys.json"
WEBHOOK_KEY_FILE = "webhook-key"
KEY_BYTES = 24

Entry = TypeVar("Entry", bound=Record)
Positive = Annotated[Number, Field(gt=0)]


class CustomerEntry(Record):
    """A row of `customers.json`; `credit_limit` counts only for a customer that is new."""

    code: Code
    name: Line
    contact: Line | None = None
    phone: Line | None = None
    email: Line | None = None
    address: Line | None = None
    currency: Currency
    credit_limit: Annotated[Number, Field(ge=0)] | None = None


class MaterialEntry(Record):
    """A row of `materials.json`; `on_hand` counts only for a material that is new."""

    code: Code
    name: Line
    name_zh: Line
    unit: Line
    on_hand: Annotated[Number, Field(ge=0)] = Decimal(0)


class LineEntry(Record):
    """A row of `lines.json`; a shift is a pair such as `["08:30", "12:00"]`."""

    code: Code
    name: Line
    name_zh: Line
    shifts: Annotated[tuple[tuple[str, str], ...], Field(min_length=1)]


class BillEntry(Record):
    """One material of a product, and how much a unit takes."""

    material: Code
    per_unit: Positive


class ProductEntry(Record):
    """A row of `products.json`; `prices` are list prices by currency, for lines added later."""

    code: Code
    name: Line
    name_zh: Line
    unit: Line
    line: Code
    minutes_per_unit: Positive
    prices: dict[Currency, UnitPrice] = Field(default_factory=dict)
    bom: tuple[BillEntry, ...]


async def seed_platform(database_url: str, data_dir: Path) -> dict[str, str]:
    """Makes sure that there is one API key for each role, and returns them by role.

    The keys stand in `<data_dir>/api-keys.json`, readable by its owner alone, and stay the same
    over restarts, also when the database is a fresh one; the database knows their digests only.
    A database without customers gets the example factory of `examples/master`: the embedded
    platform can be tried at once. The customer's key speaks for the first customer by code;
    without any customer there is none.
    """
    async with _transaction(database_url) as conn:
        customer = await master.first_customer(conn)
        if customer is None and EXAMPLE_FACTORY.is_dir():
            await _load(conn, EXAMPLE_FACTORY)
            customer = await master.first_customer(conn)
        keys = _keys(data_dir, [role for role in Role if customer or role is not Role.CUSTOMER])
        rows = [
            {
                "digest": digest_of(key),
                "name": f"{Role(role).words} (local)",
                "roles": [role],
                "customer": customer if role == Role.CUSTOMER else None,
            }
            for role, key in keys.items()
        ]
        await master.save_api_keys(conn, rows)
    return keys


def webhook_key(data_dir: Path) -> str:
    """The key that customers' webhook secrets are made of; made at the first start, and kept.

    It stands in `<data_dir>/webhook-key`, readable by its owner alone. With another one every
    receiver would have to learn a new secret.
    """
    path = data_dir / WEBHOOK_KEY_FILE
    if not path.exists():
        _write_private(path, secrets.token_hex(KEY_BYTES) + "\n")
    return path.read_text("utf-8").strip()


async def seed_calendars(database_url: str) -> tuple[str, ...]:
    """Publishes each shipped calendar that never was; says which published ones differ by now.

    Once there, a calendar changes only when somebody publishes it: a newer release or newly
    announced holidays move no open window by themselves.
    """
    async with _transaction(database_url) as conn:
        for name in SHIPPED:
            spec = shipped(name)
            await calendars.publish_first(conn, spec, digest=digest(spec), by="platform")
        current = await calendars.current_versions(conn)
    return tuple(
        f"calendar {name} as shipped differs from {name}@{version}, which counts; look at it "
        f"with `dueline calendar publish {CALENDAR_FILES / name}.yaml`"
        for name, (version, published) in sorted(current.items())
        if name in SHIPPED and digest(shipped(name)) != published
    )


async def load_master_data(database_url: str, folder: Path) -> None:
    """Loads customers, materials, lines and products from `folder`, as often as you like.

    Corrects what is known already and removes nothing; what is on hand of a known material is
    left alone. Raises pydantic's ValidationError for a row that cannot be.
    """
    async with _transaction(database_url) as conn:
        await _load(conn, folder)


async def _load(conn: Connection, folder: Path) -> None:
    customers = _read(folder / "customers.json", CustomerEntry)
    materials = _read(folder / "materials.json", MaterialEntry)
    lines = _read(folder / "lines.json", LineEntry)
    products = _read(folder / "products.json", ProductEntry)
    await master.save_customers(conn, [row.model_dump() for row in customers])
    await master.save_materials(conn, [row.model_dump() for row in materials])
    await master.save_lines(conn, [row.model_dump() for row in lines])
    bills = {row.code: [item.model_dump() for item in row.bom] for row in products}
    await master.save_products(conn, [_product(row) for row in products], bills)


def _product(row: ProductEntry) -> dict[str, object]:
    prices = {currency.value: str(price) for currency, price in row.prices.items()}
    return {**row.model_dump(exclude={"bom"}), "prices": prices}


def _read(path: Path, entry: type[Entry]) -> tuple[Entry, ...]:
    rows = json.loads(path.read_bytes())
    return tuple(entry.model_validate(row) for row in rows)


def _keys(data_dir: Path, roles: list[Role]) -> dict[str, str]:
    """The keys of an earlier start, and new ones for roles that had none."""
    path = data_dir / KEYS_FILE
    known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    keys = {
        role.value: known.get(role.value) or f"dl_{role.value}_{secrets.token_urlsafe(KEY_BYTES)}"
        for role in roles
    }
    if keys != known:
        _write_private(path, json.dumps(keys, indent=2) + "\n")
    return keys


def _write_private(path: Path, text: str) -> None:
    """Writes beside its place first: nobody ever reads half a file, or one that others can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)


@asynccontextmanager
async def _transaction(database_url: str) -> AsyncIterator[Connection]:
    engine = create_engine(database_url, pool_size=1)
    try:
        async with engine.begin() as conn:
            yield conn
    finally:
        await engine.dispose()
