"""The follow-ups of an order: its pinned profile's, else those that every order has."""

from functools import cache

from policy.follow_ups import GENERAL, FollowUp, FollowUpStep
from policy.loader import load_all
from policy.model import Profile
from policy.window import Window


def kind_of(profile: Profile, kind: str) -> FollowUp | None:
    """The kind by its name; none when nobody knows it.

    An order that was pinned before there were follow-ups has money to give back all the same.
    """
    return next((one for one in _known(profile) if one.id == kind), None)


def step_of_rule(profile: Profile, rule: str) -> FollowUpStep | None:
    """The step of a follow-up that has this window; none when it is another's."""
    steps = (step for kind in _known(profile) for step in kind.steps)
    return next((step for step in steps if step.window.id == rule), None)


def window_rule(profile: Profile, rule: str) -> Window:
    """The window of this rule, also one of a follow-up that the profile does not have itself.

    Raises KeyError.
    """
    try:
        return profile.window(rule)
    except KeyError:
        return _general().window(rule)


def _known(profile: Profile) -> tuple[FollowUp, ...]:
    return (*profile.follow_ups, *_general().follow_ups)


@cache
def _general() -> Profile:
    return load_all().profiles[GENERAL]
