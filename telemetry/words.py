"""What may be said of an error: our own words and kinds, never the values it was about."""

import traceback
from collections.abc import Iterator
from pathlib import Path

from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from domain.errors import DuelineError
from store.engine import database_words

# Their words are about code; those of ValueError and KeyError are about values.
ABOUT_CODE = (
    AssertionError,
    AttributeError,
    ImportError,
    NameError,
    NotImplementedError,
    TypeError,
)

_ROOT = Path(__file__).resolve().parents[1]


def kind(error: BaseException) -> str:
    """The error's kind as we name it: what an ApplicationError says of itself, else its class."""
    named = error.type if isinstance(error, ApplicationError) else None
    return named or type(error).__name__


def words(error: BaseException) -> str:
    """The error in words that hold no personal data; only its kind where its own words might."""
    if said := database_words(error):
        return said
    if isinstance(error, ApplicationError):
        return error.message
    if isinstance(error, RPCError):
        return f"the engine answered {error.status.name}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, (DuelineError, *ABOUT_CODE)) and str(error):
        return str(error)
    return type(error).__name__


def place(error: BaseException) -> str | None:
    """The innermost line of our own code that it passed, `activities/opening.py:120`."""
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_ROOT) and "site-packages" not in path.parts:
            found = f"{path.relative_to(_ROOT)}:{line}"
    return found


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
