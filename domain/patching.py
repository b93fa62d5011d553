"""What a change touches of an order, and the order as it stands with the change applied. Pure."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from domain.changes import ChangedLine, ChangeRequest, Touch
from domain.errors import InvalidField, NothingChanges
from domain.orders import LINES_MAX, OrderLine, OrderRequest

CLEARED = frozenset({"contact", "deliver_to", "requirements", "remarks"})
"""What a change may clear with null; everything else an order always has."""

_WHOLE = {
    "contact": Touch.CONTACT,
    "deliver_to": Touch.DELIVER_TO,
    "requirements": Touch.REQUIREMENTS,
    "remarks": Touch.REMARKS,
    "attachments": Touch.ATTACHMENTS,
    "promised_at": Touch.PROMISED_AT,
}
_NOTHING = "changes nothing; name at least one field with its new value"
_KEEP = "cannot be null; leave it out to keep it as it is"
_RETURN = "or ask for a return"
_CANCEL = "leaves no line; cancel the order instead"


def touches(order: OrderRequest, change: ChangeRequest) -> tuple[Touch, ...]:
    """What really differs from the order, in the sequence of `Touch`.

    Raises NothingChanges when nothing does, InvalidField for a field or a line that is wrong.
    """
    _check_whole(change)
    found = {
        touch
        for name, touch in _WHOLE.items()
        if name in change.model_fields_set and getattr(change, name) != getattr(order, name)
    }
    for index, changed in enumerate(change.lines or ()):
        found.update(_line_touches(order, changed, f"lines[{index}]"))
    if not found:
        raise NothingChanges("body", _NOTHING)
    return tuple(touch for touch in Touch if touch in found)


def patched(
    order: OrderRequest, change: ChangeRequest, prices: Mapping[str, Decimal]
) -> OrderRequest:
    """The order with the change applied; lines are numbered as they stand in `order`.

    `prices` are list prices by product in the order's currency. A product that the order has
    already keeps the price agreed for it. Raises InvalidField, also when nothing changes.
    """
    touches(order, change)
    update = {name: getattr(change, name) for name in _WHOLE if name in change.model_fields_set}
    if change.lines is not None:
        update["lines"] = _lines(order, change.lines, prices)
    return order.model_copy(update=update)


def check_delivered(order: OrderRequest, change: ChangeRequest, shipped: Mapping[str, int]) -> None:
    """Raises InvalidField for a line that has left, in part or as a whole.

    `shipped` are units by product. Several lines of one product were served in their sequence.
    """
    left = dict(shipped)
    gone: list[int] = []
    for line in order.lines:
        gone.append(min(left.get(line.product, 0), line.quantity))
        left[line.product] = left.get(line.product, 0) - gone[-1]
    for index, changed in enumerate(change.lines or ()):
        if changed.line is None or not gone[changed.line - 1]:
            continue
        line, sent = order.lines[changed.line - 1], gone[changed.line - 1]
        at = f"lines[{index}]"
        said = f"{sent} of {line.quantity} {line.product} have been delivered"
        if changed.remove:
            raise InvalidField(f"{at}.remove", f"{said}; lower the quantity to {sent}, {_RETURN}")
        if changed.product not in {None, line.product}:
            raise InvalidField(f"{at}.product", f"{said}; add a line for the rest, {_RETURN}")
        if changed.quantity is not None and changed.quantity < sent:
            raise InvalidField(f"{at}.quantity", f"{said}; write at least {sent}, {_RETURN}")
        if (
            "specification" in changed.model_fields_set
            and changed.specification != line.specification
        ):
            raise InvalidField(f"{at}.specification", f"{said}; add a line for the rest")


def new_products(order: OrderRequest, change: ChangeRequest) -> tuple[str, ...]:
    """Products of which the change needs a list price, in order of code."""
    agreed = _agreed(order)
    wanted = {line.product for line in change.lines or () if line.product is not None}
    return tuple(sorted(wanted - set(agreed)))


def _check_whole(change: ChangeRequest) -> None:
    for name in change.fields:
        if name not in CLEARED and getattr(change, name) is None:
            raise InvalidField(name, _KEEP)
    seen: set[int] = set()
    for index, changed in enumerate(change.lines or ()):
        at = f"lines[{index}]"
        _check(changed, at)
        if changed.line in seen:
            rule = f"line {changed.line} stands here twice; say everything of a line at once"
            raise InvalidField(f"{at}.line", rule)
        if changed.line is not None:
            seen.add(changed.line)


def _line_touches(order: OrderRequest, changed: ChangedLine, at: str) -> Iterator[Touch]:
    if changed.line is None:
        yield Touch.LINE_ADDED
        has = {line.specification for line in order.lines if line.product == changed.product}
        if has and changed.specification not in has:
            # What is made of the product is not what the new line asks for.
            yield Touch.SPECIFICATION
        return
    line = _line(order, changed.line, at)
    if changed.remove:
        yield Touch.LINE_REMOVED
        return
    quantity = line.quantity if changed.quantity is None else changed.quantity
    if quantity != line.quantity:
        yield Touch.QUANTITY_UP if quantity > line.quantity else Touch.QUANTITY_DOWN
    if changed.product not in {None, line.product}:
        # What the new product is to be like belongs to the exchange.
        yield Touch.PRODUCT
    elif (
        "specification" in changed.model_fields_set and changed.specification != line.specification
    ):
        yield Touch.SPECIFICATION


def _line(order: OrderRequest, number: int, at: str) -> OrderLine:
    if number > len(order.lines):
        last = len(order.lines)
        lines = "line 1 alone" if last == 1 else f"the lines 1 to {last}"
        raise InvalidField(f"{at}.line", f"there is no line {number}; the order has {lines}")
    return order.lines[number - 1]


def _lines(
    order: OrderRequest, changes: tuple[ChangedLine, ...], prices: Mapping[str, Decimal]
) -> tuple[OrderLine, ...]:
    kept: dict[int, OrderLine | None] = dict(enumerate(order.lines, start=1))
    added: list[OrderLine] = []
    for index, changed in enumerate(changes):
        at = f"lines[{index}]"
        if changed.line is None:
            added.append(_added(order, changed, at, prices))
            continue
        line = _line(order, changed.line, at)
        kept[changed.line] = None if changed.remove else _edited(order, line, changed, at, prices)
    lines = (*filter(None, kept.values()), *added)
    if not lines:
        raise InvalidField("lines", _CANCEL)
    if len(lines) > LINES_MAX:
        raise InvalidField("lines", f"are more than {LINES_MAX}; place a second order")
    return lines


def _check(changed: ChangedLine, at: str) -> None:
    said = changed.model_fields_set - {"line", "remove"}
    for name in ("product", "quantity"):
        if name in said and getattr(changed, name) is None:
            raise InvalidField(f"{at}.{name}", _KEEP)
    if changed.remove and changed.line is None:
        raise InvalidField(f"{at}.line", "is missing; say which line is to be removed")
    if changed.remove and said:
        name = min(said)
        raise InvalidField(f"{at}.{name}", "belongs to a line that is removed; leave it out")
    if changed.line is None:
        for name in ("product", "quantity"):
            if getattr(changed, name) is None:
                rule = "is missing; a new line needs product and quantity, any other its number"
                raise InvalidField(f"{at}.{name}", rule)
    elif not said and not changed.remove:
        raise InvalidField(at, f"changes nothing of line {changed.line}; say what, or leave it out")


def _added(
    order: OrderRequest, changed: ChangedLine, at: str, prices: Mapping[str, Decimal]
) -> OrderLine:
    assert changed.product is not None
    assert changed.quantity is not None
    return OrderLine(
        product=changed.product,
        quantity=changed.quantity,
        unit_price=_price(order, changed.product, at, prices),
        specification=changed.specification,
    )


def _edited(
    order: OrderRequest,
    line: OrderLine,
    changed: ChangedLine,
    at: str,
    prices: Mapping[str, Decimal],
) -> OrderLine:
    update = {name: getattr(changed, name) for name in changed.model_fields_set}
    update = {name: update[name] for name in update.keys() - {"line", "remove"}}
    if changed.product not in {None, line.product}:
        assert changed.product is not None
        update["unit_price"] = _price(order, changed.product, at, prices)
    return line.model_copy(update=update)


def _agreed(order: OrderRequest) -> dict[str, Decimal]:
    """What the order pays for a product, where all its lines agree on that."""
    found: dict[str, set[Decimal]] = {}
    for line in order.lines:
        found.setdefault(line.product, set()).add(line.unit_price)
    return {product: prices.pop() for product, prices in found.items() if len(prices) == 1}


def _price(order: OrderRequest, product: str, at: str, prices: Mapping[str, Decimal]) -> Decimal:
    price = _agreed(order).get(product, prices.get(product))
    if price is None:
        rule = f"{product} has no list price in {order.currency}"
        raise InvalidField(f"{at}.product", f"{rule}; agree a price with sales and order it anew")
    return price
