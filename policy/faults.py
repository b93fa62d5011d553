"""What is wrong with a profile, where, and how to mend it."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.errors import DuelineError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# The words in pydantic's "'a', 'b' or 'c'".
_QUOTED = re.compile(r"'([^']*)'")

_FIELDS = "should be fields with names", "write `name: value` lines below it"
_WHOLE_NUMBER = "should be a whole number", "write digits only, such as 80"
_KINDS = {
    "bool_type": ("should be true or false", "write true or false"),
    "dict_type": _FIELDS,
    "int_from_float": _WHOLE_NUMBER,
    "int_parsing": _WHOLE_NUMBER,
    "int_type": _WHOLE_NUMBER,
    "model_attributes_type": _FIELDS,
    "model_type": _FIELDS,
    "string_type": ("should be a text", "write a text; put numbers in quotes"),
    "too_short": ("is empty", "write at least one"),
    "tuple_type": ("should be a list", "write a list such as [sales, finance]"),
}
_STEP_CURE = "write a short lower-case name such as plan_approval"
_RULE_CURE = "write the regulation and its window, such as S08.W03"
_CODE_CURE = "use letters, digits, dot, dash and underscore"
_PROFILE_CURE = "write capital letters and digits, such as S08"


@dataclass(frozen=True, slots=True, order=True)
class ProfileError:
    """One fault. `line` and `column` count from 1; `field` is a path such as `steps[3].window`."""

    file: str
    line: int
    column: int
    field: str
    what: str
    cure: str

    def __str__(self) -> str:
        field = f"{self.field}: " if self.field else ""
        return f"{self.file}:{self.line}:{self.column}: {field}{self.what}; {self.cure}"


class ProfileErrors(DuelineError):  # noqa: N818  several of them
    """Everything that was found wrong with a profile, in the order of the files."""

    def __init__(self, errors: Iterable[ProfileError]) -> None:
        self.errors = tuple(sorted(set(errors)))
        super().__init__("\n".join(map(str, self.errors)))


def closest(word: object, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    found = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def choose(word: object, known: Iterable[str]) -> str:
    """The cure for a word that is not among the known ones."""
    words = sorted(set(known))
    near = closest(word, words)
    return f"did you mean {near}?" if near else f"write one of {', '.join(words)}"


def said(details: "Sequence[ErrorDetails]", known_keys: Iterable[str]) -> tuple[str, str]:
    """What pydantic found at one place and its cure, in words for the owner of the regulation.

    There are several details where a value may be of several kinds.
    """
    kind, value = details[0]["type"], details[0]["input"]
    name = str(details[0]["loc"][-1]) if details[0]["loc"] else ""
    context = details[0].get("ctx", {})
    match kind:
        case "missing":
            found = "is missing", f"add `{name}: …`"
        case "extra_forbidden":
            found = "is not known here", choose(name, known_keys)
        case "enum" | "literal_error" | "union_tag_invalid":
            word = context.get("tag", value)
            words = _QUOTED.findall(" ".join(_expected(detail) for detail in details))
            found = f"{word!r} is unknown", choose(word, words)
        case "union_tag_not_found":
            found = "has no kind", "add `kind: task`, review, gate, resource, wait or alongside"
        case "value_error":
            what, _, cure = str(context["error"]).partition("; ")
            found = what, cure or _cure_of_text(value)
        case "string_pattern_mismatch":
            what = f"{value!r} is not of the right form"
            found = what, _pattern_cure(str(context["pattern"]))
        case "model_type" if context.get("class_name") == "Limit":
            found = f"{value!r} is no limit", "write 30m, 2h, 1wd, 24h/CT, same_day or due-3d"
        case _:
            message = details[0]["msg"].removeprefix("Input ")
            found = _KINDS.get(kind, (message[:1].lower() + message[1:], "mend the value"))
    return found


def _expected(detail: "ErrorDetails") -> str:
    context = detail.get("ctx", {})
    return str(context.get("expected") or context.get("expected_tags"))


def _cure_of_text(value: object) -> str:
    if isinstance(value, str):
        return "write one line of plain text"
    if isinstance(value, dict | list):
        return "mend it as said"
    return "put it in quotes"


def _pattern_cure(pattern: str) -> str:
    if pattern.startswith("^[a-z]"):
        return _STEP_CURE
    if pattern.startswith("^[A-Za-z0-9]"):
        return _CODE_CURE
    return _RULE_CURE if r"\." in pattern else _PROFILE_CURE
