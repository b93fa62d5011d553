"""The part of PromQL that our rules use, counted over the series of a promtool test file.

`promql_parser` reads the expressions; this counts them. What it does not know it refuses. Rates go
from the first to the last sample of the range, without Prometheus' extrapolation to its edges.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import promql_parser as ast

LOOKBACK_SECONDS = 300.0
NAME = "__name__"

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Value = Vector | float

_STEP = re.compile(r"(-?[\d.]+|_)(?:([+-])([\d.]+))?(?:x(\d+))?")
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_COUNT: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else math.nan,
}
_TOGETHER: Mapping[str, Callable[[Iterable[float]], float]] = {"sum": sum, "min": min, "max": max}


@dataclass(frozen=True)
class Series:
    """One series: its labels with the name, and samples as (seconds, value)."""

    labels: Labels
    samples: tuple[tuple[float, float], ...]


def series(notation: str, values: str, interval: float) -> Series:
    """Reads a series as promtool's test files write it: `up{job="a"}` and `0+1x10 _x3 5`."""
    selector: Any = ast.parse(notation)
    labels = {matcher.name: matcher.value for matcher in selector.matchers.matchers}
    samples: list[tuple[float, float]] = []
    at = 0.0
    for step in values.split():
        found = _STEP.fullmatch(step)
        assert found is not None, f"{step} is no value of a series"
        first, sign, by, times = found.groups()
        grows = float(by or 0) * (-1 if sign == "-" else 1)
        # `5x3` is four samples, `_x3` three, as promtool counts.
        for number in range(int(times or 0) + (0 if first == "_" and times else 1)):
            if first != "_":
                samples.append((at, float(first) + number * grows))
            at += interval
    return Series(frozenset({NAME: selector.name, **labels}.items()), tuple(samples))


def names_in(expression: str) -> set[str]:
    """The names of the metrics that an expression reads."""
    found: set[str] = set()

    def look(node: Any) -> None:
        if isinstance(node, ast.VectorSelector):
            assert node.name, f"a selector without a name in {expression}"
            found.add(node.name)
        for part in ("lhs", "rhs", "expr", "vector_selector"):
            if getattr(node, part, None) is not None:
                look(getattr(node, part))
        for argument in getattr(node, "args", []):
            look(argument)

    look(ast.parse(expression))
    return found


