"""What customers' developers read is what is sent: the page against the code."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from activities.webhook_sender import signed
from domain.story_kinds import ALL_TYPES, PING, event_facts, event_type
from domain.webhooks import ENDPOINTS_MAX, WAITS, payload, secret_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_names_every_type_and_no_other() -> None:
    rows = [line for line in PAGE.splitlines() if re.match(r"\| `(order\.|ping)", line)]
    named = {name for row in rows for name in re.findall(r"`((?:order\.\w+|ping))`", row)}

    assert named == {*ALL_TYPES, PING}


@pytest.mark.parametrize("example", [json.loads(block) for block in blocks("json")])
def test_each_example_is_an_event_as_the_code_makes_it(example: dict[str, Any]) -> None:
    data = dict(example["data"])
    ours = {name: data.pop(name) for name in ("order_id", "order_number", "sequence")}
    kind, step = data.pop("kind"), data.pop("step", None)

    assert event_type(kind) == example["type"]
    assert (event_facts(kind, step, data) or {}) | ours == example["data"]
    assert datetime.fromisoformat(example["timestamp"]).tzinfo == UTC


def test_the_receiver_of_the_page_takes_what_is_sent_and_nothing_else() -> None:
    [program] = blocks("python")
    names: dict[str, Any] = {}
    exec(program, names)
    secret = secret_of("k" * 32, "endpoint", 1)
    text = payload(json.loads(blocks("json")[0]))
    headers = signed([secret_of("k" * 32, "endpoint", 2), secret], "evt_1", text)

    assert names["receive"](secret, text.encode(), headers) == json.loads(text)
    with pytest.raises(WebhookVerificationError):
        names["receive"](secret, text.encode() + b" ", headers)


def test_the_page_says_the_waits_and_limits_of_the_code() -> None:
    said = re.findall(r"^\| \d.*? \| (\d+) (s|min|h) \|$", PAGE, re.MULTILINE)
    seconds = {"s": 1, "min": 60, "h": 3_600}

    assert [int(n) * seconds[unit] for n, unit in said] == [w.total_seconds() for w in WAITS]
    assert f"at most {ENDPOINTS_MAX} endpoints" in PAGE
