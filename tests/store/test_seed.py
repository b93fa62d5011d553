"""A new platform: the example factory, and keys that survive a restart."""

import asyncio
import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.roles import Role
from ops.seed import EXAMPLE_FACTORY, load_master_data, seed_calendars, seed_platform
from policy.calendar_building import digest_of
from policy.calendar_loader import CALENDAR_FILES
from policy.calendars import SHIPPED, shipped
from store import tables
from store.calendars import publish_first
from store.engine import create_engine
from store.keys import holder_of
from tests.store.bench import Bench


async def test_every_role_gets_a_key_that_only_its_owner_can_read(
    database_url: str, tmp_path: Path
) -> None:
    keys = await seed_platform(database_url, tmp_path)

    assert set(keys) == {role.value for role in Role}
    assert (tmp_path / "api-keys.json").stat().st_mode & 0o777 == 0o600
    engine = create_engine(database_url)
    async with engine.connect() as conn:
        for role, key in keys.items():
            assert key.startswith(f"dl_{role}_")
            holder = await holder_of(conn, key)
            assert holder is not None
            assert holder.roles == (role,)
            assert holder.customer == ("C-0001" if role == "customer" else None)
    await engine.dispose()


async def test_keys_stay_the_same_over_restarts_and_stay_revoked(
    database_url: str, tmp_path: Path
) -> None:
    first = await seed_platform(database_url, tmp_path)
    bench = Bench(create_engine(database_url))
    async with bench.engine.begin() as conn:
        await conn.execute(tables.api_keys.update().values(revoked_at=bench.now))

    second = await seed_platform(database_url, tmp_path)

    assert first == second == json.loads((tmp_path / "api-keys.json").read_text())
    rows = await bench.rows(tables.api_keys)
    assert len(rows) == len(Role)
    assert all(row["revoked_at"] for row in rows)
    await bench.engine.dispose()


async def test_loading_again_corrects_names_and_leaves_the_stock_alone(
    bench: Bench, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "master"
    shutil.copytree(EXAMPLE_FACTORY, folder)
    materials = json.loads((folder / "materials.json").read_text())
    materials[0] |= {"name": "Another film", "on_hand": "1"}
    (folder / "materials.json").write_text(json.dumps(materials))
    products = json.loads((folder / "products.json").read_text())
    products[0]["bom"] = products[0]["bom"][:1]
    (folder / "products.json").write_text(json.dumps(products))
    await (await bench.order()).advance_to("plan")

    await load_master_data(database_url, folder)

    [film] = await bench.rows(tables.materials, code="M-ITO")
    assert (film["name"], film["on_hand"], film["reserved"]) == ("Another film", 80, Decimal("0.7"))
    assert len(await bench.rows(tables.bill_of_materials, product="EL-A4")) == 1


async def test_a_product_that_takes_no_time_is_refused_and_nothing_is_loaded(
    database_url: str, tmp_path: Path
) -> None:
    shutil.copytree(EXAMPLE_FACTORY, tmp_path / "master")
    path = tmp_path / "master" / "products.json"
    products = json.loads(path.read_text())
    products[0]["minutes_per_unit"] = "0"
    path.write_text(json.dumps(products))

    with pytest.raises(ValidationError, match="greater than 0"):
        await load_master_data(database_url, tmp_path / "master")

    bench = Bench(create_engine(database_url))
    assert not await bench.rows(tables.customers)
    await bench.engine.dispose()


async def test_every_shipped_calendar_is_published_once_also_by_two_platforms_at_once(
    bench: Bench, database_url: str
) -> None:
    one, other = await asyncio.gather(seed_calendars(database_url), seed_calendars(database_url))

    assert one == other == ()
    rows = await bench.rows(tables.calendar_versions)
    assert sorted((row["calendar"], row["version"]) for row in rows) == [
        (name, 1) for name in SHIPPED
    ]
    assert {row["published_by"] for row in rows} == {"platform"}


async def test_a_calendar_that_differs_from_its_file_stays_and_is_named(
    bench: Bench, database_url: str
) -> None:
    other = shipped("cn").model_copy(update={"title": "Another"})
    async with bench.engine.begin() as conn:
        await publish_first(conn, other, digest=digest_of(other), by="key-of-operations")

    (sentence,) = await seed_calendars(database_url)

    assert "cn@1" in sentence
    assert f"dueline calendar publish {CALENDAR_FILES / 'cn.yaml'}" in sentence
    (row,) = await bench.rows(tables.calendar_versions, calendar="cn")
    assert row["body"]["title"] == "Another"
