"""The compose file as Docker Compose understands it."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose"
CONFIG_SECONDS = 60


def tool(name: str) -> str:
    """The path of a program that a development package brings."""
    return str(Path(sys.executable).with_name(name))


@functools.cache
def composition() -> dict[str, Any]:
    """What `docker-compose config` says, with the defaults of every variable."""
    ran = subprocess.run(
        [tool("docker-compose"), "-f", str(COMPOSE / "compose.yaml"), "config", "--format", "json"],
        env={"PATH": os.environ["PATH"], "HOME": "/"},
        capture_output=True,
        text=True,
        timeout=CONFIG_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "variable is not set" not in ran.stderr, ran.stderr
    config: dict[str, Any] = json.loads(ran.stdout)
    return config


def services() -> dict[str, dict[str, Any]]:
    """The services by name."""
    found: dict[str, dict[str, Any]] = composition()["services"]
    return found
