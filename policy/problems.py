"""A fault of a profile as a whole, at its place in the document."""

from dataclasses import dataclass

FieldPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of the whole: at `path`, and where two places clash at the `other`, too.

    `missing` names the step that was asked for and is not there.
    """

    path: FieldPath
    what: str
    cure: str
    missing: str | None = None
    other: FieldPath | None = None
