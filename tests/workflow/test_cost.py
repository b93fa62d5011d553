"""What an order costs the database: each statement is paid for in the worker's own time."""

from typing import Any

from sqlalchemy import event

from store.engine import create_engine
from tests.workflow.floor import S08_AFTER_RELEASE, S08_STEPS, Floor
from worker import build_worker, sandbox

STATEMENTS_MAX = 150


async def test_an_order_in_time_costs_at_most_150_sql_statements(
    idle_floor: Floor, database_url: str
) -> None:
    floor, statements = idle_floor, []
    # An engine of the worker's own: what the test itself reads does not count.
    engine = create_engine(database_url)

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def count(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    async with build_worker(floor.skipper.client, engine, floor.task_queue, runner=sandbox()):
        placed = await floor.place()
        await placed.walk((*S08_STEPS, *S08_AFTER_RELEASE))
        await placed.reached("receipt")
        await placed.wish("receipt")
        await placed.handle.result()
    await engine.dispose()

    print(f"an S08 order in time costs {len(statements)} SQL statements")
    assert (await placed.row())["state"] == "completed"
    assert len(statements) <= STATEMENTS_MAX, "\n".join(statements)