@dataclass(frozen=True)
class Moment:
    """All series, seen at one instant in seconds."""

    all: tuple[Series, ...]
    at: float

    def value(self, node: Any) -> Value:
        """What an expression comes to. Raises NotImplementedError for what our rules do not use."""
        match node:
            case ast.NumberLiteral():
                return float(node.val)
            case ast.ParenExpr():
                return self.value(node.expr)
            case ast.VectorSelector():
                return self._now(node)
            case ast.AggregateExpr():
                return self._aggregate(node)
            case ast.BinaryExpr():
                return self._binary(node)
            case ast.Call():
                return self._call(node)
        raise NotImplementedError(type(node).__name__)

    def _vector(self, node: Any) -> Vector:
        value = self.value(node)
        assert isinstance(value, dict), "a vector is wanted here"
        return value

    def _now(self, selector: Any) -> Vector:
        at = self.at - (selector.offset.total_seconds() if selector.offset else 0.0)
        recent: Vector = {}
        for one in self._chosen(selector):
            seen = [value for when, value in one.samples if at - LOOKBACK_SECONDS < when <= at]
            if seen:
                recent[one.labels] = seen[-1]
        return recent

    def _chosen(self, selector: Any) -> list[Series]:
        return [
            one
            for one in self.all
            if dict(one.labels)[NAME] == selector.name
            and all(_fits(matcher, dict(one.labels)) for matcher in selector.matchers.matchers)
        ]

    def _aggregate(self, node: Any) -> Vector:
        by = set(node.modifier.labels) if node.modifier else set()
        assert not node.modifier or node.modifier.type == ast.AggModifierType.By
        groups: dict[Labels, list[float]] = {}
        for labels, value in self._vector(node.expr).items():
            groups.setdefault(frozenset(p for p in labels if p[0] in by), []).append(value)
        together = _TOGETHER[str(node.op)]
        return {labels: together(values) for labels, values in groups.items()}

    def _binary(self, node: Any) -> Value:
        sign, left, right = str(node.op), self.value(node.lhs), self.value(node.rhs)
        assert node.modifier is None or node.modifier.matching is None, "on() and ignoring()"
        if sign == "or":
            assert isinstance(left, dict)
            assert isinstance(right, dict)
            known = {_bare(labels) for labels in left}
            return left | {k: v for k, v in right.items() if _bare(k) not in known}
        if isinstance(left, float) and isinstance(right, float):
            return _COUNT[sign](left, right)
        pairs = _pairs(left, right)
        if sign in _COMPARE:
            return {k: a for k, a, b in pairs if _COMPARE[sign](a, b)}
        return {_bare(k): _COUNT[sign](a, b) for k, a, b in pairs}

    def _call(self, node: Any) -> Value:
        match node.func.name:
            case "vector":
                number = self.value(node.args[0])
                assert isinstance(number, float)
                return {frozenset(): number}
            case "rate" | "increase" as name:
                return self._grown(node.args[0], per_second=name == "rate")
            case "histogram_quantile":
                share = self.value(node.args[0])
                assert isinstance(share, float)
                return _quantiles(share, self._vector(node.args[1]))
        raise NotImplementedError(node.func.name)

    def _grown(self, matrix: Any, *, per_second: bool) -> Vector:
        length = matrix.range.total_seconds()
        grown: Vector = {}
        for one in self._chosen(matrix.vector_selector):
            seen = [(t, v) for t, v in one.samples if self.at - length <= t <= self.at]
            if len(seen) < 2:
                continue
            # A counter that falls has begun anew.
            values = [value for _, value in seen]
            more = sum(b - a if b >= a else b for a, b in pairwise(values))
            rate = more / (seen[-1][0] - seen[0][0])
            grown[_bare(one.labels)] = rate if per_second else rate * length
        return grown


def _fits(matcher: Any, labels: Mapping[str, str]) -> bool:
    value = labels.get(matcher.name, "")
    match matcher.op:
        case ast.MatchOp.Equal:
            return bool(value == matcher.value)
        case ast.MatchOp.NotEqual:
            return bool(value != matcher.value)
        case ast.MatchOp.Re:
            return re.fullmatch(matcher.value, value) is not None
        case ast.MatchOp.NotRe:
            return re.fullmatch(matcher.value, value) is None
    raise NotImplementedError(str(matcher.op))


def _bare(labels: Labels) -> Labels:
    return frozenset(pair for pair in labels if pair[0] != NAME)


def _pairs(left: Value, right: Value) -> list[tuple[Labels, float, float]]:
    """Each value of the left with its counterpart of the right."""
    if isinstance(right, float):
        assert isinstance(left, dict)
        return [(labels, value, right) for labels, value in left.items()]
    if isinstance(left, float):
        return [(labels, left, value) for labels, value in right.items()]
    others = {_bare(labels): value for labels, value in right.items()}
    return [(k, v, others[_bare(k)]) for k, v in left.items() if _bare(k) in others]


def _quantiles(share: float, buckets: Vector) -> Vector:
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, value in buckets.items():
        upper = float(dict(labels)["le"].replace("+Inf", "inf"))
        rest = frozenset(pair for pair in _bare(labels) if pair[0] != "le")
        groups.setdefault(rest, []).append((upper, value))
    found = {rest: _quantile(share, sorted(steps)) for rest, steps in groups.items()}
    return {rest: value for rest, value in found.items() if not math.isnan(value)}


def _quantile(share: float, steps: list[tuple[float, float]]) -> float:
    total = steps[-1][1]
    if not total:
        return math.nan
    lower, below = 0.0, 0.0
    for upper, count in steps:
        if count >= share * total:
            if math.isinf(upper):
                return lower
            return lower + (upper - lower) * (share * total - below) / (count - below)
        lower, below = upper, count
    return lower
