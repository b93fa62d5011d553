"""One order in full: where it stands, what it waits for, what was ordered."""

from collections.abc import Mapping
from typing import Any

from api.access import Principal
from api.views import Links, OrderItem, order_item, order_links
from api.waiting import Waiting
from store.rows import FullOrderRow

PERSONAL_FIELDS = ("contact", "deliver_to")


class OrderDetail(OrderItem):
    """One order with what was ordered. Contact and address only for those who need them.

    `waiting` is none once the order is closed.
    """

    waiting: Waiting | None
    order: Mapping[str, Any]
    links: Links


def order_detail(
    row: FullOrderRow, principal: Principal, web_ui: str | None, waits: Waiting | None
) -> OrderDetail:
    """One order, without contact and address for those who neither call nor deliver."""
    hidden = () if principal.sees_personal_data else PERSONAL_FIELDS
    body = {name: value for name, value in row.body.items() if name not in hidden}
    links = order_links(row.id, web_ui)
    return OrderDetail(**order_item(row).model_dump(), waiting=waits, order=body, links=links)
