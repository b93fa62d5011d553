"""A change from a terminal: shown before it is asked for, and listed afterwards."""

import json
from pathlib import Path

import httpx
import pytest

from domain.errors import DuelineError
from ops.commands_changes import LineOptions, OrderOptions, change, changes
from tests.api.factory import key_of, order_body


async def test_a_change_is_previewed_asked_for_and_listed(
    address: str, sales: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    placed = await sales.post("/orders", json=order_body())
    order, key = placed.json()["id"], key_of("sales")
    lines = LineOptions(quantity=["1=30"], add=["EL-A5=2"])

    await change(order, lines=lines, preview=True, api=address, key=key)
    shown = capsys.readouterr().out
    assert "1540.00 CNY → 1235.00 CNY (-305.00)" in shown
    assert "less of a line, line added" in shown
    assert "sales: Change review, 30 working minutes" in shown

    fields = OrderOptions(because="fewer walls")
    await change(order, lines=lines, fields=fields, api=address, key=key)
    assert "(structural) is received" in capsys.readouterr().out

    await changes(order[:8], api=address, key=key_of("order_desk"))
    assert "fewer walls" in capsys.readouterr().out
    await changes(order, as_json=True, api=address, key=key_of("order_desk"))
    [listed] = json.loads(capsys.readouterr().out)
    assert (listed["class"], listed["state"]) == ("structural", "received")


def test_options_become_the_lines_and_fields_of_the_interface(tmp_path: Path) -> None:
    patch = tmp_path / "patch.json"
    patch.write_text('{"contact": null}', encoding="utf-8")
    lines = LineOptions(
        quantity=["2=30"], product=["2=EL-A5"], specification=["1=a=b"], remove=[3], add=["X=1"]
    )

    assert lines.read() == [
        {"line": 2, "quantity": 30, "product": "EL-A5"},
        {"line": 1, "specification": "a=b"},
        {"line": 3, "remove": True},
        {"product": "X", "quantity": 1},
    ]
    assert OrderOptions(patch=patch, evidence="a.pdf=https://x/a").read() == {
        "contact": None,
        "evidence": {"name": "a.pdf", "uri": "https://x/a"},
    }


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (LineOptions(quantity=["2"]), "write a pair such as 2=30"),
        (LineOptions(quantity=["2=ten"]), "'ten' is no whole number"),
        (LineOptions(add=["EL-A4=-1"]), "'-1' is no whole number"),
        (LineOptions(product=["=EL-A5"]), "write a pair such as 2=EL-A5"),
    ],
)
def test_an_option_that_cannot_be_read_says_how_it_is_written(
    lines: LineOptions, said: str
) -> None:
    with pytest.raises(DuelineError, match=said):
        lines.read()
