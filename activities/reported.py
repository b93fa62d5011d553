"""Reports of payments at the gates of money (S07, 付款告知): from when a gate's time counts.

A report books nothing: it says that the money is under way, so that finance has to look for it.
"""

from activities.models import Leave
from activities.order_file import OrderFile
from domain.money import Account, rounded
from policy.steps import Fact, GateStep, Step, TaskStep
from policy.window import REPORT, Window
from store import ledger
from store.payment_reports import ReportRow, add_report, first_outstanding, report_id

PAYMENT_REPORTED = "payment_reported"


async def rule_of(file: OrderFile, step: Step) -> Window | None:
    """The window that opens with a visit of the step; none before what it counts from is there."""
    if isinstance(step, GateStep) and step.waits_for_report:
        return reported_rule(file, step, await first_outstanding(file.conn, file.id))
    return step.window if not step.window_by_route else step.window_for(file.request.payment_route)


def reported_rule(file: OrderFile, gate: GateStep, report: ReportRow | None) -> Window | None:
    """The gate's window by the way of the money that the report names, or else the order."""
    way = report.route if report is not None else None
    rule = gate.window_for(way or file.request.payment_route)
    counts = rule is not None and (report is not None or rule.counts_from != REPORT)
    return rule if counts else None


async def report_on_leaving(file: OrderFile, left: Leave) -> None:
    """A step's answer may report the payment (S07.W34): so much as is missing of the price.

    A step that operations skip is nobody's word.
    """
    step = file.profile.step(left.at.step)
    reports = step.reports_payment if isinstance(step, TaskStep) else None
    answer = next((given for given in left.decisions if not given.skipped), None)
    if reports is None or left.outcome != reports or answer is None:
        return
    stands = await ledger.standing(file.conn, file.id, file.currency)
    missing = file.due(Fact.BALANCE_PAID) - stands.of(Account.GOODS)
    if missing <= 0:
        return
    key = f"{left.at.key(file.id)}/{PAYMENT_REPORTED}"
    report = ReportRow(
        id=report_id(key),
        order_id=file.id,
        amount=rounded(missing, file.currency),
        currency=file.currency,
        reported_by=answer.by,
        reported_at=file.now,
    )
    await add_report(file.conn, report)
    text = f"A payment of {file.money(report.amount)} is reported"
    file.note(PAYMENT_REPORTED, text, key=key, step=step.id)
