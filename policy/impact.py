"""What a change means for an order: class, price, date, who agrees, what goes back. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain.base import Record
from domain.changes import ChangeClass, Touch
from domain.holdings import Holdings
from domain.orders import OrderRequest, Trait
from domain.roles import Role
from domain.stages import Stage
from policy.changing import NOT_POSSIBLE, Classified, passed_by
from policy.consequences import (
    Consequence,
    Voided,
    given_back,
    lost,
    voided,
)
from policy.model import Profile
from policy.steps import AlongsideStep, ResourceStep, ReviewStep, TaskStep, Work

_SIGNING = {Stage.CONTRACT, Stage.PLAN_APPROVAL, Stage.SHIPPING_RELEASE}


class Agreement(Record):
    """A step of the profile that has to agree before the change is made."""

    step: str
    title: str
    title_zh: str
    role: Role
    rule: str
    limit: str
    answers: tuple[str, ...]
    requires: tuple[str, ...] = ()


class NotPossible(Record):
    """A touch that is refused: why, and what is still possible."""

    touch: Touch
    because: str
    instead: str | None = None


class Impact(Record):
    """What a change means. A refused one gives nothing back and asks nobody.

    `back_to` is the step to which the order goes back, none where it goes on; `needs` are fields
    without which the change is not taken. Prices are in `currency`; `promised_after` is what the
    customer asks for, not yet what is agreed. `ready_at` is when the lines could have made it as
    they are booked now, where it has to be planned anew; it promises nothing.
    """

    of: ChangeClass
    touches: tuple[Touch, ...]
    back_to: str | None = None
    currency: str
    price_before: Decimal
    price_after: Decimal
    price_difference: Decimal
    promised_before: datetime
    promised_after: datetime
    ready_at: datetime | None = None
    needs: tuple[Literal["evidence", "identity"], ...] = ()
    told: tuple[Role, ...] = ()
    must_agree: tuple[Agreement, ...] = ()
    given_back: tuple[Consequence, ...] = ()
    lost: tuple[Consequence, ...] = ()
    voided: tuple[Voided, ...] = ()
    refused: tuple[NotPossible, ...] = ()

    @property
    def remakes(self) -> bool:
        """Whether goods are made anew because they are to be otherwise."""
        return self.of is ChangeClass.TECHNICAL and bool(self.lost)

    @property
    def why(self) -> str | None:
        """Why it is refused and what is possible instead; none when it is not."""
        said = [
            f"{not_so.touch}: {not_so.because}" + (f"; {not_so.instead}" if not_so.instead else "")
            for not_so in self.refused
        ]
        return "; ".join(dict.fromkeys(said)) or None


def signing_steps(profile: Profile) -> tuple[str, ...]:
    """The steps whose answers are signatures for a version of the order."""
    return tuple(step.id for step in profile.route if _signs(step))


def back_to(
    profile: Profile, of: ChangeClass, current: str | None, traits: frozenset[Trait]
) -> str | None:
    """The step to which a change of this class takes the order back; none where it goes on.

    Where that step is not there for an order of these traits, the next one that is takes its place.
    """
    target = {
        ChangeClass.DATE: profile.changes.replan_at,
        ChangeClass.STRUCTURAL: profile.changes.rewind_to,
    }.get(of)
    if target is None or current is None:
        return None
    passed = passed_by(profile, current)
    if of is ChangeClass.DATE and _is_made(profile, current):
        return None  # the goods are made: there is nothing left to plan
    target = _for_order(profile, target, traits)
    return target if current == target or passed(target) else None


def way_back(
    profile: Profile, of: ChangeClass, current: str | None, traits: frozenset[Trait], *, gone: bool
) -> str | None:
    """Where a change of this class, agreed on in step `current`, leads an order; none: it goes on.

    Beside what has to be done anew, whoever is judging the order is asked anew, and so is whoever
    has released the goods, unless they are `gone`.
    """
    if current is None:
        return None
    if (target := back_to(profile, of, current, traits)) is not None:
        return target
    if of is not ChangeClass.MINOR and isinstance(profile.step(current), ReviewStep):
        return current
    if gone:
        return None
    passed = passed_by(profile, current)
    return next(
        (
            step.id
            for step in profile.route
            if step.stage is Stage.SHIPPING_RELEASE
            and step.is_for(traits)
            and (step.id == current or passed(step.id))
        ),
        None,
    )


def _for_order(profile: Profile, target: str, traits: frozenset[Trait]) -> str:
    """The first step from `target` on that is on the way of an order of these traits."""
    route = profile.route
    start = next(place for place, step in enumerate(route) if step.id == target)
    on_the_way = (s.id for s in route[start:] if not s.detour and s.is_for(traits))
    return next(on_the_way, target)


def _is_made(profile: Profile, current: str | None) -> bool:
    """Whether an order in step `current` is past the making of its goods."""
    passed = passed_by(profile, current)
    return any(
        passed(step.id)
        for step in profile.route
        if isinstance(step, TaskStep) and step.work is Work.RECORD_PRODUCTION and not step.detour
    )


def is_planned_anew(profile: Profile, of: ChangeClass, current: str | None) -> bool:
    """Whether lines have to be booked for the order as it will be."""
    books = any(isinstance(s, ResourceStep) and s.work is Work.BOOK_SLOT for s in profile.route)
    if of is ChangeClass.DATE:
        return books and not _is_made(profile, current)
    return books and of is ChangeClass.STRUCTURAL


def agreements(
    profile: Profile, classified: Classified, *, costs_more: bool, later: bool
) -> tuple[AlongsideStep, ...]:
    """The steps that a change of this class has to be agreed in, one after the other.

    What else a technical change touches is agreed as if it came alone.
    """
    asked = {classified.of}
    if classified.of is ChangeClass.TECHNICAL and classified.rest is not ChangeClass.MINOR:
        asked.add(classified.rest)
    needed = {"always"} | ({"cost", "cost_or_date"} if costs_more else set())
    needed |= {"cost_or_date"} if later else set()
    return tuple(
        step
        for step in profile.alongside
        if step.trigger == "on_change"
        and not asked.isdisjoint(step.classes)
        and step.needed in needed
    )


def impact_of(
    profile: Profile,
    before: OrderRequest,
    after: OrderRequest,
    touches: Sequence[Touch],
    classified: Classified,
    current: str | None,
    holdings: Holdings,
) -> Impact:
    """What the change from `before` to `after` means for an order in step `current`."""
    of = classified.of
    said = {
        "of": of,
        "touches": tuple(touches),
        "currency": before.currency.value,
        "price_before": before.amount,
        "price_after": after.amount,
        "price_difference": after.amount - before.amount,
        "promised_before": before.promised_at,
        "promised_after": after.promised_at,
    }
    if of is ChangeClass.REFUSED:
        return Impact(**said, refused=tuple(_refusals(classified)))
    losing, reaches = tuple(lost(before, after, holdings)), of
    if of is ChangeClass.TECHNICAL and losing:
        # What is made so is made anew, whatever else the technical department says.
        classified = replace(classified, rest=ChangeClass.STRUCTURAL)
        reaches = ChangeClass.STRUCTURAL
    target = way_back(profile, reaches, current, before.traits, gone=holdings.gone)
    return Impact(
        **said,
        back_to=target,
        needs=_needs(profile, of),
        told=told(profile, of),
        must_agree=tuple(_agreements(profile, classified, before, after)),
        given_back=tuple(given_back(profile, target, after, holdings)),
        lost=losing,
        voided=tuple(voided(profile, target, current, holdings)),
    )


def told(profile: Profile, of: ChangeClass) -> tuple[Role, ...]:
    """Who is told of a change of this class as soon as it is known (catalogue 5.5)."""
    roles = (role for told in profile.changes.told if of in told.of for role in told.roles)
    return tuple(dict.fromkeys(roles))


def _needs(profile: Profile, of: ChangeClass) -> tuple[Literal["evidence", "identity"], ...]:
    rules = profile.changes
    evidence: tuple[Literal["evidence"], ...] = ("evidence",) if of in rules.evidence else ()
    return (*evidence, "identity") if rules.identity else evidence


def _refusals(classified: Classified) -> Iterator[NotPossible]:
    for touch, row in classified.refused:
        if row is None:
            because = "cannot be changed under this regulation"
            yield NotPossible(touch=touch, because=because, instead="order anew what is to differ")
        else:
            because = row.because or NOT_POSSIBLE
            yield NotPossible(touch=touch, because=because, instead=row.instead)


def _agreements(
    profile: Profile, classified: Classified, before: OrderRequest, after: OrderRequest
) -> Iterator[Agreement]:
    costs_more = after.amount > before.amount
    later = after.promised_at > before.promised_at
    for step in agreements(profile, classified, costs_more=costs_more, later=later):
        assert step.window is not None, "an answer to a change has a time"
        yield Agreement(
            step=step.id,
            title=step.title,
            title_zh=step.title_zh,
            role=step.role,
            rule=step.window.id,
            limit=str(step.window.limit),
            answers=step.answers,
            requires=step.requires,
        )


def _signs(step: object) -> bool:
    if isinstance(step, ReviewStep):
        return True
    return isinstance(step, TaskStep) and not step.detour and step.stage in _SIGNING
