"""Says in one sentence why this Python cannot carry the platform.

Runs before anything is installed, on whatever `python3` is: written so that Python 2.7 and
every Python 3 can read it, and imports nothing of ours.
"""

from __future__ import print_function

import sys

OLDEST = (3, 11)


def complaint(version, can_import):
    # type: (tuple[int, ...], object) -> str
    """Returns one sentence with what to do next, or "" when this Python will do."""
    found = ".".join(str(part) for part in version[:3])
    if tuple(version[:2]) < OLDEST:
        return (
            "Dueline needs Python 3.11 or newer and this one is {0}: install a newer one "
            "and name it, for example `make up PYTHON=python3.12`."
        ).format(found)
    if not can_import("venv") or not can_import("ensurepip"):
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
    sentence = complaint(sys.version_info, can_import)
    if sentence:
        print(sentence, file=sys.stderr)
    return 1 if sentence else 0


if __name__ == "__main__":
    sys.exit(main())
