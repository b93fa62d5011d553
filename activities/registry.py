"""Every activity that a worker offers."""

from collections.abc import Callable
from typing import Any

from temporalio.client import Client

from activities.case_starter import case_starter
from activities.cases import OverdueCases
from activities.changes import Changes
from activities.closing import Closing
from activities.due_lines import DueLineKeeper
from activities.materials import Materials
from activities.packing import Packing
from activities.planning import Planning
from activities.production import Production
from activities.quality import Quality
from activities.review import Review
from activities.shipping import Shipping
from activities.steps import Steps
from store.engine import Engine


def bound_activities(engine: Engine, client: Client, task_queue: str) -> list[Callable[..., Any]]:
    """The activities, bound to this database and this engine."""
    shipping, steps, cases = Shipping(engine), Steps(engine), OverdueCases(engine)
    return [
        steps.open_step,
        steps.record_decision,
        steps.record_progress,
        Review(engine).prepare_review,
        Materials(engine).check_material,
        Planning(engine).book_slot,
        Production(engine).record_production,
        Quality(engine).record_inspection,
        Packing(engine).record_packing,
        shipping.release_shipping,
        shipping.record_dispatch,
        DueLineKeeper(engine, case_starter(client, task_queue)).record_marks,
        Changes(engine).settle_change,
        Closing(engine).close_order,
        cases.open_case,
        cases.record_cause,
        cases.open_closing,
        cases.close_case,
    ]
