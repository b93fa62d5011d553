"""A profile that extends another: its differences, applied to the base's steps."""

from dataclasses import dataclass, field, replace

from policy.faults import ProfileError, choose
from policy.spots import Scalar, Spot

OWN_FIELDS = ("id", "version", "title", "title_zh", "source")
"""What a profile says for itself, whatever it extends."""

DIFFERENCES = ("extends", "drop", "change", "insert", "drop_follow_ups")

SECTIONS = ("changes", "cancellation", "money")
"""Parts of which a profile names only what differs: its keys win, and a list takes the place of the
base's."""

# A step has one time node, so naming one takes the place of the other.
_TIME_NODES = {"window": "paced_by", "paced_by": "window"}


@dataclass
class Merge:
    """Applies one profile's differences to its base, collecting what does not fit."""

    child: Spot
    base: Spot
    faults: list[ProfileError] = field(default_factory=list)

    def merged(self) -> Spot:
        """The base with the child's fields and differences."""
        fields = self.child.fields
        if "steps" in fields:
            self.faults.append(
                fields["steps"].fault(
                    "a profile that extends another has no steps of its own",
                    "write drop, change and insert, or leave extends out",
                )
            )
        for name in OWN_FIELDS:
            if name not in fields:
                self.faults.append(self.child.fault("is missing", f"add `{name}: …`", f".{name}"))
        taken = {**self.base.fields, **fields}
        for name in DIFFERENCES:
            taken.pop(name, None)
        for name in SECTIONS:
            if name in self.base.fields and name in fields:
                taken[name] = _laid_over(self.base.fields[name], fields[name])
        if "steps" in self.base.fields:
            taken["steps"] = self._steps(self.base.fields["steps"])
        if "follow_ups" in self.base.fields:
            taken["follow_ups"] = self._follow_ups(self.base.fields["follow_ups"])
        return self.child.replaced(taken)

    def _follow_ups(self, base: Spot) -> Spot:
        """One of the child's is laid over the base's of the same id, or is added."""
        kinds = list(base.items)
        for spot in self._list("drop_follow_ups", "[survey]"):
            at = self._position(kinds, spot, "follow-up")
            if at is not None:
                del kinds[at]
        for own in self._list("follow_ups", "`- id: service`"):
            at = next((at for at, kind in enumerate(kinds) if _id(kind) == _id(own)), len(kinds))
            kinds[at : at + 1] = [_laid_over(kinds[at], own) if at < len(kinds) else own]
        return base.replaced(kinds)

    def _steps(self, base: Spot) -> Spot:
        steps = self._dropped(list(base.items))
        steps = self._changed(steps)
        return base.replaced(self._inserted(steps))

    def _dropped(self, steps: list[Spot]) -> list[Spot]:
        drop = self._list("drop", "[check, pack]")
        for spot in drop:
            at = self._position(steps, spot)
            if at is not None:
                del steps[at]
        return steps

    def _changed(self, steps: list[Spot]) -> list[Spot]:
        change = self.child.fields.get("change")
        if change is None:
            return steps
        if not isinstance(change.value, dict):
            self._wrong_type(change, "a step id and below it the fields that differ")
        for step_id, differences in change.fields.items():
            if not isinstance(differences.value, dict):
                self._wrong_type(differences, "the fields that differ, one a line")
                continue
            at = self._position(steps, replace(differences, value=step_id))
            if "id" in differences.fields:
                what, cure = "a step keeps its id", "drop the step and insert another"
                self.faults.append(differences.fields["id"].fault(what, cure))
            if at is not None:
                steps[at] = _overlaid(steps[at], differences)
        return steps

    def _inserted(self, steps: list[Spot]) -> list[Spot]:
        for spot in self._list("insert", "`- after: slot`"):
            places = [name for name in ("after", "before") if name in spot.fields]
            for name in spot.fields.keys() - {"after", "before", "step"}:
                cure = choose(name, ("after", "before", "step"))
                self.faults.append(spot.fields[name].fault("is not known here", cure))
            if len(places) != 1 or "step" not in spot.fields:
                what = "needs a place and a step"
                self.faults.append(spot.fault(what, "write `after: slot` and `step:`"))
                continue
            place = places[0]
            at = self._position(steps, spot.fields[place])
            if at is not None:
                steps.insert(at + (place == "after"), spot.fields["step"])
        return steps

    def _list(self, name: str, example: str) -> list[Spot]:
        spot = self.child.fields.get(name)
        if spot is not None and not isinstance(spot.value, list):
            self._wrong_type(spot, f"a list such as {example}")
        return spot.items if spot else []

    def _wrong_type(self, spot: Spot, example: str) -> None:
        self.faults.append(spot.fault("has the wrong shape", f"write {example}"))

    def _position(self, steps: list[Spot], wanted: Spot, what: str = "step") -> int | None:
        """Where the step stands; collects a fault when there is none of that id."""
        ids = [_id(step) for step in steps]
        if isinstance(wanted.value, str) and wanted.value in ids:
            return ids.index(wanted.value)
        missing = f"there is no {what} {wanted.plain!r}"
        self.faults.append(wanted.fault(missing, choose(wanted.plain, map(str, ids))))
        return None


def _overlaid(step: Spot, differences: Spot) -> Spot:
    taken = {**step.fields}
    for name, spot in differences.fields.items():
        if name in _TIME_NODES and _TIME_NODES[name] not in differences.fields:
            taken.pop(_TIME_NODES[name], None)
        if name == "window" and isinstance(spot.value, dict) and "window" in taken:
            taken[name] = spot.replaced({**taken[name].fields, **spot.fields})
        else:
            taken[name] = spot
    # The place is the difference's, so that a fault of the whole step points into the child.
    return differences.replaced(taken)


def _laid_over(base: Spot, differences: Spot) -> Spot:
    if not (isinstance(base.value, dict) and isinstance(differences.value, dict)):
        return differences
    taken = {**base.fields}
    for name, spot in differences.fields.items():
        taken[name] = _laid_over(taken[name], spot) if name in taken else spot
    return differences.replaced(taken)


def _id(step: Spot) -> Scalar:
    spot = step.fields.get("id")
    return spot.value if spot and isinstance(spot.value, str) else None
