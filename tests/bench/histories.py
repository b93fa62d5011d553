"""How fast histories replay: the recorded ones again and again, until there are a thousand."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console

from ops.repair.replay import Recorded, replay_many
from worker import WORKFLOWS

HISTORIES = 1_000
RECORDED = Path(__file__).parents[1] / "histories" / "recorded"


async def measure_replay() -> None:
    """Replays a thousand histories over all cores and prints how fast that was."""
    kept = [
        Recorded(path.stem, "", path.read_bytes(), is_json=True)
        for path in sorted(RECORDED.glob("*.json"))
    ]

    async def thousand() -> AsyncIterator[Recorded]:
        for number in range(HISTORIES):
            yield kept[number % len(kept)]

    begin = time.perf_counter()
    replayed = [one async for one in replay_many(thousand(), WORKFLOWS)]
    seconds = time.perf_counter() - begin
    events, red = sum(one.events for one in replayed), sum(one.red for one in replayed)
    Console().print(
        f"Replay of {len(replayed)} histories: {len(replayed) / seconds:.1f} histories and "
        f"{events / seconds:.0f} events a second, {red} red."
    )
