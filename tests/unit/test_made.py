"""Made goods stay with an order as long as it wants them as they are."""

from datetime import UTC, datetime

import pytest

from domain.made import still_wanted
from domain.orders import OrderRequest


def order(*lines: tuple[int, str | None], product: str = "EL-A4") -> OrderRequest:
    return OrderRequest.model_validate(
        {
            "profile": "GEN",
            "customer": "C-0001",
            "promised_at": datetime(2027, 3, 1, 10, tzinfo=UTC),
            "lines": [
                {"product": product, "quantity": units, "unit_price": "1", "specification": how}
                for units, how in lines
            ],
        }
    )


@pytest.mark.parametrize(
    ("before", "after", "made", "wanted"),
    [
        (order((10, "red")), order((20, "red")), 10, 10),
        (order((10, "red")), order((4, "red")), 10, 4),
        (order((10, "red")), order((10, "blue")), 10, 0),
        (order((10, None)), order((10, "blue")), 10, 0),
        (order((10, "red")), order((6, "red"), (4, "blue")), 10, 6),
        (order((10, "red"), (5, "blue")), order((5, "blue")), 15, 5),
        (order((10, "red")), order((10, "red"), (5, "blue")), 10, 10),
        (order((10, "red")), order((10, "red"), product="EL-A5"), 10, 0),
        # Twenty are made of thirty: ten may be blue, so no more than ten are red for certain.
        (order((20, "red"), (10, "blue")), order((20, "red")), 20, 10),
        (order((20, "red"), (10, "blue")), order((30, "red"), (10, "blue")), 20, 20),
    ],
)
def test_only_what_is_certainly_as_it_was_ordered_stays(
    before: OrderRequest, after: OrderRequest, made: int, wanted: int
) -> None:
    assert still_wanted(before, after, {"EL-A4": made}) == {"EL-A4": wanted}
