"""Every command of docs/replay-and-repair.md does what it says."""

import asyncio
import re
import shlex
from pathlib import Path

from ops.repair.site import Site
from tests.histories.test_replay import RECORDED
from tests.ops.conftest import ROOT, Dueline, Said
from tests.workflow.floor import S08_STEPS, Floor

GUIDE = ROOT / "docs" / "replay-and-repair.md"


def commands() -> list[list[str]]:
    """The commands of the guide's sh blocks, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.M | re.S)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


async def test_the_guides_commands_work(
    floor: Floor, site: Site, dueline: Dueline, tmp_path: Path
) -> None:
    placed = await floor.place()
    await placed.walk(S08_STEPS[:7])
    await placed.at("pack")
    stopped = tmp_path / "stopped.txt"
    stopped.write_text(f"# of the night\n{placed.order_id}\n", encoding="utf-8")
    number = (await placed.row())["number"]
    meant = {
        "SO-2026-000004": str(number),
        "history.json": str(RECORDED[0]),
        "stopped.txt": str(stopped),
        "DuelineStage = 'L10'": "DuelineStage = 'L24'",
        "DuelineStage = 'L13'": "DuelineStage = 'L24'",
    }
    stage = (await placed.row())["stage"]

    stands = f"DuelineStage = '{stage}' AND ExecutionStatus = 'Running'"
    query = f"TaskQueue = '{site.task_queue}' AND {stands}"

    async def listed() -> bool:
        return (await site.client.count_workflows(query)).count == 1

    async def run(command: list[str]) -> Said:
        await placed.until(listed, "the engine lists the order")
        words = [meant.get(word, word).replace("L24", stage) for word in command[1:]]
        return await dueline(*words)

    asked = commands()
    reading = [command for command in asked if command[2] == "replay" or "--dry-run" in command]
    said = await asyncio.gather(*(run(command) for command in reading))
    for command, ended in zip(reading, said, strict=True):
        assert ended.code == 0, (command, ended.err)
    for command in asked:
        if command not in reading:
            ended = await run(command)
            assert ended.code == 0, (command, ended.err)

    assert {command[2] for command in asked} == {"replay", "reset", "recover"}
    assert (await placed.row())["step"] == "pack"
