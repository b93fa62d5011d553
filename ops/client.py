"""The API as the command line and the demo use it: a call a line, a problem a few sentences."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from domain.errors import DuelineError

KEYS_FILE = "api-keys.json"
TIMEOUT_SECONDS = 30.0
AGAIN_SECONDS = 1.0
PAGE_LIMIT = 200
PAGES_MAX = 500  # 100,000 rows; more is a report's business
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# Stable: `api/problems.py` promises it to every client.
AWAY = "urn:dueline:problem:unavailable"
KEY_REUSED = "urn:dueline:problem:key-reused"

Item = Mapping[str, Any]


@dataclass(frozen=True)
class FieldFault:
    """What is wrong with one field, and what would be right."""

    field: str
    message: str
    cure: str | None = None

    def __str__(self) -> str:
        cure = f"; {self.cure}" if self.cure else ""
        return f"{self.field}: {self.message}{cure}."


class ApiProblem(DuelineError):  # noqa: N818  the RFC's own word
    """The API refused, one sentence a field. `type` is stable, for programs."""

    def __init__(self, type_: str, title: str, detail: str, faults: tuple[FieldFault, ...]) -> None:
        said = [str(fault) for fault in faults] or [f"{title}: {detail}."]
        super().__init__("\n".join(said))
        self.type = type_
        self.faults = faults
        self.may_pass = type_ == AWAY


class ApiUnreachable(DuelineError):  # noqa: N818  a fact
    """Nobody answers at the address, or nobody who knows us. `may_pass`: worth another try."""

    def __init__(self, sentence: str, *, may_pass: bool = False) -> None:
        super().__init__(sentence)
        self.may_pass = may_pass


@dataclass(frozen=True)
class Sent:
    """An answer to a POST. `replayed`: the same request had been taken before."""

    body: Item
    replayed: bool


class Api:
    """One API and one key, as an async context manager.

    What is away is asked again for `patience_seconds`: only for callers whose every POST may come
    twice. Raises ApiProblem for what it refuses and ApiUnreachable when it does not answer.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        patience_seconds: float = 0.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._patience_seconds = patience_seconds
        place = _address(url)
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_SECONDS,
            # A proxy for the outside world has no business between us and our own machine.
            trust_env=place.host not in LOOPBACK,
            # Certificates take 50 ms to load, and plain HTTP shows none.
            verify=place.scheme == "https",
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: str | int | None) -> Any:
        """The JSON at `path`; parameters that are none are left out."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return (await self._call("GET", path, params=wanted)).json()

    async def content(self, path: str, **query: str | int | None) -> bytes:
        """The file at `path`, as it comes."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return (await self._call("GET", path, params=wanted)).content

    async def items(self, path: str, **query: str | int | None) -> AsyncIterator[Item]:
        """Every entry of a list, page by page."""
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            page = await self.get(path, **query, cursor=cursor, limit=PAGE_LIMIT)
            for item in page["items"]:
                yield item
            cursor = page["next"]
            if cursor is None:
                return

    async def post(self, path: str, body: Item, *, idempotency_key: str | None = None) -> Sent:
        """Sends `body`; with a key it can be sent again without happening twice."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        response = await self._call("POST", path, json=body, headers=headers)
        return Sent(response.json(), response.headers.get("Idempotent-Replayed") == "true")

    async def delete(self, path: str) -> None:
        """Removes what is at `path`."""
        await self._call("DELETE", path)

    async def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        give_up_at = time.monotonic() + self._patience_seconds
        while True:
            try:
                return await self._call_once(method, path, **request)
            except (ApiProblem, ApiUnreachable) as error:
                if not error.may_pass or time.monotonic() > give_up_at:
                    raise
            await asyncio.sleep(AGAIN_SECONDS)

    async def _call_once(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, path, **request)
        except httpx.TimeoutException as error:
            sentence = (
                f"The API at {self.url} gave no answer within {TIMEOUT_SECONDS:g} s: try again."
            )
            raise ApiUnreachable(sentence, may_pass=True) from error
        except httpx.TransportError as error:
            sentence = (
                f"Nobody answers at {self.url}: start the platform with `make up`, or name "
                "another address with --api."
            )
            raise ApiUnreachable(sentence, may_pass=True) from error
        if not response.is_success:
            raise _problem(self.url, response)
        return response


def _address(url: str) -> httpx.URL:
    try:
        place = httpx.URL(url)
    except httpx.InvalidURL:
        place = httpx.URL("")
    if place.scheme not in {"http", "https"} or not place.host:
        raise ApiUnreachable(f"{url!r} is no address: write one such as http://127.0.0.1:8000.")
    return place


def _problem(url: str, response: httpx.Response) -> DuelineError:
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return ApiUnreachable(
            f"The API at {url} does not know this key: name another with --key or DUELINE_API_KEY."
        )
    try:
        body = response.json()
        return ApiProblem(
            body["type"],
            body["title"],
            body["detail"],
            tuple(
                FieldFault(error["field"], error["message"], error.get("cure"))
                for error in body.get("errors", ())
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return ApiUnreachable(
            f"What answers at {url} (status {response.status_code}) is no Dueline API: "
            "name its address with --api."
        )


def local_keys(data_dir: Path) -> dict[str, str]:
    """The keys of the platform on this machine by role; none where there is no such platform."""
    try:
        keys: dict[str, str] = json.loads((data_dir / KEYS_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return keys
