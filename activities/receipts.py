"""What customers say of the goods (L31): heard, told, and looked into where something is wrong."""

from temporalio import activity

from activities.models import Entered
from activities.opening import confirms_itself_at
from activities.order_file import Department, Keyed, OrderFile
from activities.receipt_models import (
    HEAR_RECEIPT,
    WAIT_ANEW,
    ReceiptHeard,
    ReceiptSettled,
    WaitAnew,
)
from domain.changes import ChangeState, ReceiptCondition
from domain.roles import Role
from store import changes, follow_ups

_WORDS = {
    ReceiptCondition.COMPLETE: ("what has been shipped so far has arrived", "已收到本批货物"),
    ReceiptCondition.DAMAGED: ("goods arrived damaged", "到货有破损"),
    ReceiptCondition.INCOMPLETE: ("goods arrived incomplete", "到货有短缺"),
    ReceiptCondition.NOT_RECEIVED: ("the goods have not arrived", "未收到货物"),
}
_TOLD = (Role.CUSTOMER, Role.SALES, Role.LOGISTICS)
LOOKED_INTO = "it is being looked into; the order stays open"


class Receipts(Department):
    """Hears receipts that do not end their order."""

    @activity.defn(name=HEAR_RECEIPT)
    async def hear_receipt(self, heard: ReceiptHeard) -> ReceiptSettled:
        """Settles the receipt, and wants the follow-up that looks into what is wrong."""
        key = f"{heard.order_id}/changes/{heard.change_id}"

        async def work(file: OrderFile) -> ReceiptSettled:
            return await _hear(file, heard)

        keyed = Keyed(heard.order_id, key, heard.now)
        return await self.once(HEAR_RECEIPT, keyed, ReceiptSettled, work)

    @activity.defn(name=WAIT_ANEW)
    async def wait_anew(self, anew: WaitAnew) -> Entered:
        """What held the receipt back is settled: when it confirms itself now."""

        async def work(file: OrderFile) -> Entered:
            step = file.profile.step(anew.at.step)
            at = await confirms_itself_at(file, step)
            if at is not None:
                text = f"{step.title}: what was wrong is settled; taken as received at "
                file.note("waits_anew", text + file.said(at), key=anew.key, step=step.id)
            return Entered(auto_at=at)

        return await self.once(WAIT_ANEW, Keyed(anew.order_id, anew.key, anew.now), Entered, work)


async def _hear(file: OrderFile, heard: ReceiptHeard) -> ReceiptSettled:
    wish = await changes.find_change(file.conn, file.id, heard.change_id)
    wrong = heard.condition is not ReceiptCondition.COMPLETE
    name = None
    if wrong and heard.follow_up is not None and heard.key is not None:
        wanted = follow_ups.Wanted(
            key=heard.key,
            kind=heard.follow_up,
            order_id=file.id,
            subject=heard.change_id,
            requested_by=wish.requested_by,
            requested_at=file.now,
            text=wish.reason,
            facts={"condition": heard.condition.value, **_items(wish)},
        )
        name = await follow_ups.want(file.conn, wanted)
    reason = LOOKED_INTO if wrong else None
    await changes.settle(file.conn, wish.id, ChangeState.APPLIED, None, file.now)
    _say(file, heard, reason)
    return ReceiptSettled(follow_up=name)


def _items(wish: changes.ChangeRow) -> dict[str, object]:
    items = wish.patch.get("items")
    return {"items": items} if items else {}


def _say(file: OrderFile, heard: ReceiptHeard, reason: str | None) -> None:
    words, zh = _WORDS[heard.condition]
    if heard.rest_open and reason is None:
        reason = "the rest is still to be shipped"
    text = f"{words}; {reason}" if reason else words
    key, kind = f"{file.id}/changes/{heard.change_id}", f"receipt_{heard.condition.value}"
    file.note(kind, f"Receipt: {text}", key=key, data={"change": heard.change_id})
    file.tell_all(_TOLD, kind, text, zh, key=key)
