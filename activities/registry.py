"""Every activity that a worker offers."""

from collections.abc import Callable
from typing import Any

from temporalio.client import Client

from activities.assessment import Assessments
from activities.case_starter import CaseDoor
from activities.cases import OverdueCases
from activities.changes import Changes
from activities.closing import Closing
from activities.due_lines import DueLineKeeper
from activities.holding import Holding
from activities.materials import Materials
from activities.packing import Packing
from activities.planning import Planning
from activities.production import Production
from activities.publication import Publication
from activities.quality import Quality
from activities.receipts import Receipts
from activities.review import Review
from activities.shipping import Shipping
from activities.steps import Steps
from activities.window_life import WindowKeeper
from store.engine import Engine


def bound_activities(engine: Engine, client: Client, door: CaseDoor) -> list[Callable[..., Any]]:
    """The activities, bound to this database and this engine."""
    shipping, steps, cases = Shipping(engine), Steps(engine), OverdueCases(engine)
    windows, receipts = WindowKeeper(engine), Receipts(engine)
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
        DueLineKeeper(engine, door.start, door.escalate).record_marks,
        windows.adjust_windows,
        windows.move_promise,
        Changes(engine).settle_change,
        receipts.hear_receipt,
        receipts.wait_anew,
        Holding(engine).note_hold,
        Closing(engine).close_order,
        Assessments(engine).assess_period,
        Publication(engine, client).tell_workflows,
        cases.open_case,
        cases.record_cause,
        cases.open_part,
        cases.record_part,
        cases.look_at_window,
        cases.open_closing,
        cases.close_case,
    ]
