"""Tells of missed windows whose breach is marked and of which nobody has heard."""

from datetime import UTC, datetime, timedelta

from activities.due_lines import tell_of
from activities.models import MarkDue
from activities.order_file import Department, Keyed
from domain.windows import Mark
from ops.repair.finding import FoundOrder
from ops.repair.site import Site
from store.audit import OpsAction
from store.ops_reading import UntoldBreach, untold_breaches

TELL = "tell"


async def tell_breaches(site: Site, order: FoundOrder) -> tuple[int, tuple[str, ...]]:
    """Queues the notices of marked breaches that have none; how many, and of which rules.

    As the workflow's own activity would have, by the ladder of the order's profile. Doing it twice
    tells nobody twice.
    """
    async with site.database.connect() as conn:
        found = await untold_breaches(conn, [order.id], timedelta())
    missed = [breach for breach in found if breach.marked]
    if not missed:
        return 0, ()
    told = await _tell(site, order, missed)
    rules = tuple(sorted({breach.rule for breach in missed}))
    outcome = f"{told} notices of {', '.join(rules)}"
    await site.note(OpsAction(action=TELL, target=order.id, outcome=outcome))
    return told, rules


async def _tell(site: Site, order: FoundOrder, missed: list[UntoldBreach]) -> int:
    told = 0
    keyed = Keyed(order.id, f"{order.id}/{TELL}", datetime.now(UTC))
    async with Department(site.database).open_file(keyed) as file:
        for breach in missed:
            mark = MarkDue(window=breach.window, mark=Mark.BREACH, at=breach.due_at)
            told += await tell_of(file, mark)
    return told
