"""What an order costs the database: each statement is paid for in the worker's own time."""

from typing import Any

from sqlalchemy import event

from tests.bench.__main__ import one_order
from tests.workflow.floor import Floor

STATEMENTS_MAX = 150


async def test_an_order_in_time_costs_at_most_150_sql_statements(floor: Floor) -> None:
    statements: list[str] = []

    def count(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(floor.engine.sync_engine, "before_cursor_execute", count)
    placed = await one_order(floor)

    assert (await placed.row())["state"] == "completed"
    assert len(statements) <= STATEMENTS_MAX
