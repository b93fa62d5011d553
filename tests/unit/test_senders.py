"""What reaches a channel: real services of apprise against servers on loopback."""

from datetime import UTC, datetime
from email.header import decode_header, make_header
from typing import Any
from unicodedata import normalize

import pytest
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.wecombot import NotifyWeComBot

from activities.messages import Language
from activities.senders import AppriseSender, NotSent, service_at
from domain.roles import Role
from store.outbox import Notice
from tests.sinks import MailServer, Webhook, listening

# apprise looks for a module that Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SO_4 = Notice(
    id=4,
    key="window/breach/sales",
    order_id="0198f6c2",
    order_number="SO-2026-000004",
    to_role=Role.SALES,
    kind="window_breach",
    text="SO-2026-000004: confirmation is overdue",
    text_zh="订单 SO-2026-000004：订单信息确认已超期",
    at=datetime(2026, 3, 2, 1, 0, tzinfo=UTC),
    attempts=0,
)


def sender(url: str, language: Language = "both") -> AppriseSender:
    service = service_at(url)
    service.request_rate_per_sec = 0  # no robot on loopback minds
    return AppriseSender(service, language)


@pytest.fixture
async def hook() -> Any:
    found = Webhook(answer={"errcode": 0, "errmsg": "ok", "code": 0})
    async with listening(found):
        yield found


async def test_a_webhook_gets_the_notice_as_data_with_its_key(hook: Webhook) -> None:
    await sender(hook.url).send([SO_4])

    [body] = hook.bodies
    assert body["title"] == "Dueline 时限提醒 / Due line"
    assert body["message"] == f"{SO_4.text_zh}\n{SO_4.text}"
    [notice] = body["notices"]
    assert notice["key"] == SO_4.key
    assert notice["order_number"] == "SO-2026-000004"
    assert notice["at"] == "2026-03-02T01:00:00+00:00"


async def test_a_mail_says_what_it_is_about_and_keeps_its_lines() -> None:
    server = MailServer()
    async with listening(server):
        url = f"mailto://127.0.0.1:{server.port}?from=a@example.com&to=b@example.com"
        await sender(url).send([SO_4])

    [mail] = server.mails
    assert str(make_header(decode_header(mail["Subject"]))) == "Dueline 时限提醒 / Due line"
    part = next(part for part in mail.walk() if not part.is_multipart())
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    text = normalize("NFKC", payload.decode())
    assert normalize("NFKC", SO_4.text_zh) in text
    assert SO_4.text in text


ROBOTS = [
    (NotifyWeComBot, "wecombot://abcd-1234", "notify_url", "/hook?key={key}"),
    (NotifyDingTalk, "dingtalk://SECabc@abc123", "notify_url", "/hook?access_token={token}"),
    (NotifyFeishu, "feishu://abc-123", "notify_url", "/hook/{token}/"),
]


@pytest.mark.parametrize(("robot", "url", "name", "path"), ROBOTS)
async def test_a_chat_robot_gets_the_text_in_the_language_of_its_channel(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch, robot: Any, url: str, name: str, path: str
) -> None:
    monkeypatch.setattr(robot, name, f"http://127.0.0.1:{hook.port}{path}")

    await sender(url, "zh").send([SO_4])

    [body] = hook.bodies
    assert SO_4.text_zh in str(body)
    assert SO_4.text not in str(body)


async def test_a_signed_robot_is_told_its_token_and_a_signature_that_is_encoded_once(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{hook.port}/hook?access_token={{token}}"
    monkeypatch.setattr(NotifyDingTalk, "notify_url", address)

    await sender("dingtalk://SECabc@abc123").send([SO_4])

    [path] = hook.paths
    assert path.startswith("/hook?access_token=abc123&timestamp=")
    assert "&sign=" in path
    assert "%25" not in path


@pytest.mark.parametrize(("robot", "url", "name", "path"), ROBOTS)
async def test_a_chat_robot_that_answers_200_and_refuses_has_not_sent(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch, robot: Any, url: str, name: str, path: str
) -> None:
    monkeypatch.setattr(robot, name, f"http://127.0.0.1:{hook.port}{path}")
    hook.answer = {"errcode": 93000, "errmsg": "invalid webhook url", "code": 93000}

    with pytest.raises(NotSent, match="93000"):
        await sender(url).send([SO_4])


@pytest.mark.parametrize(("robot", "url", "name", "path"), ROBOTS)
async def test_a_failure_says_why_and_no_secret(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch, robot: Any, url: str, name: str, path: str
) -> None:
    monkeypatch.setattr(robot, name, f"http://127.0.0.1:{hook.port}{path}")
    hook.status = 502

    with pytest.raises(NotSent) as failure:
        await sender(url).send([SO_4])

    assert str(failure.value) == "the service answered with status 502"


async def test_a_text_that_is_too_long_for_a_robot_is_cut_to_its_bytes(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{hook.port}/hook?key={{key}}"
    monkeypatch.setattr(NotifyWeComBot, "notify_url", address)
    long = Notice(**{**SO_4.__dict__, "text_zh": "订" * 2000})

    await sender("wecombot://abcd-1234", "zh").send([long])

    content = hook.bodies[0]["text"]["content"]
    assert content.endswith("…")
    assert 2000 < len(content.encode()) <= 2048
