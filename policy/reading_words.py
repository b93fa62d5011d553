"""How a profile that is read aloud says lists, names and times."""

from collections.abc import Iterable

from policy.model import Profile
from policy.window import REPORT, Window

_SINCE = {
    "received": "from when the customer ordered",
    REPORT: "from when a payment is reported",
}


def joined(words: Iterable[str]) -> str:
    """`a, b and c`; nothing for nothing."""
    *first, last = tuple(words) or ("",)
    return f"{', '.join(first)} and {last}" if first else last


def plain_words(name: str) -> str:
    """`promised_at` as a reader says it."""
    return name.replace("_", " ")


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def title_of(profile: Profile, step_id: str) -> str:
    """A step's title as it stands within a sentence."""
    title = profile.step(step_id).title
    return title[:1].lower() + title[1:]


def said_time(window: Window) -> str:
    """Within what, after what, and by which rule."""
    said = window.id
    if window.warn_before:
        said += f", warned {window.warn_before.words} before"
    if window.counts_from != "opening":
        said += f", counted {_SINCE.get(window.counts_from) or _left(window.counts_from)}"
    if not window.limit.is_counted:
        return f"by {window.limit.words} ({said})"
    return f"within {window.limit.words} after {window.starts} ({said})"


def _left(step_id: str) -> str:
    return f"from when step {plain_words(step_id)} was left"
