"""What orders and wishes share on their way in: the retry key, and a workflow that surely runs."""

import hashlib
from typing import Annotated

from fastapi import Header, Request

from api.access import Principal
from api.services import Services
from store.intake import Claim
from store.rows import FullOrderRow
from workflows.contract import OrderStart, order_workflow_id

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="Any text of your own, up to 200 characters without blanks. Sending the same "
        "request with the same key again does it once and repeats the answer; recommended.",
        examples=["po-4711-2"],
    ),
]


def claim(request: Request, caller: Principal, key: str, digest: str) -> Claim:
    """The request under its key; the same key on another address is another request."""
    told = f"{request.method} {request.url.path} {digest}"
    return Claim(owner=caller.digest, key=key, digest=hashlib.sha256(told.encode()).hexdigest())


async def ensure_started(services: Services, order: FullOrderRow) -> None:
    """Starts the workflow of a stored order that has not entered its first step.

    The engine may have been away when it was stored. Starting twice changes nothing.
    Raises Problem 503.
    """
    if order.step is not None or order.closed_at is not None:
        return
    await services.temporal.start(
        OrderStart(
            order_id=order.id,
            customer=order.customer,
            profile=await services.pinned(order.profile_digest),
            promised_at=order.promised_at,
            rush=order.rush,
            special=bool(order.body.get("special")),
            received_at=order.received_at,
            version=order.version,
        )
    )


def web_ui(services: Services, caller: Principal, order_id: str) -> str | None:
    """Where staff see the order's workflow."""
    if not caller.is_staff:
        return None
    settings = services.settings
    return (
        f"{settings.web_ui_url}/namespaces/{settings.temporal_namespace}"
        f"/workflows/{order_workflow_id(order_id)}"
    )
