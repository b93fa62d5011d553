"""What is wrong with a profile, where, and how to mend it."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.errors import DuelineError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_QUOTED = re.compile(r"'([^']*)'")

_CURES = {
    "bool_type": "write true or false",
    "dict_type": "write `name: value` lines below it",
    "int_from_float": "write a whole number such as 80",
    "int_parsing": "write a whole number such as 80",
    "int_type": "write a whole number such as 80",
    "model_type": "write its fields below it, one a line",
    "model_attributes_type": "write its fields below it, one a line",
    "string_type": "write a text; put numbers and yes or no in quotes",
    "tuple_type": "write a list such as [sales, finance]",
    "too_short": "write at least one",
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
    words = sorted(known)
    near = closest(word, words)
    return f"did you mean {near}?" if near else f"write one of {', '.join(words)}"


def said(detail: "ErrorDetails", known_keys: Iterable[str]) -> tuple[str, str]:
    """What pydantic found and its cure, in words for the owner of the regulation."""
    kind, value = detail["type"], detail["input"]
    name = str(detail["loc"][-1]) if detail["loc"] else ""
    context = detail.get("ctx", {})
    match kind:
        case "missing":
            found = "is missing", f"add `{name}: …`"
        case "extra_forbidden":
            found = "is not known here", choose(name, known_keys)
        case "enum" | "literal_error" | "union_tag_invalid":
            word = context.get("tag", value)
            expected = str(context.get("expected") or context.get("expected_tags"))
            found = f"{word!r} is unknown", choose(word, _QUOTED.findall(expected))
        case "union_tag_not_found":
            found = "has no kind", "add `kind: task`, review, gate, resource, wait or alongside"
        case "value_error":
            what, _, cure = str(context["error"]).partition("; ")
            found = what, cure or _cure_of_text(value)
        case "string_pattern_mismatch":
            what = f"{value!r} is not of the right form"
            found = what, _pattern_cure(str(context["pattern"]))
        case _:
            message = detail["msg"].removeprefix("Input ")
            found = message[:1].lower() + message[1:], _CURES.get(kind, "mend the value")
    return found


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
