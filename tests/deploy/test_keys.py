"""`dueline keys`: a key opens the API once it is made, and no longer once it is revoked."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.errors import DuelineError
from domain.roles import Role
from ops import commands_keys
from ops.seed import EXAMPLE_FACTORY, load_master_data
from store.engine import create_engine
from store.keys import KeyHolder, holder_of


@pytest.fixture(autouse=True)
async def factory(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database that the commands work on, with the example factory's customers."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    await load_master_data(database_url, EXAMPLE_FACTORY)
    return database_url


async def holder(database_url: str, key: str) -> KeyHolder | None:
    engine = create_engine(database_url, pool_size=1)
    async with engine.connect() as conn:
        found = await holder_of(conn, key)
    await engine.dispose()
    return found


async def made(capsys: pytest.CaptureFixture[str], **wished: Any) -> str:
    await commands_keys.add(**wished, as_json=True)
    key: str = json.loads(capsys.readouterr().out)["key"]
    return key


async def listed(capsys: pytest.CaptureFixture[str]) -> Any:
    await commands_keys.list_(as_json=True)
    return json.loads(capsys.readouterr().out)


async def test_a_key_opens_from_when_it_is_made_until_it_is_revoked(
    factory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = await made(capsys, name="Wang Li", role=[Role.PRODUCTION, Role.PLANNING])
    found = await holder(factory, key)

    await commands_keys.revoke("Wang Li", as_json=True)

    assert found is not None
    assert (found.name, set(found.roles)) == ("Wang Li", {Role.PLANNING, Role.PRODUCTION})
    assert json.loads(capsys.readouterr().out) == {"name": "Wang Li", "revoked": 1}
    assert await holder(factory, key) is None
    [entry] = await listed(capsys)
    assert entry["revoked_at"] is not None


async def test_the_key_itself_is_nowhere_but_in_the_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = await made(capsys, name="Wang Li", role=[Role.PLANNING])

    await commands_keys.list_()
    shown = capsys.readouterr().out

    assert "Wang Li" in shown
    assert "planning" in shown
    assert key not in shown


async def test_a_customers_key_speaks_for_that_customer_alone(
    factory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = await made(capsys, name="portal", role=[Role.CUSTOMER], customer="C-0001")

    found = await holder(factory, key)

    assert found is not None
    assert found.customer == "C-0001"


async def test_the_key_of_a_file_is_let_in_once_however_often_it_is_asked(
    factory: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "metrics_key"
    file.write_text("0123456789abcdef0123456789abcdef\n")

    for _ in range(2):
        await commands_keys.add(name="prometheus", role=[Role.OPERATIONS], key_file=file)

    assert "0123456789abcdef" not in capsys.readouterr().out
    assert len(await listed(capsys)) == 1
    found = await holder(factory, "0123456789abcdef0123456789abcdef")
    assert found is not None
    assert found.roles == (Role.OPERATIONS,)


@pytest.mark.parametrize(
    ("wished", "said"),
    [
        ({"name": "taken", "role": [Role.SALES]}, "revoke it first"),
        ({"name": "p", "role": [Role.CUSTOMER]}, "go together"),
        ({"name": "p", "role": [Role.SALES], "customer": "C-0001"}, "go together"),
        ({"name": "p", "role": [Role.CUSTOMER], "customer": "C-9"}, "no customer C-9"),
        ({"name": " ", "role": [Role.SALES]}, "say whose key"),
        ({"name": "p", "role": [Role.SALES], "key_file": Path("gone")}, "gone cannot be read"),
    ],
)
async def test_what_cannot_be_made_is_refused_with_the_cure(
    wished: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await made(capsys, name="taken", role=[Role.SALES])

    with pytest.raises(DuelineError, match=said):
        await commands_keys.add(**wished)

    assert len(await listed(capsys)) == 1


async def test_revoking_what_does_not_open_is_refused() -> None:
    with pytest.raises(DuelineError, match="see `dueline keys list`"):
        await commands_keys.revoke("nobody")


async def test_without_a_database_the_command_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("DUELINE_DATA_DIR", str(tmp_path))

    with pytest.raises(DuelineError, match="set DATABASE_URL, or start `dueline up`"):
        await commands_keys.list_()
