"""How a regulation is said: lists, names and the time that something may take."""

from collections.abc import Iterable

from policy.window import Window

_SINCE = {"received": "from when the customer ordered"}


def listed(words: Iterable[str]) -> str:
    """`sales, finance and production`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def spoken(name: str) -> str:
    """A name without its underscores."""
    return name.replace("_", " ")


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def time_words(window: Window) -> str:
    """Until when: `within 2 working hours after the order is entered (S08.W03)`."""
    told = window.id
    if window.warn_before:
        told += f", warned {window.warn_before.words} before"
    if window.counts_from != "opening":
        told += f", counted {_SINCE.get(window.counts_from) or _left(window.counts_from)}"
    if not window.limit.is_counted:
        return f"by {window.limit.words} ({told})"
    return f"within {window.limit.words} after {window.starts} ({told})"


def _left(step_id: str) -> str:
    return f"from when step {spoken(step_id)} was left"
