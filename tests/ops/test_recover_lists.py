"""`ops recover` refuses what names no order, and revives what has ended with an open record."""

from pathlib import Path

import pytest

from store import tables
from tests.ops.conftest import Dueline
from tests.workflow.floor import Floor


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("SO-2026-000001 SO-2026-000002", "is no order; write one number or id a line"),
        ("SO-1999-000001", "there is no order 'SO-1999-000001'; write an order's number or id"),
    ],
)
async def test_a_line_that_names_no_order_is_refused_before_anything_is_done(
    floor: Floor, dueline: Dueline, tmp_path: Path, line: str, sentence: str
) -> None:
    placed = await floor.place()
    await placed.at("entry")
    await placed.handle.terminate("a test")
    stopped = tmp_path / "stopped.txt"
    stopped.write_text(f"{placed.order_id}\n# of the night\n{line}\n", encoding="utf-8")

    said = await dueline("ops", "recover", "--file", str(stopped), "--because", "a test")

    assert said.code == 1
    assert f"{stopped}:3: " in said.err
    assert sentence in said.err
    assert await floor.rows(tables.ops_actions) == []


async def test_a_terminated_order_is_recovered_where_it_stood(
    floor: Floor, dueline: Dueline
) -> None:
    placed = await floor.place()
    await placed.walk(("entry",))
    [task] = await placed.at("confirm")
    await placed.handle.terminate("a test")

    said = await dueline("ops", "recover", placed.order_id, "--because", "a test", "--json")

    assert said.code == 0, said.err
    assert said.json["lines"][0]["trouble"] == "its workflow has ended and its record is open"
    placed.handle = floor.client.get_workflow_handle(placed.handle.id)
    await placed.answer(task)
    await placed.at("review")
