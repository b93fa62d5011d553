"""A YAML document as values that remember where they stand, so that errors can point at them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from policy.faults import ProfileError, ProfileErrors, closest

PROFILES = Path(__file__).parent / "profiles"
BEGIN = "`id:`, `version:`, …"

Scalar = str | int | float | bool | None
Plain = Scalar | list["Plain"] | dict[str, "Plain"]

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Spot:
    """A value and its place: where its key begins, or for an item of a list, the item itself.

    `field` is the path to it in its own document, such as `change.review.window`.
    """

    value: "Scalar | list[Spot] | dict[str, Spot]"
    file: str
    line: int
    column: int
    field: str = ""

    @property
    def plain(self) -> Plain:
        """The value without places."""
        match self.value:
            case dict():
                return {key: spot.plain for key, spot in self.value.items()}
            case list():
                return [spot.plain for spot in self.value]
            case _:
                return self.value

    @property
    def fields(self) -> "dict[str, Spot]":
        """The fields of a mapping; none of anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> "list[Spot]":
        """The items of a list; none of anything else."""
        return self.value if isinstance(self.value, list) else []

    def replaced(self, value: "list[Spot] | dict[str, Spot]") -> "Spot":
        """Another value in the same place."""
        return replace(self, value=value)

    def fault(self, what: str, cure: str, rest: str = "") -> ProfileError:
        """An error at this place; `rest` is the path from here to a field that is not there."""
        field = f"{self.field}{rest}".removeprefix(".")
        return ProfileError(self.file, self.line, self.column, field, what, cure)


def shown(path: Path) -> str:
    """The file as errors name it: shipped profiles by their folder, others as they were given."""
    try:
        return str(path.resolve().relative_to(PROFILES.parent))
    except ValueError:
        return str(path)


def read(path: Path, noun: str = "profile", begin: str = BEGIN) -> Spot:
    """The document in `path`. Raises ProfileErrors: missing, unreadable, or not one mapping.

    `noun` says what it should have been, and `begin` how one begins.
    """
    file = shown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        near = closest(path.stem, [other.stem for other in path.parent.glob("*.yaml")])
        cure = f"did you mean {near}.yaml?" if near else "create it, or mend the name"
        raise ProfileErrors(
            [ProfileError(file, 1, 1, "", "there is no such file", cure)]
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        fault = ProfileError(file, 1, 1, "", f"cannot be read: {error}", "save it as UTF-8 text")
        raise ProfileErrors([fault]) from error
    return parse(text, file, noun, begin)


@lru_cache(maxsize=64)
def parse(text: str, file: str, noun: str = "profile", begin: str = BEGIN) -> Spot:
    """The document in `text`. Raises ProfileErrors.

    Kept, because parsing is nine tenths of loading and most profiles extend the same one.
    """
    try:
        if "*" in text:
            _refuse_aliases(text, file)
        node = YAML(typ="safe", pure=True).compose(StringIO(text))
        faults: list[ProfileError] = []
        if not isinstance(node, MappingNode):
            raise ProfileErrors(
                [ProfileError(file, 1, 1, "", f"is no {noun}", f"begin with {begin}")]
            )
        root = _spot(node, file, "", faults)
    except MarkedYAMLError as error:
        raise ProfileErrors([_syntax_fault(error, file)]) from error
    except YAMLError as error:
        what = str(error).splitlines()[0]
        cure = "remove the invisible characters"
        raise ProfileErrors([ProfileError(file, 1, 1, "", what, cure)]) from error
    except RecursionError as error:
        fault = ProfileError(file, 1, 1, "", "is nested too deeply", "a profile has six levels")
        raise ProfileErrors([fault]) from error
    if faults:
        raise ProfileErrors(faults)
    return root


def _refuse_aliases(text: str, file: str) -> None:
    # An alias can make a small file endless, and nobody can read it aloud.
    for event in YAML(typ="safe", pure=True).parse(StringIO(text)):
        if isinstance(event, AliasEvent):
            line, column = _place(event.start_mark)
            what, cure = f"*{event.anchor} repeats another part", "write the part out"
            raise ProfileErrors([ProfileError(file, line, column, "", what, cure)])


def _spot(node: Node, file: str, field: str, faults: list[ProfileError]) -> Spot:
    line, column = _place(node.start_mark)
    match node:
        case MappingNode():
            return Spot(dict(_pairs(node, file, field, faults)), file, line, column, field)
        case SequenceNode():
            values = [
                _spot(child, file, f"{field}[{index}]", faults)
                for index, child in enumerate(node.value)
            ]
            return Spot(values, file, line, column, field)
        case _:
            spot = Spot(str(node.value), file, line, column, field)
            try:
                return Spot(_scalar(node), file, line, column, field)
            except ValueError:
                faults.append(spot.fault(f"{node.value!r} has the tag {node.tag}", "drop it"))
                return spot


def _pairs(
    node: MappingNode, file: str, field: str, faults: list[ProfileError]
) -> Iterator[tuple[str, Spot]]:
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        line, column = _place(key_node.start_mark)
        key = str(key_node.value)
        path = f"{field}.{key}".lstrip(".")
        if not isinstance(key_node, ScalarNode):
            what = "a key should be a plain word"
            faults.append(ProfileError(file, line, column, field, what, "write `word: value`"))
            continue
        if key in seen:
            what, cure = f"stands here again; line {seen[key]} has it already", "keep one of them"
            faults.append(ProfileError(file, line, column, path, what, cure))
            continue
        seen[key] = line
        yield key, Spot(_spot(value_node, file, path, faults).value, file, line, column, path)


def _scalar(node: Node) -> Scalar:
    text = str(node.value)
    match str(node.tag).removeprefix(_TAG):
        case "str" | "timestamp":
            return text
        case "int":
            # YAML 1.2 reads 010 as ten, Python's base 0 does not.
            return int(text, 0) if text.lstrip("+-")[:2].lower() in ("0x", "0o") else int(text)
        case "float":
            return float(text)
        case "bool":
            return text.lower() == "true"
        case "null":
            return None
        case _:
            raise ValueError(text)


def _place(mark: StringMark | None) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _syntax_fault(error: MarkedYAMLError, file: str) -> ProfileError:
    line, column = _place(error.problem_mark or error.context_mark)
    what = " ".join(str(part) for part in (error.context, error.problem) if part)
    cure = "check the indentation, and put texts with `: ` or ` #` in quotes"
    if "'\\t'" in what:
        cure = "indent with spaces, not tabs"
    return ProfileError(file, line, column, "", f"is not YAML: {what}", cure)
