"""Typed answers: a date that can be kept, a role that exists, a text that fits."""

from datetime import datetime, timedelta

import pytest

from domain.answers import fault, needed
from tests.workflow.reference import SHANGHAI

NOW = datetime(2026, 11, 24, 0, 30, tzinfo=SHANGHAI)  # still the day before in UTC


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("until", "2026-11-24"),
        ("new_date", "2027-01-15"),
        ("promised_at", "2026-11-24"),
        ("promised_at", "2026-11-24T00:31:00+08:00"),
        ("promised_at", "2026-12-01T09:00:00Z"),
        ("agreed_date", "2026-10-01"),
        ("owner", "planning"),
        ("responsible", "sales, together with planning"),
        ("measure", "any words at all"),
    ],
)
def test_what_can_be_kept_is_taken(name: str, text: str) -> None:
    assert fault(name, text, NOW) is None


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("until", "2026-11-23", "2026-11-23 is over"),
        ("until", "tomorrow", "is no date"),
        ("until", "2026-02-30", "is no date"),
        ("until", "20261124", "is no date"),
        ("until", "2026-11-24T09:00:00+08:00", "is no date"),
        ("new_date", "9999-12-31", "is too far away"),
        ("promised_at", "2026-11-24T00:30:00+08:00", "is over"),
        ("promised_at", "2026-12-24T09:00:00", "is neither an instant nor a date"),
        ("promised_at", "2026-11-23", "2026-11-23 is over"),
        ("owner", "customer", "is no role inside"),
        ("owner", "Planning", "is no role inside"),
        ("responsible", "x" * 201, "has 201 characters"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_cure(name: str, text: str, what: str) -> None:
    told = fault(name, text, NOW)

    assert told is not None
    rule, _, cure = told.partition("; ")
    assert what in rule
    assert cure.startswith("write ")


def test_a_date_means_its_day_where_the_order_is_worked() -> None:
    elsewhere = NOW - timedelta(hours=1)

    assert fault("until", "2026-11-23", elsewhere) is None


def test_some_names_are_needed_for_one_outcome_only() -> None:
    requires = ("note", "new_date.promised_at")

    assert needed(requires, "outsource") == ("note",)
    assert needed(requires, "new_date") == ("note", "promised_at")
