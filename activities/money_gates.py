"""Gates of money (G05, G06, G09, G18): what is missing, in amounts, and looking again.

A gate whose time counts from a report has it begin in the look that follows the report.
"""

from temporalio import activity

from activities.gate import missing_facts
from activities.models import Entered, Transition
from activities.money_models import LOOK_AGAIN, GateLook, GateSeen
from activities.opening import Blocked, begin_window
from activities.order_file import Keyed, OrderFile
from activities.reported import PAYMENT_REPORTED, reported_rule
from activities.transitions import Mover
from domain.windows import DueWindow
from policy.steps import Fact, GateStep, Work
from policy.window import REPORT
from store import order_money, tasks, windows
from store.payment_reports import ReportRow, first_outstanding, settle_reports


class MoneyGates(Mover):
    """Opens gates when the money is there."""

    @activity.defn(name=Work.CHECK_MONEY)
    async def check_money(self, transition: Transition) -> Entered:
        """Passes the gate; asks the step's role when money is missing. Moves no money."""
        return await self.move(Work.CHECK_MONEY, transition, attempt=_check)

    @activity.defn(name=LOOK_AGAIN)
    async def look_again(self, look: GateLook) -> GateSeen:
        """Says what the gate misses now, and tells its task so when that has changed."""

        async def work(file: OrderFile) -> GateSeen:
            return await _look(file, look)

        keyed = Keyed(look.order_id, look.key, look.now)
        return await self.once(LOOK_AGAIN, keyed, GateSeen, work)


async def _check(file: OrderFile, transition: Transition) -> str | Blocked:
    assert transition.enter is not None
    gate = _gate(file, transition.enter.at.step)
    missing = await missing_facts(file, gate.facts)
    if missing:
        return blocked(missing)
    await pass_money(file, gate)
    return "; ".join(fact.words for fact in gate.facts)


async def _look(file: OrderFile, look: GateLook) -> GateSeen:
    gate = _gate(file, look.at.step)
    missing = await missing_facts(file, gate.facts)
    if not missing:
        return GateSeen()
    stands = blocked(missing)
    await tasks.tell_facts(file.conn, file.id, look.at.step, look.at.visit, stands.facts)
    file.show(blocked=stands.why)
    file.note("money_looked_at", f"Looked again; {stands.why}", key=look.key, step=look.at.step)
    window = await _reported_window(file, gate, look) if gate.waits_for_report else None
    return GateSeen(missing=stands.why, windows=(window,) if window else ())


async def _reported_window(file: OrderFile, gate: GateStep, look: GateLook) -> DueWindow | None:
    """The visit's window: as it stands, or begun with the first report of a payment.

    It counts from the report, but no earlier than the gate's opening and the end of a standstill.
    """
    key = look.at.key(file.id)
    if (before := await windows.last_standing(file.conn, key)) is not None:
        return before
    report = await first_outstanding(file.conn, file.id)
    rule = reported_rule(file, gate, report)
    if report is None or rule is None or rule.counts_from != REPORT:
        return None
    reasons = (report.reported_at, file.row.step_since, look.not_before)
    since = min(max(at for at in reasons if at is not None), file.now)
    window = await begin_window(file, gate, rule, key=key, since=since)
    if window is not None:
        await tasks.move_due(file.conn, file.id, key, window.due_at)
        _tell_reported(file, gate, report, window)
    return window


def _tell_reported(file: OrderFile, gate: GateStep, report: ReportRow, window: DueWindow) -> None:
    """Whoever confirms the arrival knows that it has to be looked for, and until when."""
    amount, due = file.money(report.amount), file.said(window.due_at)
    text = f"a payment of {amount} is reported; confirm its arrival, due {due}"
    zh = f"客户告知已付款 {amount}，请于 {due} 前确认到账"
    file.tell_all((gate.role,), PAYMENT_REPORTED, text, zh, key=f"{window.key}/{PAYMENT_REPORTED}")


def blocked(missing: list[str]) -> Blocked:
    """Why the gate stays closed, and what its role reads in the task."""
    return Blocked(f"missing: {'; '.join(missing)}", {"missing": missing})


async def pass_money(file: OrderFile, gate: GateStep) -> None:
    """The gate opens: what was reported is settled, and its deposit is kept."""
    if gate.asks_for_money:
        await settle_reports(file.conn, file.id, file.now)
    await keep_deposit(file, gate)


async def keep_deposit(file: OrderFile, gate: GateStep) -> None:
    """From here on the order has a deposit, whose clock may run (S26).

    A changed order has another one, as soon as that is paid.
    """
    rules = file.profile.money.deposit
    if rules is None or Fact.DEPOSIT_PAID not in gate.facts:
        return
    amount = file.due(Fact.DEPOSIT_PAID)
    if await order_money.keep_deposit(file.conn, file.id, amount, file.now):
        text = f"The deposit of {file.money(amount)} is paid"
        file.note("deposit_paid", text, key=f"{file.key}/deposit")


def _gate(file: OrderFile, step_id: str) -> GateStep:
    gate = file.profile.step(step_id)
    assert isinstance(gate, GateStep), "only a gate looks at money"
    return gate
