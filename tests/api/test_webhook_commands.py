"""`dueline webhooks` against an API on loopback."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update

from domain.errors import DuelineError
from ops import commands_webhooks
from store.story import Line, add_lines
from store.webhook_tables import webhook_deliveries, webhook_endpoints
from tests.api.conftest import House
from tests.api.factory import fresh_key, key_of, order_body

URL = "https://erp.example.com/dueline"
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
def served(address: str) -> dict[str, Any]:
    """What the commands need to find the API: its address and the key of sales."""
    return {"api": address, "key": key_of("sales")}


async def test_an_endpoint_lives_from_add_to_remove(
    house: House, served: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    await commands_webhooks.add(URL, customer="C-0001", as_json=True, **served)
    endpoint = json.loads(capsys.readouterr().out)["endpoint"]["id"]
    async with house.client(key_of("customer")) as client:
        placed = await client.post("/orders", json=order_body(), headers=fresh_key())
    order = str(placed.json()["id"])
    async with house.engine.begin() as conn:
        await add_lines(conn, order, [Line(f"{order}/1", AT, "shipped", "said", "ship")])
        gone = {"state": "disabled", "disabled_because": "it is gone"}
        await conn.execute(update(webhook_endpoints).values(gone))
        await conn.execute(update(webhook_deliveries).values(state="dead"))

    await commands_webhooks.list_(**served)
    listed = capsys.readouterr().out
    await commands_webhooks.enable(endpoint, **served)
    await commands_webhooks.events(customer="C-0001", **served)
    told = capsys.readouterr().out
    await commands_webhooks.replay(endpoint, order=order, **served)
    await commands_webhooks.replay(endpoint, after=0, as_json=True, **served)
    await commands_webhooks.send_test(endpoint, **served)
    await commands_webhooks.rotate(endpoint, **served)
    said = capsys.readouterr().out
    await commands_webhooks.remove(endpoint, **served)
    await commands_webhooks.list_(**served)

    assert "disabled (it is gone)" in listed
    assert "order.shipped" in told
    assert "2026-03-02 09:00+08:00" in told
    assert "1 event will be sent again" in said
    assert '"events": 0' in said  # they wait already
    assert "whsec_" in said
    assert capsys.readouterr().out.endswith("removed\n0 endpoints\n")
    with pytest.raises(DuelineError, match="--order or --after"):
        await commands_webhooks.replay(endpoint, **served)
    with pytest.raises(DuelineError, match="customer: is missing"):
        await commands_webhooks.add(URL, **served)
