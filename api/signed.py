"""Whether a notice is signed by whom we know (Standard Webhooks): id, timestamp, signature."""

from collections.abc import Mapping
from typing import Literal, get_args

from fastapi import Request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from api.problems import UNSIGNED, FieldError, Problem
from settings import Settings

Fault = Literal["missing", "id", "timestamp", "signature"]
"""What is wrong with a notice that opens nothing: a header that is missing, or which of them."""

FAULTS: tuple[Fault, ...] = get_args(Fault)

NOTICE_ID_LENGTH_MAX = 200
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class Unsigned(Problem):
    """401: nobody we know has signed it so."""

    def __init__(self, fault: Fault, field: str, message: str) -> None:
        cure = "sign id, timestamp and body as https://www.standardwebhooks.com says"
        super().__init__(
            UNSIGNED,
            f"{field} {message}",
            [FieldError(field=field, message=message, cure=cure)],
            headers={"WWW-Authenticate": "Webhook-Signature"},
        )
        self.fault = fault


def signed_by(settings: Settings, request: Request, body: bytes) -> tuple[str, str]:
    """Who signed the body, and under which id. Raises Unsigned.

    A timestamp more than five minutes off is refused, so that an overheard notice is soon useless.
    """
    sent = {name: request.headers[name] for name in HEADERS if name in request.headers}
    missing = next((name for name in HEADERS if not sent.get(name)), None)
    if missing is not None:
        raise Unsigned("missing", missing, "is missing")
    notice = sent["webhook-id"]
    if len(notice) > NOTICE_ID_LENGTH_MAX or not (notice.isascii() and notice.isprintable()):
        plain = f"should have at most {NOTICE_ID_LENGTH_MAX} plain characters"
        raise Unsigned("id", "webhook-id", plain)
    why = "is by nobody we know"
    for sender, secret in settings.payment_senders:
        fault = _fault(secret, sent, body)
        if fault is None:
            return sender, notice
        why = fault
    of: Fault = "timestamp" if "timestamp" in why else "signature"
    raise Unsigned(of, f"webhook-{of}", why)


def _fault(secret: str, headers: Mapping[str, str], body: bytes) -> str | None:
    try:
        # The library compares in constant time, and knows what may be off by how much.
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except WebhookVerificationError as error:
        # What the library says of a timestamp that is no number is `Invalid Signature Headers`.
        is_late = "timestamp" in str(error) or "Headers" in str(error)
        return "is a timestamp more than five minutes off" if is_late else "does not hold"
    except ValueError:
        return "does not hold"
    return None
