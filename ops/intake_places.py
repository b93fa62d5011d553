"""Where the parts of a JSON text and of a CSV sheet stand, so that errors can point at them."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from domain.errors import DuelineError

Path = tuple[str | int, ...]
Place = tuple[int, int]
"""Line and column, from 1."""

_BLANK = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_ATOM = re.compile(r"[^\s,\]}]+")
_CELL = re.compile(r'"((?:[^"]|"")*)"|([^",\n]*)')


@dataclass(frozen=True, order=True)
class Fault:
    """What is wrong in a file, where, and what would be right. `field` may be empty."""

    file: str
    line: int
    column: int
    field: str
    what: str
    cure: str

    def __str__(self) -> str:
        field = f"{self.field}: " if self.field else ""
        cure = f"; {self.cure}" if self.cure else ""
        return f"{self.file}:{self.line}:{self.column}: {field}{self.what}{cure}"


class FileFaults(DuelineError):  # noqa: N818  several of them
    """Everything that was found wrong with the order files."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, faults)))


class Lines:
    """Turns an offset in a text into line and column."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(self, offset: int) -> Place:
        """Line and column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


class JsonPlaces:
    """Where each part of a valid JSON text begins: the name of a field, or an item of a list.

    `repeated` are the fields that stand in one object twice.
    """

    def __init__(self, text: str) -> None:
        self.found: dict[Path, Place] = {}
        self.repeated: list[Path] = []
        self._text = text
        self._lines = Lines(text)
        self._value(self._blank(0), ())

    def _blank(self, at: int) -> int:
        return self._past(_BLANK, at)

    def _past(self, pattern: re.Pattern[str], at: int) -> int:
        match = pattern.match(self._text, at)
        assert match is not None, "the text was read as JSON before"
        return match.end()

    def _note(self, path: Path, at: int) -> None:
        if path in self.found:
            self.repeated.append(path)
        self.found[path] = self._lines.place(at)

    def _value(self, at: int, path: Path) -> int:
        """Notes what is inside the value at `at`; returns where it ends."""
        match self._text[at]:
            case "{":
                return self._object(at, path)
            case "[":
                return self._list(at, path)
            case '"':
                return self._past(_STRING, at)
        return self._past(_ATOM, at)

    def _object(self, at: int, path: Path) -> int:
        at = self._blank(at + 1)
        while self._text[at] != "}":
            end = self._past(_STRING, at)
            name: str = json.loads(self._text[at:end])
            self._note((*path, name), at)
            colon = self._blank(end)
            at = self._after(self._value(self._blank(colon + 1), (*path, name)))
        return at + 1

    def _list(self, at: int, path: Path) -> int:
        at, index = self._blank(at + 1), 0
        while self._text[at] != "]":
            self._note((*path, index), at)
            at, index = self._after(self._value(at, (*path, index))), index + 1
        return at + 1

    def _after(self, at: int) -> int:
        """Past a comma, if there is one."""
        at = self._blank(at)
        return self._blank(at + 1) if self._text[at] == "," else at


@dataclass(frozen=True)
class Cell:
    """A cell's text and where it begins."""

    text: str
    place: Place


def csv_rows(text: str, file: str) -> Iterator[list[Cell]]:
    """The rows of a sheet whose lines end with a newline; empty rows are left out.

    Raises FileFaults at a quote that is not closed, or that stands inside an unquoted cell.
    """
    lines, at, row = Lines(text), 0, list[Cell]()
    while True:
        match = _CELL.match(text, at)
        assert match is not None, "the pattern matches the empty text"
        quoted = match[1] is not None
        cell = match[1].replace('""', '"') if quoted else match[2].strip()
        row.append(Cell(cell, lines.place(at)))
        at = match.end()
        follows = text[at : at + 1]
        if follows not in {"", ",", "\n"}:
            raise FileFaults([_stray(file, lines.place(at), quoted=quoted)])
        if follows != ",":
            if any(cell.text for cell in row):
                yield row
            row = []
        if not follows:
            return
        at += 1


def _stray(file: str, at: Place, *, quoted: bool) -> Fault:
    what = "text follows a closing quote" if quoted else "a quote has no partner"
    cure = 'put the whole cell in quotes, and write "" for a quote inside it'
    return Fault(file, *at, "", what, cure)
