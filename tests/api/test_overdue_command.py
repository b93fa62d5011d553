"""`dueline overdue` against the API over HTTP: listed, shown, opened by hand."""

import json
from datetime import datetime
from typing import Any

import httpx
import pytest

from domain.errors import DuelineError
from ops import commands_overdue
from store.tables import overdue_cases
from tests.api.conftest import House
from tests.api.test_overdue import clocked, submitted


async def test_a_case_is_listed_and_shown_by_its_short_id(
    house: House,
    sales: httpx.AsyncClient,
    at_home: dict[str, Any],
    now: datetime,
    capsys: pytest.CaptureFixture[str],
) -> None:
    window = await clocked(house, await submitted(sales), now, state="breached")
    case = {"order_id": window["order_id"], "window": window["key"], "role": "sales"}
    case_id = f"case-{window['order_id']}.confirm.1"
    await house.insert(overdue_cases, **case, id=case_id, opened_at=now, decision="outsource")

    await commands_overdue.cases(state="open", as_json=True, **at_home)
    listed = json.loads(capsys.readouterr().out)
    short_id = f"case-{window['order_id'][:8]}.confirm.1"
    await commands_overdue.show(short_id, **at_home)
    shown = capsys.readouterr().out

    assert [item["id"] for item in listed] == [case_id]
    assert "S08.W02 (confirm), sales" in shown
    assert "outsource" in shown


async def test_a_case_is_opened_by_the_rule_of_its_window(
    house: House, sales: httpx.AsyncClient, at_home: dict[str, Any], now: datetime
) -> None:
    window = await clocked(house, await submitted(sales), now)

    await commands_overdue.open_by_hand(
        window["order_id"], "S08.W02", why="the form is lost", **at_home
    )

    [case] = house.temporal.cases
    assert (case.window.key, case.why) == (window["key"], "the form is lost")


async def test_a_window_that_the_order_does_not_have_is_refused_with_those_it_has(
    house: House, sales: httpx.AsyncClient, at_home: dict[str, Any], now: datetime
) -> None:
    window = await clocked(house, await submitted(sales), now)

    with pytest.raises(DuelineError, match=r"no window S08.W09: write one of S08.W02"):
        await commands_overdue.open_by_hand(window["order_id"], "S08.W09", why="no", **at_home)
