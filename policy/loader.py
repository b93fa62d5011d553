"""Reads profiles: YAML to a checked `Profile`, and every fault with file, line, column and cure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from policy.change_rules import CancelRow, CancelRules, ChangeRow, ChangeRules, Told
from policy.consistency import check
from policy.extends import DIFFERENCES, Merge
from policy.faults import ProfileError, ProfileErrors, choose, closest, said
from policy.follow_ups import FollowUp, FollowUpStep
from policy.ladder import CaseRules, Rung
from policy.model import Profile
from policy.money_rules import DepositRules, MoneyRules, RushRules
from policy.problems import FieldPath, Problem
from policy.spots import PROFILES, Spot, read
from policy.steps import AlongsideStep, GateStep, ResourceStep, ReviewStep, TaskStep, WaitStep
from policy.window import Window

__all__ = ["PROFILES", "Loaded", "ProfileError", "ProfileErrors", "load_all", "load_profile"]

_STEP_KINDS: dict[object, type[BaseModel]] = {
    "task": TaskStep,
    "review": ReviewStep,
    "gate": GateStep,
    "resource": ResourceStep,
    "wait": WaitStep,
    "alongside": AlongsideStep,
}


_SECTIONS: dict[tuple[str, ...], type[BaseModel]] = {
    ("ladder",): Rung,
    ("case",): CaseRules,
    ("changes",): ChangeRules,
    ("changes", "rows"): ChangeRow,
    ("changes", "told"): Told,
    ("cancellation",): CancelRules,
    ("cancellation", "rows"): CancelRow,
    ("cancellation", "answer"): Window,
    ("money",): MoneyRules,
    ("money", "deposit"): DepositRules,
    ("money", "rush"): RushRules,
    ("follow_ups",): FollowUp,
    ("follow_ups", "steps"): FollowUpStep,
}
"""What may stand where, by the names on the way."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The profiles of a folder by id, and what is wrong with the others."""

    profiles: dict[str, Profile]
    errors: tuple[ProfileError, ...]


def load_all(folder: Path = PROFILES) -> Loaded:
    """Every profile in `folder`; a broken one keeps no other from loading."""
    profiles: dict[str, Profile] = {}
    errors: set[ProfileError] = set()
    for path in sorted(folder.glob("*.yaml")):
        try:
            profiles[path.stem] = load_profile(path)
        except ProfileErrors as found:
            errors.update(found.errors)
    return Loaded(profiles, tuple(sorted(errors)))


def load_profile(path: Path | str) -> Profile:
    """The profile in `path`, with what it extends inside. Raises ProfileErrors."""
    return _checked(_drafted(Path(path), ()))


@dataclass(frozen=True, slots=True)
class _Draft:
    """A document as it stands in its file, and as a whole with its base."""

    path: Path
    own: Spot
    whole: Spot

    def fault(self, path: FieldPath, what: str, cure: str) -> ProfileError:
        """A fault at `path`, or at the deepest part of it that is there."""
        spot, rest = _deepest(self.whole, path)
        return (spot if self._owns(spot) else self._extends).fault(what, cure, rest)

    def contradiction(self, problem: Problem) -> ProfileError:
        """A fault of the whole, in this document: it brought what does not fit its base.

        That is the problem's place or the other one, else where this document drops what is
        missing, else where it names its base.
        """
        places = [_deepest(self.whole, path)[0] for path in (problem.path, problem.other) if path]
        if "drop" in self.own.fields:
            drop = self.own.fields["drop"].items
            places += [spot for spot in drop if spot.plain == problem.missing]
        own = next(filter(self._owns, places), None) or self._extends
        return replace(own, field=places[0].field).fault(problem.what, problem.cure)

    def _owns(self, spot: Spot) -> bool:
        return spot.file == self.own.file

    @property
    def _extends(self) -> Spot:
        return self.own.fields.get("extends", self.own)


