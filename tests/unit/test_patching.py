"""A change touches what really differs, and the order with it applied keeps its agreed prices."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.changes import ChangeRequest, Touch
from domain.errors import InvalidField
from domain.orders import OrderRequest
from domain.patching import check_delivered, new_products, patched, touches

PROMISED = datetime(2027, 3, 1, 10, tzinfo=UTC)
LIST_PRICES = {"EL-A5": Decimal("26.50")}
ORDER = OrderRequest.model_validate(
    {
        "profile": "GEN",
        "customer": "C-0001",
        "promised_at": PROMISED,
        "remarks": "ring twice",
        "lines": [
            {"product": "EL-A4", "quantity": 40, "unit_price": "38.50", "specification": "blue"},
            {"product": "DRV-12V", "quantity": 10, "unit_price": "21.40"},
            {"product": "EL-A4", "quantity": 5, "unit_price": "38.50"},
        ],
    }
)


def change(**fields: Any) -> ChangeRequest:
    return ChangeRequest.model_validate({"version": 1, **fields})


def lines(*changed: dict[str, Any]) -> ChangeRequest:
    return change(lines=list(changed))


@pytest.mark.parametrize(
    ("asked", "touched"),
    [
        (change(remarks="ring once"), [Touch.REMARKS]),
        (change(remarks=None), [Touch.REMARKS]),
        (change(remarks="ring twice", requirements="even"), [Touch.REQUIREMENTS]),
        (change(promised_at=PROMISED.replace(day=2)), [Touch.PROMISED_AT]),
        (lines({"line": 1, "quantity": 41}), [Touch.QUANTITY_UP]),
        (lines({"line": 1, "quantity": 39}), [Touch.QUANTITY_DOWN]),
        (lines({"line": 2, "remove": True}), [Touch.LINE_REMOVED]),
        (lines({"product": "EL-A5", "quantity": 1}), [Touch.LINE_ADDED]),
        (lines({"product": "EL-A4", "quantity": 1, "specification": "blue"}), [Touch.LINE_ADDED]),
        (
            lines({"product": "EL-A4", "quantity": 1, "specification": "red"}),
            [Touch.SPECIFICATION, Touch.LINE_ADDED],
        ),
        (lines({"line": 2, "product": "EL-A5"}), [Touch.PRODUCT]),
        (lines({"line": 2, "product": "EL-A5", "specification": "x"}), [Touch.PRODUCT]),
        (lines({"line": 1, "specification": None}), [Touch.SPECIFICATION]),
        (
            lines({"line": 1, "quantity": 1}, {"line": 2, "product": "EL-A5", "quantity": 99}),
            [Touch.QUANTITY_UP, Touch.QUANTITY_DOWN, Touch.PRODUCT],
        ),
    ],
)
def test_a_change_touches_what_differs_and_nothing_else(
    asked: ChangeRequest, touched: list[Touch]
) -> None:
    assert list(touches(ORDER, asked)) == touched


def test_lines_are_numbered_as_they_stood_and_new_ones_follow() -> None:
    after = patched(
        ORDER,
        lines(
            {"line": 1, "remove": True},
            {"product": "EL-A5", "quantity": 7, "specification": "cut"},
            {"line": 3, "quantity": 6},
            {"line": 2, "product": "EL-A5"},
        ),
        LIST_PRICES,
    )

    assert [(line.product, line.quantity, str(line.unit_price)) for line in after.lines] == [
        ("EL-A5", 10, "26.50"),
        ("EL-A4", 6, "38.50"),
        ("EL-A5", 7, "26.50"),
    ]
    assert after.lines[2].specification == "cut"


def test_a_product_that_the_order_has_keeps_its_agreed_price() -> None:
    asked = lines({"product": "EL-A4", "quantity": 1}, {"line": 2, "product": "EL-A4"})

    after = patched(ORDER, asked, {"EL-A4": Decimal(40)})

    assert {str(line.unit_price) for line in after.lines} == {"38.50"}
    assert new_products(ORDER, asked) == ()


def test_what_is_not_named_stays_and_the_rest_of_the_order_too() -> None:
    after = patched(ORDER, lines({"line": 1, "quantity": 30}), {})

    assert after.lines[0].specification == "blue"
    assert after.model_copy(update={"lines": ORDER.lines}) == ORDER
    assert after.amount == ORDER.amount - 10 * Decimal("38.50")


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        (change(), "body", "changes nothing"),
        (change(remarks="ring twice"), "body", "changes nothing"),
        (change(promised_at=None), "promised_at", "leave it out"),
        (change(lines=None), "lines", "leave it out"),
        (lines({"line": 1, "quantity": 40}), "body", "changes nothing"),
        (lines({"line": 1}), "lines[0]", "changes nothing of line 1"),
        (lines({"line": 4, "quantity": 1}), "lines[0].line", "the lines 1 to 3"),
        (lines({"line": 1, "quantity": 2}, {"line": 1, "remove": True}), "lines[1].line", "twice"),
        (lines({"line": 1, "remove": True, "quantity": 3}), "lines[0].quantity", "leave it out"),
        (lines({"remove": True}), "lines[0].line", "which line"),
        (lines({"quantity": 3}), "lines[0].product", "a new line needs product and quantity"),
        (lines({"product": "EL-A5"}), "lines[0].quantity", "a new line needs product"),
        (lines({"line": 1, "quantity": None}), "lines[0].quantity", "cannot be null"),
        (lines({"product": "FIB-3M", "quantity": 1}), "lines[0].product", "agree a price"),
        (lines({"line": 2, "product": "FIB-3M"}), "lines[0].product", "list price in CNY"),
        (lines(*({"line": n, "remove": True} for n in (1, 2, 3))), "lines", "cancel the order"),
        (
            change(lines=[{"product": "EL-A5", "quantity": 1}] * 198),
            "lines",
            "place a second order",
        ),
    ],
)
def test_a_change_that_cannot_be_is_refused_by_field_with_the_cure(
    asked: ChangeRequest, field: str, said: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        patched(ORDER, asked, LIST_PRICES)

    assert refused.value.field == field
    assert said in refused.value.rule


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"line": 1, "quantity": 29}, "lines[0].quantity", "write at least 30"),
        ({"line": 1, "remove": True}, "lines[0].remove", "30 of 40 EL-A4 have been delivered"),
        ({"line": 1, "product": "EL-A5"}, "lines[0].product", "add a line for the rest"),
        ({"line": 1, "specification": "red"}, "lines[0].specification", "30 of 40 EL-A4"),
    ],
)
def test_what_is_delivered_cannot_be_taken_back_by_a_change(
    asked: dict[str, Any], field: str, said: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        check_delivered(ORDER, lines(asked), {"EL-A4": 30})

    assert refused.value.field == field
    assert said in refused.value.rule


def test_lines_of_one_product_are_served_in_their_sequence() -> None:
    check_delivered(
        ORDER, lines({"line": 1, "quantity": 30}, {"line": 3, "remove": True}), {"EL-A4": 30}
    )
    with pytest.raises(InvalidField, match="2 of 5 EL-A4"):
        check_delivered(ORDER, lines({"line": 3, "remove": True}), {"EL-A4": 42})
