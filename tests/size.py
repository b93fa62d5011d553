"""How many orders the biggest proofs take.

`make test` has to end in minutes on two cores, so it takes a part of them;
`DUELINE_TEST_SIZE=full` takes as many as each proof promises.
"""

import os

IS_FULL = os.environ.get("DUELINE_TEST_SIZE", "usual") == "full"


def of(usual: int, *, full: int) -> int:
    """How many to take in this run."""
    return full if IS_FULL else usual