def _drafted(path: Path, chain: tuple[str, ...]) -> _Draft:
    """The document in `path` merged with its base; `chain` are the profiles that extend it."""
    own = read(path)
    extends = own.fields.get("extends")
    if extends is None:
        faults = [
            own.fields[name].fault("has nothing to differ from", "add `extends: GEN`")
            for name in DIFFERENCES
            if name in own.fields
        ]
        if faults:
            raise ProfileErrors(faults)
        return _Draft(path, own, own)
    chain = (*chain, path.stem)
    base_path = _base_path(path, extends)
    if base_path.stem in chain:
        what = f"{' extends '.join((*chain, base_path.stem))}: a circle"
        raise ProfileErrors([extends.fault(what, "let one of them extend nothing")])
    try:
        base = _drafted(base_path, chain)
        _checked(base)
    except ProfileErrors as error:
        what, cure = f"{base_path.stem} is broken", f"mend it first: {error.errors[0]}"
        raise ProfileErrors([extends.fault(what, cure)]) from error
    merge = Merge(own, base.whole)
    whole = merge.merged()
    if merge.faults:
        raise ProfileErrors(merge.faults)
    return _Draft(path, own, whole)


def _checked(draft: _Draft) -> Profile:
    profile = _validated(draft)
    faults = [draft.contradiction(problem) for problem in check(profile)]
    if profile.id != draft.path.stem:
        what = f"{profile.id} does not name its file {draft.path.name}"
        faults.append(draft.fault(("id",), what, f"rename the file to {profile.id}.yaml"))
    if faults:
        raise ProfileErrors(faults)
    return profile


def _base_path(path: Path, extends: Spot) -> Path:
    """The base beside the profile, else among those that are shipped."""
    for folder in (path.parent, PROFILES):
        found = folder / f"{extends.plain}.yaml"
        # A name alone: a profile reaches no file outside these two folders.
        if found.parent == folder and found.is_file():
            return found
    known = {other.stem for folder in (path.parent, PROFILES) for other in folder.glob("*.yaml")}
    what = f"there is no profile {extends.plain!r}"
    raise ProfileErrors([extends.fault(what, choose(extends.plain, known - {path.stem}))])


def _validated(draft: _Draft) -> Profile:
    try:
        return Profile.model_validate(draft.whole.plain)
    except ValidationError as error:
        raise ProfileErrors(_translated(draft, error.errors(include_url=False))) from error


def _translated(draft: _Draft, details: Iterable[ErrorDetails]) -> Iterator[ProfileError]:
    """One fault a place, without those that only follow from another."""
    places: dict[FieldPath, list[ErrorDetails]] = {}
    for detail in details:
        places.setdefault(tuple(_path(draft.whole, detail["loc"])), []).append(detail)
    misspelt = {
        (*path[:-1], closest(path[-1], _known_keys(draft.whole, path[:-1])))
        for path, found in places.items()
        if found[0]["type"] == "extra_forbidden"
    }
    for path, found in places.items():
        kind = found[0]["type"]
        # A misspelt field is not missing as well, nor is a list of faulty items empty.
        if kind == "missing" and path in misspelt:
            continue
        if kind == "too_short" and any(
            len(o) > len(path) and o[: len(path)] == path for o in places
        ):
            continue
        yield draft.fault(path, *said(found, _known_keys(draft.whole, path[:-1])))


def _path(spot: Spot, loc: FieldPath) -> Iterator[str | int]:
    """The document's path of an error, without the names that pydantic adds for unions."""
    for name in loc:
        if isinstance(name, int) and name < len(spot.items):
            spot = spot.items[name]
        elif name in spot.fields:
            spot = spot.fields[str(name)]
        elif name in _STEP_KINDS:
            continue
        elif isinstance(spot.value, dict):
            yield name
            return
        else:
            return
        yield name


def _deepest(spot: Spot, path: FieldPath) -> tuple[Spot, str]:
    """The deepest part of `path` that is there, and the rest of the path."""
    for index, name in enumerate(path):
        if isinstance(name, int) and name < len(spot.items):
            spot = spot.items[name]
        elif name in spot.fields:
            spot = spot.fields[str(name)]
        else:
            return spot, _dotted(path[index:])
    return spot, ""


def _known_keys(spot: Spot, path: FieldPath) -> Iterable[str]:
    """The fields that may stand at `path`."""
    model: type[BaseModel] | None
    match path:
        case ():
            return (*Profile.model_fields, *DIFFERENCES)
        case ("steps", int(index)):
            kind = spot.fields["steps"].items[index].fields.get("kind")
            model = _STEP_KINDS.get(kind.value if kind else None)
        case _:
            names = tuple(name for name in path if isinstance(name, str))
            model = Window if names[-1].endswith("window") else _SECTIONS.get(names)
    return model.model_fields if model else ()


def _dotted(path: FieldPath) -> str:
    return "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in path)
