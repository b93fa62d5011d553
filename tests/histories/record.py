"""Records the shapes anew: `.venv/bin/python -m tests.histories.record [SHAPE…]`.

Record a shape only when a new kind of history is wanted, or when a change of the workflow is meant
to break with orders that run: the committed ones stand for the orders of production.
"""

import asyncio
import os
import sys
from pathlib import Path

from tests.histories.shapes import SHAPES
from tests.own_floor import own_floor
from tests.workflow.conftest import staffed

RECORDED = Path(__file__).parent / "recorded"


async def main(names: list[str]) -> None:
    """Lives each shape and writes down every run of its workflows."""
    async with own_floor() as floor, staffed(floor):
        for name in names:
            workflow_ids = await SHAPES[name](floor)
            for number, workflow_id in enumerate(workflow_ids):
                await save(floor.client, name, number, workflow_id)


async def save(client: object, name: str, number: int, workflow_id: str) -> None:
    """Writes the history of each run as one JSON file."""
    from temporalio.client import Client

    assert isinstance(client, Client)
    query = f"WorkflowId = '{workflow_id}'"
    part = "" if number == 0 else f".{number}"
    await asyncio.sleep(2)  # visibility lags
    runs = [found async for found in client.list_workflows(query)]
    for index, found in enumerate(sorted(runs, key=lambda run: run.start_time)):
        handle = client.get_workflow_handle(workflow_id, run_id=found.run_id)
        history = await handle.fetch_history()
        run = "" if len(runs) == 1 else f".run{index + 1}"
        path = RECORDED / f"{name}{part}{run}.json"
        path.write_text(history.to_json() + "\n", encoding="utf-8")
        print(f"{path.name}: {len(history.events)} events", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or list(SHAPES)))
    sys.stdout.flush()
    os._exit(0)  # the SDK can abort while the interpreter ends (sdk-python#300)
