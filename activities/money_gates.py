"""Gates of money (G05, G06, G09, G18): what is missing, in amounts, and looking again."""

from temporalio import activity

from activities.gate import missing_facts
from activities.models import Entered, Transition
from activities.money_models import LOOK_AGAIN, GateLook, GateSeen
from activities.opening import Blocked
from activities.order_file import Keyed, OrderFile
from activities.transitions import Mover
from policy.steps import Fact, GateStep, Work
from store import order_money, tasks


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
    await keep_deposit(file, gate)
    return "; ".join(fact.words for fact in gate.facts)


async def _look(file: OrderFile, look: GateLook) -> GateSeen:
    missing = await missing_facts(file, _gate(file, look.at.step).facts)
    if not missing:
        return GateSeen()
    stands = blocked(missing)
    await tasks.tell_facts(file.conn, file.id, look.at.step, look.at.visit, stands.facts)
    file.show(blocked=stands.why)
    file.note("money_looked_at", f"Money has moved; {stands.why}", key=look.key, step=look.at.step)
    return GateSeen(missing=stands.why)


def blocked(missing: list[str]) -> Blocked:
    """Why the gate stays closed, and what its role reads in the task."""
    return Blocked(f"missing: {'; '.join(missing)}", {"missing": missing})


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
