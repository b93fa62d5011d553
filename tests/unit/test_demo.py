"""The demo's stand-ins: punctual at any hour, and true to their stories."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.windows import Mark
from ops.demo_desk import Desk, answer
from ops.demo_story import load_stories
from policy.calendars import calendar
from policy.deadlines import open_window
from policy.instants import Timepieces
from policy.loader import load_all
from policy.model import Profile
from policy.steps import Step

DAYS = calendar("cn")
PROFILES = load_all().profiles
PROMISED_AT = datetime(2027, 3, 31, 18, tzinfo=UTC)
ASKED = [
    pytest.param(profile, step, id=f"{profile.id}-{step.id}")
    for profile in PROFILES.values()
    for step in profile.steps
    if step.window and step.answers
]
FROM = datetime(2026, 9, 1, tzinfo=UTC)
MINUTES = 180 * 24 * 60  # National Day, New Year and Spring Festival are among them
opened = st.integers(0, MINUTES).map(
    lambda minutes: DAYS.next_opening(FROM + timedelta(minutes=minutes))
)


def desk() -> Desk:
    """A desk that has read the profiles, and nobody to talk to."""
    made = Desk("http://127.0.0.1:1", {})
    made.profiles = dict(PROFILES)
    return made


def task(step: str, opened_at: datetime, due_at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "step": step,
        "opened_at": opened_at.isoformat(),
        "due_at": due_at.isoformat(),
        "outcomes": ["done"],
        "facts": {},
        **more,
    }


@pytest.mark.parametrize(("profile", "step"), ASKED)
@given(opened_at=opened)
def test_a_punctual_department_answers_before_the_warning_whenever_it_is_asked(
    profile: Profile, step: Step, opened_at: datetime
) -> None:
    assert step.window is not None
    window = open_window(
        Timepieces(company=DAYS, bank=DAYS, dates={"promised": PROMISED_AT}),
        step.window,
        profile.ladder,
        key="k",
        step=step.id,
        role=step.role,
        started_at=opened_at,
    )

    at = desk().answer_at(task(step.id, opened_at, window.due_at), profile.id, "01-any")

    assert opened_at <= at
    assert at < next(mark.at for mark in window.marks if mark.mark is Mark.WARNING)


@given(opened_at=opened)
def test_the_report_of_tomorrow_is_given_tomorrow(opened_at: datetime) -> None:
    due_at = DAYS.closing(DAYS.closing(opened_at) + timedelta(hours=1))

    at = desk().answer_at(task("tracking", opened_at, due_at), "S08", "01-any")

    assert at.date() == due_at.date()


def test_a_case_about_a_late_customer_gets_a_cause_that_charges_the_customer() -> None:
    asked = task("cause", PROMISED_AT, PROMISED_AT, facts={"step": "confirm"})

    assert answer(asked).startswith("CUSTOMER_")


def test_rush_orders_are_taken_up_first_and_then_by_their_promise() -> None:
    bodies = [story.draft.body for story in load_stories(datetime.now(UTC))]

    assert len(bodies) == 32
    order = [(not body.get("rush", False), body["promised_at"]) for body in bodies]
    assert order == sorted(order)
