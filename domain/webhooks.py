"""Webhooks to customers' systems: where they may lead, how they are signed, when they come again.

Signatures follow Standard Webhooks. No secret is stored: each comes out of the platform's own key,
the endpoint's id and how often it was rotated.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

URL_LENGTH_MAX = 500
ENDPOINTS_MAX = 10
"""Of one customer: each of them costs a message for every event."""

ROTATION: Final = timedelta(hours=24)
"""While both secrets sign: a receiver has so long to take the new one."""

GIVE_UP_AFTER: Final = timedelta(days=3)
"""A weekend and a day, as for notices: what failed for so long is dead until it is replayed."""

WAITS: Final[Sequence[timedelta]] = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
)
"""How long after the first, second, … failure the next try comes; the last one repeats."""

JITTER: Final = 0.2
"""A wait is up to so much shorter or longer, by chance: orders shall not come in step."""


def retry_in(failures: int, chance: float, asked: timedelta = timedelta(0)) -> timedelta:
    """How long to wait after so many earlier failures; `chance` is from 0 to 1.

    A receiver that asked for more time gets it, up to the longest wait.
    """
    wait = WAITS[min(failures, len(WAITS) - 1)] * (1 + JITTER * (2 * chance - 1))
    return max(wait, min(asked, WAITS[-1]))


def secret_of(key: str, endpoint_id: str, generation: int) -> str:
    """The secret that an endpoint's receiver verifies with: `whsec_` and Base64 of 32 bytes."""
    derived = hmac.digest(key.encode(), f"webhook/{endpoint_id}/{generation}".encode(), sha256)
    return f"whsec_{b64encode(derived).decode()}"


def signing_secrets(
    key: str, endpoint_id: str, generation: int, rotated_at: datetime | None, now: datetime
) -> tuple[str, ...]:
    """The secrets that sign now, the newest first."""
    newest = secret_of(key, endpoint_id, generation)
    if rotated_at is None or generation == 1 or now >= rotated_at + ROTATION:
        return (newest,)
    return newest, secret_of(key, endpoint_id, generation - 1)


def is_public(address: str) -> bool:
    """Whether an IP address lies in the internet: no machine of ours, of our network, of a cloud.

    An address that carries another one inside counts as that one.
    """
    ip = ip_address(address.partition("%")[0])
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    if inner is not None:
        return is_public(str(inner))
    nat64 = ip.version == 6 and ip.packed.startswith(bytes.fromhex("0064ff9b0000000000000000"))
    if nat64:
        return is_public(".".join(map(str, ip.packed[-4:])))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its own name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def url_fault(url: str, *, private: bool) -> str | None:
    """What is wrong with an endpoint's address, and the cure; none when it may be used.

    `private` lets it lead inside, and to this machine without TLS. A name is looked up only when
    something is sent.
    """
    host = _host(url)
    if not host:
        return (
            f"is no address of at most {URL_LENGTH_MAX} plain characters; "
            "write one such as https://erp.example.com/dueline"
        )
    parts = urlsplit(url)
    plain = parts.scheme == "http" and private and is_loopback(host)
    faults = {
        "holds a user or a password; leave it out, for every message is signed": (
            parts.username is not None
        ),
        "holds a fragment, which is never sent; leave out what follows the #": parts.fragment != "",
        "is not encrypted; write one that begins with https://": (
            parts.scheme != "https" and not plain
        ),
        "leads into a private network; write one that the internet reaches": (
            not private and _is_inside(host)
        ),
    }
    return next((fault for fault, holds in faults.items() if holds), None)


def _host(url: str) -> str | None:
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > URL_LENGTH_MAX:
        return None
    try:
        parts = urlsplit(url)
        return parts.hostname if parts.port != 0 else None
    except ValueError:
        return None


def _is_inside(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return is_loopback(host)


def payload(body: Mapping[str, Any]) -> str:
    """An event's body as it is sent: the same text every time, or its signature would not tell."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
