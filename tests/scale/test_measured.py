"""One order lived anew costs what the stored figures say."""

import pytest

from store.engine import create_engine
from tests.scale.gauges import counting
from tests.scale.histories import history_of
from tests.scale.kinds import in_time
from tests.scale.records import load_measured
from tests.workflow.floor import Floor
from worker import build_worker, sandbox

EXACT = ("workflows", "activities", "updates", "signals", "upserts")
BATCHED = ("events", "own_events", "history_bytes", "state_transitions", "workflow_tasks", "timers")
"""A busy machine hears of two things in one workflow task, or of one in two."""
BATCHING = 0.15
TEACHING = (
    "An order costs other than docs/scale.md says. If that is meant, measure anew: "
    "`.venv/bin/python -m tests.scale --write`"
)


async def test_an_order_costs_what_the_stored_figures_say(
    idle_floor: Floor, database_url: str
) -> None:
    stored = load_measured().costs["s08_in_time"]
    # An engine of the worker's own: what the test itself reads does not count.
    engine = create_engine(database_url)
    with counting(engine) as asked:
        async with build_worker(
            idle_floor.skipper.client, engine, idle_floor.task_queue, runner=sandbox()
        ):
            placed = await in_time(idle_floor)
    await engine.dispose()
    found, expected = (await history_of(placed)).model_dump(), stored.history.model_dump()

    for name in EXACT:
        assert found[name] == pytest.approx(expected[name], abs=0.5), f"{name}: {TEACHING}"
    for name in BATCHED:
        assert found[name] == pytest.approx(expected[name], rel=BATCHING), f"{name}: {TEACHING}"
    assert asked.commits == pytest.approx(stored.commits, abs=1), TEACHING
    assert asked.statements == pytest.approx(stored.statements, rel=BATCHING), TEACHING
