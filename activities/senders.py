"""The ways out: the log, whatever apprise reaches, and the robots that need a second look.

An address holds secrets. Nothing here says more of it than its scheme.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

import httpx
import structlog

from activities.messages import Language, body, digest, title
from store.outbox import Notice

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase
    from apprise.result import AppriseResult

SEND_TIMEOUT_SECONDS = 25.0
"""Longer than apprise leaves between two messages to a chat robot, connecting and reading."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9]{0,19})://")
_STATUS = re.compile(r"error=(\d{3})\b|failed: (\d{3})\b")
_CODE = re.compile(r"code=(\d{1,9})\b")

_log = structlog.get_logger("dueline.notices")

# Both say whole addresses, tokens included, at one level or another.
logging.getLogger("apprise").addHandler(logging.NullHandler())
logging.getLogger("apprise").propagate = False
logging.getLogger("httpx").setLevel(logging.WARNING)


class NotSent(Exception):  # noqa: N818  a fact
    """A message did not go out; says why, without secrets."""


class Sender(Protocol):
    """A way out."""

    async def send(self, notices: Sequence[Notice]) -> Sequence[Notice]:
        """Sends as many as one message holds, from the first on, and returns those.

        A receiver may see a notice again after a crash. Raises NotSent.
        """
        ...


class LogSender:
    """Writes each notice into the log. Never fails."""

    def __init__(self, language: Language = "en") -> None:
        self.language = language

    async def send(self, notices: Sequence[Notice]) -> Sequence[Notice]:
        """Writes them all."""
        for notice in notices:
            _log.info(
                "notice",
                order_id=notice.order_id,
                to=notice.to_role.value,
                kind=notice.kind,
                text=body(notice, self.language),
            )
        return notices


class StraySender:
    """Stands for a channel that this relay's file does not name (any more)."""

    async def send(self, notices: Sequence[Notice]) -> Sequence[Notice]:
        """Raises NotSent."""
        raise NotSent("the channels file names no such channel; add it again")


class AppriseSender:
    """Sends through one service of apprise."""

    def __init__(self, service: "NotifyBase", language: Language) -> None:
        self.service = service
        self.language = language

    async def send(self, notices: Sequence[Notice]) -> Sequence[Notice]:
        """Sends one message with as many of them as the service takes."""
        head = title(notices, self.language)
        room = self.service.body_maxlen - len(head.encode()) - len("\r\n")
        text, going = digest(notices, self.language, room)
        head = title(going, self.language)
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                if _is_robot(self.service):
                    await _tell_robot(self.service, f"{head}\n{text}")
                else:
                    await self._notify(head, text, going)
        except TimeoutError as error:
            raise NotSent(f"no answer within {SEND_TIMEOUT_SECONDS:g} s") from error
        return going

    async def _notify(self, head: str, text: str, going: Sequence[Notice]) -> None:
        from apprise import Apprise, NotifyFormat
        from apprise.plugins.custom_json import NotifyJSON

        if isinstance(self.service, NotifyJSON):
            # One message at a time: the relay has the channel to itself.
            self.service.payload_extras["notices"] = [facts(notice) for notice in going]
        sent = await Apprise(self.service).async_notify(
            title=head, body=text, body_format=NotifyFormat.TEXT
        )
        if not sent:
            raise NotSent(_reason(sent))


def facts(notice: Notice) -> dict[str, Any]:
    """A notice for a program: `key` is the same whenever it comes again."""
    return {
        "key": notice.key,
        "order_id": notice.order_id,
        "order_number": notice.order_number,
        "to_role": notice.to_role.value,
        "kind": notice.kind,
        "text": notice.text,
        "text_zh": notice.text_zh,
        "at": notice.at.isoformat(),
    }


def service_at(url: str) -> "NotifyBase":
    """The service behind an address. Raises ValueError with the cure, and without secrets."""
    from apprise import Apprise

    service = Apprise.instantiate(url, asset=_asset())
    if service is not None:
        return service
    named = _SCHEME.match(url)
    if named is None:
        raise ValueError(
            "is no address; write one such as wecombot://KEY, jsons://host/path, or log"
        )
    scheme = named[1].lower()
    if scheme in {"http", "https"}:
        raise ValueError(
            f"{scheme}:// is no service by itself; for a webhook of your own write json:// or "
            "jsons://, for a chat robot wecombot://KEY, dingtalk://TOKEN or feishu://TOKEN"
        )
    from apprise.plugins import N_MGR

    if scheme not in N_MGR:
        raise ValueError(
            f"{scheme}:// is unknown to apprise; write one such as wecombot://KEY, "
            "dingtalk://TOKEN, feishu://TOKEN, mailtos://… or jsons://…"
        )
    raise ValueError(f"is no complete {scheme}:// address; see the example file for its form")


@cache
def _asset() -> "AppriseAsset":
    from apprise import AppriseAsset

    return AppriseAsset(app_id="Dueline", app_desc="Dueline", secure_logging=True)


def _reason(sent: "AppriseResult") -> str:
    """Why apprise could not send: only what cannot hold a secret gets through."""
    said = " ".join(entry.message for entry in sent.logs())
    if status := _STATUS.search(said):
        return f"the service answered with status {status[1] or status[2]}"
    if code := _CODE.search(said):
        return f"the service refused the message with code {code[1]}"
    if "onnection" in said or "SMTP" in said or "Exception" in said:
        return "the service cannot be reached"
    return "the service did not take the message"


def _is_robot(service: "NotifyBase") -> bool:
    from apprise.plugins.dingtalk import NotifyDingTalk
    from apprise.plugins.wecombot import NotifyWeComBot

    return isinstance(service, NotifyWeComBot | NotifyDingTalk)


async def _tell_robot(service: Any, text: str) -> None:
    """Posts to a robot of WeCom or DingTalk.

    Both answer 200 when they refuse, and apprise looks no further: their `errcode` decides.
    """
    message: dict[str, Any] = {"msgtype": "text", "text": {"content": text}}
    query: dict[str, str] = {}
    address = getattr(service, "api_url", None)
    if address is None:
        address = service.notify_url.format(token=service.token)
        message["at"] = {"atMobiles": service.targets, "isAtAll": False}
        if service.secret:
            timestamp, signature = service.get_signature()
            query = {"timestamp": timestamp, "sign": unquote(signature)}
    # Robots take 20 messages a minute; apprise knows how to wait.
    await asyncio.to_thread(service.throttle)
    try:
        async with httpx.AsyncClient(verify=service.verify_certificate) as client:
            url = httpx.URL(address).copy_merge_params(query)
            answer = await client.post(url, json=message)
        code = answer.json().get("errcode") if answer.is_success else None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotSent("the service cannot be reached") from error
    except (ValueError, AttributeError) as error:
        raise NotSent("what answers there is no chat robot") from error
    if not answer.is_success:
        raise NotSent(f"the service answered with status {answer.status_code}")
    if code != 0:
        raise NotSent(f"the robot refused the message with errcode {code!r:.20}")
