"""What an answer of a follow-up names means the same in every step: an order, quantities."""

from activities.follow_up_models import FollowUpMove
from activities.models import Decision
from activities.order_file import OrderFile
from domain.answers import needed
from domain.dispatch import read_quantities
from domain.errors import UnknownThing
from policy.follow_ups import FollowUpStep, FollowUpWork
from store import goods
from store.owing import debtor


async def do_named(
    file: OrderFile, move: FollowUpMove, rules: FollowUpStep, decision: Decision
) -> None:
    """Looks the order up that the answer has to name, and takes quantities back into stock.

    Raises UnknownThing for an order that is not there, and ValueError with the cure.
    """
    names_order = "order" in needed(rules.requires, decision.outcome)
    # Whose money it is may be another customer's: placing it looks for itself.
    if names_order and rules.work is not FollowUpWork.PLACE_PAYMENT:
        await _must_be_theirs(file, decision.data["order"].strip())
    asks = any(name.rpartition(".")[2] == "quantities" for name in rules.requires)
    if asks and (text := decision.data.get("quantities", "").strip()):
        await _take_back(file, move, read_quantities(text))


async def _must_be_theirs(file: OrderFile, named: str) -> None:
    other = await debtor(file.conn, named)
    if other is None or other.customer != file.request.customer:
        raise UnknownThing("order of this customer", named)
    if other.id == file.id:
        raise ValueError(f"{named} is the order itself; name the one that is sent instead")
    if other.is_gone:
        raise ValueError(f"{other.name} is {other.state.value}; name one that is delivered")


async def _take_back(file: OrderFile, move: FollowUpMove, units: dict[str, int]) -> None:
    """What came back fit for sale goes into free finished stock, never more than had left."""
    left = await goods.out_there(file.conn, file.id)
    for product, count in units.items():
        if count > left.get(product, 0):
            here = ", ".join(f"{of}={left[of]}" for of in sorted(left)) or "nothing"
            raise ValueError(f"{product}: {count} is more than can come back; that is {here}")
    await goods.take_back(file.conn, file.id, units)
    text = ", ".join(f"{count} {product}" for product, count in sorted(units.items()))
    file.note(
        "follow_up_goods_back",
        f"{move.title}: {text} came back into finished stock",
        key=f"{move.key}/goods_back",
        data={"follow_up": move.follow_up},
    )
