"""How an order hears of a wish: the same from the API that took it and from the worker."""

from collections.abc import Mapping, Sequence
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.base import Record
from domain.changes import ReceiptCondition, Touch
from workflows.contract import (
    CONFIRM_RECEIPT,
    REQUEST_CANCELLATION,
    REQUEST_CHANGE,
    REQUEST_RUSH,
    CancellationNotice,
    ChangeNotice,
    ReceiptNotice,
    RushNotice,
    order_workflow_id,
)


def wish_notice(
    change_id: str,
    kind: str,
    *,
    version: int | None,
    patch: Mapping[str, Any],
    touches: Sequence[str],
) -> tuple[str, Record]:
    """The signal's name and what it says; a repeated one says the same."""
    if kind == "cancellation":
        return REQUEST_CANCELLATION, CancellationNotice(change_id=change_id)
    if kind == "rush":
        return REQUEST_RUSH, RushNotice(change_id=change_id)
    if kind == "receipt":
        said = patch.get("condition", ReceiptCondition.COMPLETE)
        return CONFIRM_RECEIPT, ReceiptNotice(change_id=change_id, condition=ReceiptCondition(said))
    return REQUEST_CHANGE, ChangeNotice(
        change_id=change_id,
        version=version or 1,
        fields=tuple(sorted(patch)),
        touches=tuple(Touch(touch) for touch in touches),
    )


async def tell_wish(client: Client, order_id: str, name: str, notice: Record) -> bool:
    """Tells an order of a wish; false when no workflow of it is open.

    Raises RPCError when the engine cannot be reached.
    """
    handle = client.get_workflow_handle(order_workflow_id(order_id))
    try:
        await handle.signal(name, notice)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True
