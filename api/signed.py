"""Whether a notice is signed by whom we know (Standard Webhooks): id, timestamp, signature."""

from collections.abc import Mapping

from fastapi import Request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from api.problems import UNSIGNED, FieldError, Problem
from settings import Settings

NOTICE_ID_LENGTH_MAX = 200
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


def signed_by(settings: Settings, request: Request, body: bytes) -> tuple[str, str]:
    """Who signed the body, and under which id. Raises Problem 401.

    A timestamp more than five minutes off is refused, so that an overheard notice is soon useless.
    """
    sent = {name: request.headers[name] for name in HEADERS if name in request.headers}
    missing = next((name for name in HEADERS if not sent.get(name)), None)
    if missing is not None:
        raise _refused(missing, "is missing")
    notice = sent["webhook-id"]
    if len(notice) > NOTICE_ID_LENGTH_MAX or not (notice.isascii() and notice.isprintable()):
        raise _refused("webhook-id", f"should have at most {NOTICE_ID_LENGTH_MAX} plain characters")
    why = "is by nobody we know"
    for sender, secret in settings.payment_senders:
        fault = _fault(secret, sent, body)
        if fault is None:
            return sender, notice
        why = fault
    field = "webhook-timestamp" if "timestamp" in why else "webhook-signature"
    raise _refused(field, why)


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


def _refused(field: str, message: str) -> Problem:
    cure = "sign id, timestamp and body as https://www.standardwebhooks.com says"
    return Problem(
        UNSIGNED,
        f"{field} {message}",
        [FieldError(field=field, message=message, cure=cure)],
        headers={"WWW-Authenticate": "Webhook-Signature"},
    )
