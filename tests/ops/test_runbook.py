"""Every command that the runbook and its pages name is run here, or in the test that is named.

`test_replay_docs.py` and `test_versions_document.py` run those of their pages.
"""

import asyncio
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from api.app import create_app
from domain.roles import Role
from ops.cli import run
from ops.repair.site import Site
from settings import Settings
from store import tables
from store.keys import digest_of
from tests.loopback import served
from tests.ops.conftest import ROOT
from tests.workflow.floor import S08_STEPS, Floor, Placed
from tests.workflow.operating import hold, skip

PAGES = ("runbook.md", "stuck.md", "reconcile.md")
SAMPLE = "SO-2026-000004"
"""The order that the pages name; each command gets a fresh one under this number."""

ELSEWHERE = {
    "dueline worker": "tests/deploy/test_processes.py",
    "dueline relay": "tests/deploy/test_processes.py",
    "dueline ops breaker": "tests/ops/test_breaker.py",
    "dueline ops versions": "tests/ops/test_versions_document.py",
    "dueline ops release-check": "tests/ops/test_versions_document.py",
    "dueline notices test": "tests/api/test_notice_commands.py",
    "dueline webhooks replay": "tests/api/test_webhook_commands.py",
    "dueline webhooks remove": "tests/api/test_webhook_commands.py",
    "dueline webhooks enable": "tests/api/test_webhook_commands.py",
    "dueline calendar publish": "tests/api/test_calendars.py",
    "dueline payments": "tests/api/test_money_commands.py",
    "dueline place": "tests/api/test_money_commands.py",
}
"""Commands that need more than an order and a worker, and the test that runs them."""

FINDS_SOMETHING = 3
"""`ops stuck` and its like end so when there is something to do."""

FINDS_NOTHING = {"dueline ops recover --query": 2}
"""Commands that say by their end that there was nothing to do, as here."""

KEY = "key-of-all-roles"
WAIT_SECONDS = 60.0


def commands() -> list[str]:
    """Every `dueline …` of the pages, in code spans and in blocks, once."""
    found: dict[str, None] = {}
    for page in PAGES:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            found |= dict.fromkeys(line.strip() for line in block.splitlines())
        spans = re.findall(
            r"(?<!`)`(dueline [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        )
        found |= dict.fromkeys(spans)
    return [line for line in found if line.startswith("dueline ")]


def place_of(command: str) -> str | None:
    """The other test that runs it."""
    return next((test for start, test in ELSEWHERE.items() if command.startswith(start)), None)


@pytest.fixture
async def office(
    floor: Floor,
    site: Site,
    database_url: str,
    temporal: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Floor]:
    """A floor with an API, and an environment in which the command line finds both."""
    async with floor.engine.begin() as conn:
        roles = [role.value for role in Role if role is not Role.CUSTOMER]
        key = {"digest": digest_of(KEY), "name": "everybody", "roles": roles}
        await conn.execute(tables.api_keys.insert(), [key])
    environment = {
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": temporal,
        "DUELINE_TASK_QUEUE": site.task_queue,
        "DUELINE_API_KEY": KEY,
        "DUELINE_DATA_DIR": str(tmp_path),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with served(create_app(Settings()), lifespan="on") as address:
        monkeypatch.setenv("DUELINE_API", address)
        yield floor


PAUSING = "dueline windows pause"
"""The clock of the confirmation may wait for the customer, that of the review may not."""


async def sample(floor: Floor, at: str) -> Placed:
    """A fresh order at a step, under the number that the pages name."""
    placed = await floor.place()
    await placed.walk(S08_STEPS[: S08_STEPS.index(at)])
    await placed.at(at)
    async with floor.engine.begin() as conn:
        orders = tables.orders
        await conn.execute(orders.update().where(orders.c.number == SAMPLE).values(number=None))
        mine = orders.c.id == placed.order_id
        await conn.execute(orders.update().where(mine).values(number=SAMPLE))
    return placed


async def asked(placed: Placed) -> None:
    """One pair of eyes wants the step skipped."""
    await skip(placed, "review", "somebody-else", Role.OPERATIONS)


BEFORE: dict[str, Callable[[Placed], Awaitable[None]]] = {
    "dueline ops release": hold,
    "dueline ops skip-step": asked,
}
"""What has to be so before a command has anything to do."""


async def test_every_command_of_the_pages_does_what_it_says(
    office: Floor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    here = [command for command in commands() if place_of(command) is None]
    failed: list[str] = []

    for command in here:
        if SAMPLE in command:
            at = "confirm" if command.startswith(PAUSING) else "review"
            placed = await sample(office, at)
            for start, prepare in BEFORE.items():
                if command.startswith(start):
                    await prepare(placed)
        async with asyncio.timeout(WAIT_SECONDS):
            code = await asyncio.to_thread(run, shlex.split(command)[1:])
        said = capsys.readouterr()
        known = (end for start, end in FINDS_NOTHING.items() if command.startswith(start))
        if code not in {0, FINDS_SOMETHING, *known}:
            failed.append(f"{command} ended with {code}: {said.err or said.out}")

    assert not failed, "\n".join(failed)
    assert len(here) > 20


@pytest.mark.parametrize("command", [c for c in commands() if place_of(c)])
def test_what_another_test_runs_is_really_run_there(command: str) -> None:
    source = (ROOT / str(place_of(command))).read_text(encoding="utf-8")
    start = next(start for start in ELSEWHERE if command.startswith(start))

    *_, last = start.split()

    assert last in source, f"{place_of(command)} does not run `{command}`"
