"""The supervisor of the foreground platform."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from ops import up
from ops.stack import StackError
from ops.stack.children import Child, Recipe
from tests.stack.conftest import all_gone


class Mortal:
    """A service that dies as often as it is told to, then lives."""

    name = "mortal"

    def __init__(self, deaths: int) -> None:
        self.deaths = deaths
        self.starts = 0
        self.settled = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1
        if self.starts == 1:
            raise StackError("no luck: try again.")

    async def wait(self) -> int:
        if self.deaths == 0:
            self.settled.set()
            await asyncio.Event().wait()
        self.deaths -= 1
        return -9

    async def stop(self) -> None:
        return None


async def test_a_child_that_dies_is_started_again_and_said_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(up, "RESTART_FIRST_SECONDS", 0.01)
    said: list[str] = []
    service = Mortal(deaths=2)

    keeper = asyncio.create_task(up._keep_alive(service, lambda _, line: said.append(line)))
    await asyncio.wait_for(service.settled.wait(), 5)
    keeper.cancel()

    assert service.starts == 2
    assert said == [
        "mortal ended with code -9; starting it again in 0.01 s",
        "no luck: try again.",
        "mortal ended with code -9; starting it again in 0.02 s",
    ]


async def test_the_first_ctrl_c_ends_the_block_and_a_second_cannot_break_its_clean_up() -> None:
    steps: list[str] = []

    with up.interruptible():
        try:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
            await asyncio.sleep(5)
            steps.append("overslept")
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.05)
            steps.append("cleaned up")

    assert steps == ["cleaned up"]


async def test_a_child_that_ignores_every_wish_is_killed_in_the_end() -> None:
    script = "trap '' TERM; echo deaf; while :; do sleep 0.1; done"
    child = await Child.start(Recipe("deaf", ["/bin/sh", "-c", script], cwd=Path("/")))
    assert await child.line() == "deaf"

    await child.stop([(signal.SIGTERM, 0.2)])

    assert await all_gone([child.pid])
