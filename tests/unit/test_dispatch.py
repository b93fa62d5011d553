"""What may be said of a shipment in parts."""

import pytest

from domain.answers import by_outcome, needed
from domain.dispatch import fault_of_shipment, read_quantities

THERE = {"DRV-12": 5, "EL-A4": 10}


def test_quantities_are_read_by_product() -> None:
    assert read_quantities(" EL-A4=10, DRV-12=5 ") == {"EL-A4": 10, "DRV-12": 5}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is no quantity; write product=units, such as EL-A4=10,DRV-12=5"),
        ("EL-A4=0", "'EL-A4=0' is no quantity"),
        ("EL-A4=-1", "'EL-A4=-1' is no quantity"),
        ("EL-A4=1.5", "'EL-A4=1.5' is no quantity"),
        ("EL-A4 = 1", "'EL-A4 = 1' is no quantity"),
        ("EL-A4=1,EL-A4=1", "EL-A4 stands twice"),
        ("EL-A5=1", "EL-A5 does not wait to be shipped; DRV-12, EL-A4 does"),
        ("EL-A4=11", "EL-A4: 11 are more than the 10 that are packed"),
        ("EL-A4=10,DRV-12=5", "that is all there is; answer `done` instead"),
    ],
)
def test_quantities_that_cannot_leave_are_refused_with_a_cure(text: str, words: str) -> None:
    found = fault_of_shipment(text, "partial", THERE)

    assert found is not None
    assert found.startswith(words)


def test_with_parts_missing_everything_that_is_packed_may_leave() -> None:
    assert fault_of_shipment("EL-A4=10,DRV-12=5", "missing_parts", THERE) is None


def test_an_answer_needs_what_its_outcome_asks_for() -> None:
    requires = ("partial.quantities", "done.tracking", "carrier")

    assert needed(requires, "done") == ("tracking", "carrier")
    assert by_outcome(requires) == {
        "partial": ("quantities",),
        "done": ("tracking",),
        "": ("carrier",),
    }
