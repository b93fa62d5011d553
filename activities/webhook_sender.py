"""One signed POST to a customer's system, and nowhere that no customer may reach."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import httpx
from standardwebhooks import Webhook

from activities.senders import NotSent
from domain.webhooks import is_public, url_fault

SEND_TIMEOUT_SECONDS = 10.0
"""For looking the name up, connecting and the answer's first line together."""

GONE = 410


@dataclass(frozen=True)
class Answer:
    """What the receiver said; `asked` is how long it wants to be left alone."""

    status: int
    asked: timedelta = timedelta(0)

    @property
    def is_success(self) -> bool:
        """Whether it has taken the message."""
        return 200 <= self.status < 300

    @property
    def words(self) -> str:
        """For a reader: `the receiver answered with status 503`."""
        redirect = 300 <= self.status < 400
        return f"the receiver answered with status {self.status}" + (
            ", a redirect, which is not followed" if redirect else ""
        )


class WebhookSender:
    """Sends to where an endpoint leads. `private` lets it lead inside, as for the API."""

    def __init__(self, *, private: bool = False) -> None:
        self.private = private

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Certificates take 50 ms to load, once.
        return httpx.create_ssl_context()

    async def send(self, url: str, secrets: Sequence[str], *, message_id: str, text: str) -> Answer:
        """Posts the text, signed with each of the secrets. Follows no redirect, reads no body.

        Raises NotSent when there is no answer; its words hold no part of the address.
        """
        if fault := url_fault(url, private=self.private):
            raise NotSent(f"the address {fault.partition(';')[0]}")
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                return await self._post(httpx.URL(url), signed(secrets, message_id, text), text)
        except TimeoutError as error:
            raise NotSent(f"no answer within {SEND_TIMEOUT_SECONDS:g} s") from error
        except ssl.SSLError as error:
            raise NotSent("no encrypted connection") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise NotSent(_reason(error)) from error

    async def _post(self, url: httpx.URL, headers: dict[str, str], text: str) -> Answer:
        address = await self._address(url)
        # The address that was checked is the one that is called: a name may lead elsewhere later.
        # A connection of its own each time, for one of another name may end at the same address.
        async with (
            httpx.AsyncClient(
                verify=self._tls if url.scheme == "https" else False,
                trust_env=False,
                follow_redirects=False,
                timeout=SEND_TIMEOUT_SECONDS,
            ) as client,
            client.stream(
                "POST",
                url.copy_with(host=address),
                content=text.encode(),
                headers=headers | {"Host": url.netloc.decode("ascii")},
                extensions={"sni_hostname": url.host},
            ) as answer,
        ):
            return Answer(answer.status_code, _asked(answer.headers.get("retry-after", "")))

    async def _address(self, url: httpx.URL) -> str:
        """Where the name leads. Raises NotSent when any of its addresses lies inside."""
        loop, port = asyncio.get_running_loop(), url.port or 443
        found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        addresses = [str(sockaddr[0]) for *_, sockaddr in found]
        if not self.private and not all(map(is_public, addresses)):
            raise NotSent("the address leads into a private network")
        return addresses[0]


def signed(secrets: Sequence[str], message_id: str, text: str) -> dict[str, str]:
    """The headers of a Standard Webhook; one signature for each secret, the newest first."""
    now = datetime.now(UTC)
    signatures = [Webhook(secret).sign(message_id, now, text) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Dueline",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _asked(retry_after: str) -> timedelta:
    seconds = retry_after.strip()
    return timedelta(seconds=int(seconds[:6])) if seconds.isdecimal() else timedelta(0)


def _reason(error: Exception) -> str:
    """Why nobody answered, in words of ours."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "no encrypted connection: its certificate or protocol is not accepted"
        if isinstance(cause, socket.gaierror):
            return "the name cannot be found"
        cause = cause.__cause__ or cause.__context__
    return "the receiver cannot be reached"
