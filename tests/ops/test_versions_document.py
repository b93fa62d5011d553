"""docs/versions.md: every command of it is run here, in its order."""

import asyncio
import json
import os
import re
import shlex
import sys
from pathlib import Path

from ops.repair.release import RECORDED
from store import tables
from tests.ops.conftest import COMMAND_SECONDS, ROOT, Dueline
from tests.ops.versioned import VersionedFloor, versions
from tests.workflow.floor import Placed

__all__ = ["versions"]

DOCUMENT = ROOT / "docs" / "versions.md"
OLD, NEW, ORDER = "2026.11.20", "2026.11.25", "SO-2026-000004"


def commands() -> list[list[str]]:
    """The document's commands, with a soak that a test can wait for."""
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line.replace("--soak 600", "--soak 0")) for line in lines]


async def numbered(versions: VersionedFloor, placed: Placed) -> None:
    """Gives the order the number that the document names."""
    async with versions.floor.engine.begin() as conn:
        await conn.execute(
            tables.orders.update().where(tables.orders.c.id == placed.order_id).values(number=ORDER)
        )


async def test_the_commands_of_the_document_ship_a_version_and_go_back(
    versions: VersionedFloor, dueline: Dueline
) -> None:
    first, *others = commands()
    async with versions.serving(OLD), versions.serving(NEW):
        assert (await dueline(*first[1:])).code == 0
        orders = await versions.place(2)
        await numbered(versions, orders[0])
        for command in others:
            said = await dueline(*command[1:])
            assert said.code == 0, (command, said)
            if "drain" in command:
                await versions.until(lambda: versions.on(NEW, orders), "all have moved")

    assert ["rollback" in command for command in others][-1]


async def test_without_a_platform_the_recorded_histories_alone_are_replayed(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops.cli", "ops", "release-check", "--json"),
        cwd=ROOT,
        env=env | {"DUELINE_DATA_DIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    out, err = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)

    said = json.loads(out)
    assert (process.returncode, said["recorded"]["red"], said["ramped"]) == (0, [], None)
    assert said["recorded"]["histories"] == len(list(RECORDED.glob("*.json")))
    assert "open" not in said
    assert "No platform runs here" in err.decode()


async def test_make_release_check_is_the_command_with_its_arguments() -> None:
    arguments = f"{NEW} --ramp 5,100"
    process = await asyncio.create_subprocess_exec(
        *("make", "--dry-run", "release-check", f"RELEASE_ARGS={arguments}"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )

    out, _ = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)

    # A make inside a make says which folder it enters and leaves.
    assert f".venv/bin/dueline ops release-check {arguments}" in out.decode().splitlines()
