"""`dueline notices` against an API on loopback, and against the channels file."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.errors import DuelineError
from ops import commands_notices
from store.tables import channels, deliveries, outbox
from tests.api.conftest import House
from tests.api.factory import key_of
from tests.sinks import Webhook, listening

# apprise looks for a module that Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def served(address: str) -> dict[str, Any]:
    """What the commands need to find the API: its address and the key of operations."""
    return {"api": address, "key": key_of("operations")}


@pytest.fixture
async def dead(house: House, now: Any) -> None:
    """Two notices that could not be sent, and one that was."""
    await house.insert(channels, name="desk")
    for number, state in enumerate(("dead", "dead", "sent"), start=1):
        text = {"to_role": "sales", "kind": "delay", "text": f"notice {number}", "at": now}
        await house.insert(outbox, id=number, key=f"n/{number}", state="routed", **text)
        error = "the service cannot be reached" if state == "dead" else None
        await house.insert(deliveries, notice=number, channel="desk", state=state, error=error)


@pytest.mark.usefixtures("dead")
async def test_dead_notices_are_listed_with_the_reason_and_sent_again(
    served: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    await commands_notices.list_(state="dead", **served)
    listed = capsys.readouterr().out
    await commands_notices.resend(all=True, as_json=True, **served)
    resent = json.loads(capsys.readouterr().out)
    await commands_notices.list_(state="dead", as_json=True, **served)

    assert "desk dead (the service cannot be reached)" in listed
    assert "2 notices" in listed
    assert resent == [{"id": 1, "deliveries": 1}, {"id": 2, "deliveries": 1}]
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.usefixtures("dead")
async def test_a_notice_that_is_not_dead_is_refused_with_a_sentence(
    served: dict[str, Any],
) -> None:
    with pytest.raises(DuelineError, match="notice 3 is dead on no channel"):
        await commands_notices.resend(3, **served)
    with pytest.raises(DuelineError, match="Name one notice, or --all"):
        await commands_notices.resend(**served)


async def test_a_channel_is_listed_without_its_secrets_and_can_be_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = Webhook()
    async with listening(hook):
        path = tmp_path / "channels.yaml"
        path.write_text(f"channels:\n  desk: {{url: '{hook.url}', roles: [sales], digest: 30m}}\n")
        monkeypatch.setenv("DUELINE_CHANNELS", str(path))

        commands_notices.channels(as_json=True)
        await commands_notices.test("desk")

    said = capsys.readouterr().out
    assert json.loads(said[: said.rindex("]") + 1])[0] == {
        "channel": "desk",
        "through": "JSON",
        "language": "both",
        "digest": "30m",
        "roles": ["sales"],
        "kinds": ["all"],
    }
    assert "sent through desk" in said
    assert "s3cret" not in said
    assert hook.bodies[0]["message"].startswith("这是通知渠道 desk 的测试消息。")
    with pytest.raises(DuelineError, match="desk: the service cannot be reached"):
        await commands_notices.test("desk")
    with pytest.raises(DuelineError, match="There is no channel 'shop': write one of desk"):
        await commands_notices.test("shop")
