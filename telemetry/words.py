"""What may be said of an error: our own words and kinds, never the values it was about."""

import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from domain.errors import DuelineError
from store.engine import database_words

# Whatever folder they are installed into, libraries may be its neighbours.
OWN = frozenset({"activities", "api", "domain", "ops", "policy", "store", "workflows"})
OWN_LINES_MAX = 8

_ROOT = Path(__file__).resolve().parents[1]


def kind(error: BaseException) -> str:
    """The error's kind as we name it: what an ApplicationError says of itself, else its class."""
    named = error.type if isinstance(error, ApplicationError) else None
    return named or type(error).__name__


def words(error: BaseException) -> str:
    """The error in words that hold no personal data; only its kind where its own words might."""
    said = database_words(error)
    match error:
        case ApplicationError():
            said = error.message
        case ValidationError():
            found = sorted({detail["type"] for detail in error.errors(include_url=False)})
            said = f"{error.title} does not hold: {', '.join(found)}"
        case RPCError():
            said = f"the engine answered {error.status.name}"
        case OSError():
            said = error.strerror
        case DuelineError():
            said = str(error)
        # Their words are about code; those of ValueError and KeyError are about values.
        case AssertionError() | AttributeError() | ImportError() | NameError() | TypeError():
            said = str(error)
    return said or type(error).__name__


def place(error: BaseException) -> str | None:
    """The innermost line of our own code that it passed, `activities/opening.py:120`."""
    lines = list(_own_lines(error))
    if not lines:
        return None
    path = Path(lines[-1].tb_frame.f_code.co_filename)
    return f"{path.relative_to(_ROOT)}:{lines[-1].tb_lineno}"


def own_traceback(error: BaseException) -> TracebackType | None:
    """The innermost lines of our own code: of a failure above 4 KB the engine shows no words."""
    shown: TracebackType | None = None
    for line in reversed(list(_own_lines(error))[-OWN_LINES_MAX:]):
        shown = TracebackType(shown, line.tb_frame, line.tb_lasti, line.tb_lineno)
    return shown


def _own_lines(error: BaseException) -> Iterator[TracebackType]:
    line = error.__traceback__
    while line is not None:
        path = Path(line.tb_frame.f_code.co_filename)
        if path.is_relative_to(_ROOT) and path.relative_to(_ROOT).parts[0] in OWN:
            yield line
        line = line.tb_next


def story(error: BaseException) -> str:
    """The traceback, causes first, with `words` in place of the errors' own."""
    return "".join(_told(error, set()))


def _told(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _told(before, seen)
        yield "which led to\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{kind(error)}: {words(error)}\n"
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            if id(inner) not in seen:
                yield "among them\n"
                yield from _told(inner, seen)
