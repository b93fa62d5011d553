"""Says in one sentence why this Python cannot carry the platform.

Runs before anything is installed, on whatever `python3` is: written so that Python 2.7 and
every Python 3 can read it, and imports nothing of ours.
"""

# ruff: noqa: UP010, UP030, UP032 - an old interpreter must be able to read this far.

from __future__ import print_function

import sys

OLDEST = (3, 11)
NEEDED = ("venv", "ensurepip")


def complaint(version, missing):
    # type: (tuple[int, ...], list[str]) -> str
    """Returns one sentence with what to do next, or "" when this Python will do.

    `missing` names the modules that do not load.
    """
    found = ".".join(str(part) for part in version)
    if version[:2] < OLDEST:
        return (
            "Dueline needs Python 3.11 or newer and this one is {0}: install a newer one "
            "and name it, for example `make up PYTHON=python3.12`."
        ).format(found)
    if missing:
        return (
            "Python {0} is here without its venv module: install it "
            "(on Debian and Ubuntu: `apt install python{1}-venv`) and try again."
        ).format(found, ".".join(str(part) for part in version[:2]))
    return ""


def can_import(name):
    # type: (str) -> bool
    """Tells whether the module loads."""
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def main():
    # type: () -> int
    """Prints the complaint to stderr; returns the exit code, 1 when there is one."""
    sentence = complaint(
        tuple(sys.version_info[:3]), [name for name in NEEDED if not can_import(name)]
    )
    if sentence:
        print(sentence, file=sys.stderr)
    return 1 if sentence else 0


if __name__ == "__main__":
    sys.exit(main())
