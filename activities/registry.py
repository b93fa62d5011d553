"""Every activity that a worker offers."""

from collections.abc import Callable
from typing import Any

from temporalio.client import Client

from activities.assessment import Assessments
from activities.cancelling import Cancelling
from activities.case_starter import CaseDoor
from activities.cases import OverdueCases
from activities.changes import Changes
from activities.changing import ChangeOffice
from activities.closing import Closing
from activities.due_lines import DueLineKeeper
from activities.follow_ups import FollowUps
from activities.holding import Holding
from activities.materials import Materials
from activities.money_gates import MoneyGates
from activities.packing import Packing
from activities.planning import Planning
from activities.production import Production
from activities.publication import Publication
from activities.quality import Quality
from activities.receipts import Receipts
from activities.review import Review
from activities.rush import Rush
from activities.shipping import Shipping
from activities.steps import Steps
from activities.window_life import WindowKeeper
from store.engine import Engine


def bound_activities(engine: Engine, client: Client, door: CaseDoor) -> list[Callable[..., Any]]:
    """The activities, bound to this database and this engine."""
    shipping, steps, cases = Shipping(engine), Steps(engine), OverdueCases(engine)
    windows, office = WindowKeeper(engine), ChangeOffice(engine)
    cancelling, receipts = Cancelling(engine), Receipts(engine)
    money = MoneyGates(engine)
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
        money.check_money,
        money.look_again,
        Rush(engine).look_at_rush,
        shipping.release_shipping,
        shipping.record_dispatch,
        DueLineKeeper(engine, door.start, door.escalate).record_marks,
        windows.adjust_windows,
        windows.move_promise,
        Changes(engine).settle_change,
        office.register_change,
        office.note_waiting_change,
        office.answer_change,
        receipts.hear_receipt,
        receipts.wait_anew,
        Holding(engine).note_hold,
        cancelling.consider_cancellation,
        cancelling.answer_cancellation,
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
        FollowUps(engine).move_follow_up,
    ]
