"""`dueline ops retry|hold|release|skip-step`: what operations do to orders, one by one."""

import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter
from rich.table import Table

from domain.base import Record
from domain.errors import DuelineError
from domain.roles import MAY_AGREE, Role
from ops.commands_orders import AsJson, Key
from ops.order_tables import console, local, words
from ops.repair import acting
from ops.repair.finding import FoundOrder, find_order
from ops.repair.site import Site
from ops.site import open_site

Because = Annotated[str, Parameter(help="Why; it is written down with your key's name.")]
Done = TypeVar("Done", bound=Record)

AGREEING = (Role.OPERATIONS, *sorted(MAY_AGREE - {Role.OPERATIONS}))
"""Operations first: on the machine of the platform it is their key that is taken."""


async def retry(*orders: str, as_json: AsJson = False, key: Key = None) -> int:
    """Try everything that is pending in an order at once, instead of when its time comes.

    Counts as a first attempt again. Looks at the order, and at its open cases and follow-ups.

    Examples

        dueline ops retry SO-2026-000004
        dueline ops retry 3f2a9c1e 0198f6c2 --json

    Parameters
    ----------
    orders
        Their numbers, ids, or beginnings of ids.
    """
    async with open_site(key) as site:
        done, code = await _each(site, orders, acting.retry)
    if as_json:
        _print_json(done)
        return code
    for one in done:
        _print_retry(one)
    return code


async def hold(*orders: str, because: Because, as_json: AsJson = False, key: Key = None) -> int:
    """Hold orders: nobody answers, no window runs, nothing is lost; customers see it.

    The promised date goes on. A held order can still be cancelled.

    Examples

        dueline ops hold SO-2026-000004 --because "the bank has frozen the account"
        dueline ops hold 3f2a9c1e 0198f6c2 --because "recall of batch 7"

    Parameters
    ----------
    orders
        Their numbers, ids, or beginnings of ids.
    """
    async with open_site(key) as site:
        done, code = await _each(site, orders, lambda at, order: acting.hold(at, order, because))
    if as_json:
        _print_json(done)
        return code
    for one in done:
        print(f"{one.order.name} is on hold. Let it go on: dueline ops release {one.order.name}")
    return code


async def release(*orders: str, as_json: AsJson = False, key: Key = None) -> int:
    """Let orders go on: a hold, a workflow or activities that somebody has paused in the engine.

    Examples

        dueline ops release SO-2026-000004
        dueline ops release 3f2a9c1e 0198f6c2 --json

    Parameters
    ----------
    orders
        Their numbers, ids, or beginnings of ids.
    """
    async with open_site(key) as site:
        done, code = await _each(site, orders, acting.release)
    if as_json:
        _print_json([{**_shown(one), "words": one.words} for one in done])
        return code
    for one in done:
        print(f"{one.order.name}: {one.words}.")
    return code


async def skip_step(
    order: str, step: str, *, because: Because, as_json: AsJson = False, key: Key = None
) -> None:
    """Skip the step in which an order is: one key asks, another one agrees by the same command.

    Operations ask; operations, leadership or control agree. Steps that move goods or take stock
    cannot be skipped.

    Examples

        dueline ops skip-step SO-2026-000004 confirm --because "confirmed on paper"
        dueline ops skip-step SO-2026-000004 confirm --because "seen it" --key KEY-OF-ANOTHER

    Parameters
    ----------
    order
        Its number, its id, or the beginning of the id.
    step
        The step's name, as `dueline ops show` tells it.
    """
    async with open_site(key, roles=AGREEING) as site:
        done = await acting.skip_step(site, await find_order(site, order), step, because)
    if as_json:
        _print_json(done)
    elif done.outcome == "asked":
        again = f'dueline ops skip-step {done.order.name} {step} --because "…" --key KEY'
        print(f"Asked to skip {words(step)} of {done.order.name}.")
        print(f"Another key of operations, leadership or control agrees with: {again}")
    else:
        print(f"{words(step).capitalize()} of {done.order.name} is skipped.")


async def _each(
    site: Site, orders: Sequence[str], do: Callable[[Site, FoundOrder], Awaitable[Done]]
) -> tuple[list[Done], int]:
    """Does it to one order after the other; what is refused stops none of the others."""
    if not orders:
        raise DuelineError("Name at least one order: its number, its id, or the beginning of it.")
    done, code = [], 0
    for wanted in dict.fromkeys(orders):
        try:
            done.append(await do(site, await find_order(site, wanted)))
        except DuelineError as error:
            if len(orders) == 1:
                raise
            print(f"{wanted}: {error}", file=sys.stderr)
            code = 1
    return done, code


def _print_retry(done: acting.Retry) -> None:
    table = Table("workflow", "what", "attempt", "next try was", "last error")
    for each in done.workflows:
        for activity in each.activities:
            next_at = activity.next_try_at.isoformat() if activity.next_try_at else None
            table.add_row(
                each.workflow_id,
                words(activity.type),
                str(activity.attempt),
                local(next_at),
                activity.error or "-",
            )
    if table.row_count:
        console().print(table)
    tried = table.row_count
    things = "thing is" if tried == 1 else "things are"
    print(f"{done.order.name}: {tried} {things} tried again now.")
    for each in done.workflows:
        if each.failing is not None:
            print(f"{each.workflow_id} fails: {each.failing.error}")
            print(acting.FAILING_ADVICE)


def _shown(value: Record) -> dict[str, Any]:
    return value.model_dump(mode="json")


def _print_json(value: Any) -> None:
    if isinstance(value, Record):
        value = _shown(value)
    elif value and isinstance(value[0], Record):
        value = [_shown(one) for one in value]
    print(json.dumps(value, ensure_ascii=False, indent=2))
