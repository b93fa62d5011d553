"""`dueline ops reset`: takes orders back to a step; they walk again to where they stood."""

import json
import sys
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from domain.errors import DuelineError
from ops.commands_orders import AsJson, Key
from ops.order_tables import console, local
from ops.repair.choosing import orders_found
from ops.repair.finding import FoundOrder, find_order
from ops.repair.messages import message_words
from ops.repair.pace import Pace
from ops.repair.points import point_of_step
from ops.repair.resetting import (
    ResetPlan,
    ResetResult,
    finish_reset,
    plan_reset,
    require_open,
    reset_order,
    unfinished_reset,
)
from ops.repair.runs import fetch_chain
from ops.repair.site import Site
from ops.site import open_site

RATE = 5.0
NOTHING = 2
Yes = Annotated[bool, Parameter(name=["--yes", "-y"], negative="")]


async def reset(
    order: str | None = None,
    *,
    to: str,
    because: str,
    visit: int | None = None,
    query: str | None = None,
    rate: float = RATE,
    yes: Yes = False,
    as_json: AsJson = False,
    key: Key = None,
) -> int:
    """Take an order back to a step; it walks again to where it stood, and nothing happens twice.

    Without --yes it only shows what would happen. A reset that was interrupted goes on when the
    same command is given again.

    Examples

        dueline ops reset SO-2026-000004 --to plan --because "the plan was lost"
        dueline ops reset SO-2026-000004 --to qc --visit 1 --because "wrong build" --yes
        dueline ops reset --query "DuelineStage = 'L13'" --to plan --because "wrong build" --yes

    Parameters
    ----------
    order
        Its number, id, or the beginning of the id.
    to
        The step as the profile names it, such as `plan`.
    because
        Why; it is written down.
    visit
        Which time the order was in the step; by default the last.
    query
        Every order that a query of the engine finds, in place of one order.
    rate
        At most so many orders a second.
    yes
        Do it.
    """
    if (order is None) == (query is None):
        raise DuelineError("Say which: an order, or --query for all that it finds.")
    if not because.strip():
        raise DuelineError("Say why with --because: it is written down.")
    if rate <= 0:
        raise DuelineError("--rate is how many orders a second, such as 5.")
    async with open_site(key) as site:
        if order is not None:
            found = [await find_order(site, order)]
        else:
            found = await orders_found(site, query or "")
        if not found:
            print("The query finds no order.", file=sys.stderr)
            return NOTHING
        done = await _each(site, found, _Wish(to, visit, because, yes), Pace(rate))
    if as_json:
        print(json.dumps(done, ensure_ascii=False))
    else:
        for line in done:
            _show(line)
    return 1 if any("failed" in line for line in done) else 0


class _Wish:
    def __init__(self, to: str, visit: int | None, because: str, yes: bool) -> None:
        self.to, self.visit, self.because, self.yes = to, visit, because, yes


async def _each(
    site: Site, orders: list[FoundOrder], wish: _Wish, pace: Pace
) -> list[dict[str, Any]]:
    done: list[dict[str, Any]] = []
    with Console(stderr=True).status("") as status:
        for order in orders:
            await pace.turn()
            try:
                done.append(await _one(site, order, wish, status.update))
            except DuelineError as error:
                if len(orders) == 1:
                    raise
                done.append({"order": order.name, "failed": str(error)})
    return done


async def _one(site: Site, order: FoundOrder, wish: _Wish, say: Any) -> dict[str, Any]:
    await require_open(site, order)
    if wish.yes and (begun := await unfinished_reset(site, order)) is not None:
        result = await finish_reset(site, order, wish.because, begun, say)
        return _done(result)
    chain = await fetch_chain(site.client, order.workflow_id)
    if not chain:
        raise DuelineError(
            f"The engine has no workflow of {order.name}; `dueline ops reconcile` says what to do."
        )
    point = await point_of_step(site.client, chain, wish.to, wish.visit)
    plan = await plan_reset(site, order, chain, point)
    if not wish.yes:
        return _preview(plan)
    return _done(await reset_order(site, order, point, wish.because, say))


def _done(result: ResetResult) -> dict[str, Any]:
    return {
        "order": result.order.name,
        "step": result.step,
        "applied_again": result.again,
        "not_applied_again": list(result.not_repeated),
    }


def _preview(plan: ResetPlan) -> dict[str, Any]:
    point = plan.point
    return {
        "order": plan.order.name,
        "step": point.step,
        "visit": point.visit,
        "run": point.run_id,
        "event": point.event_id,
        "since": local(point.since.isoformat()),
        "again": [
            {"at": local(m.at.isoformat()), "what": message_words(m), "id": m.id}
            for m in plan.again
        ],
        "not_again": [
            *({"what": what, "why": why} for what, why in plan.dropped),
            {"what": "answers that were refused", "why": "they never entered the history"},
        ],
        "recorded": list(plan.recorded),
        "still_to_do": list(plan.open),
        "clocks": [
            {"rule": c.rule, "due": local(c.due_at.isoformat()), "paused": c.paused}
            for c in plan.clocks
        ],
    }


def _show(line: dict[str, Any]) -> None:
    out = console()
    if "failed" in line:
        out.print(f"{line['order']}: {line['failed']}")
    elif "run" not in line:
        out.print(
            f"{line['order']} has walked again from {line['step']}: "
            f"{line['applied_again']} messages were applied again."
        )
        for refused in line["not_applied_again"]:
            out.print(f"  not applied again: {refused}")
    else:
        _show_preview(line)


def _show_preview(line: dict[str, Any]) -> None:
    out = console()
    out.print(
        f"[bold]{line['order']}[/] would go back to {line['step']}, visit {line['visit']}: event "
        f"{line['event']} of run {line['run'][:8]}, {line['since']}."
    )
    out.print(f"Applied again, in this order ({len(line['again'])}):")
    for message in line["again"]:
        out.print(f"  {message['at']}  {message['what']}")
    out.print("Not applied again:")
    for message in line["not_again"]:
        out.print(f"  {message['what']}: {message['why']}")
    out.print(f"Find their effect in the database and do nothing twice: {len(line['recorded'])}")
    for effect in line["still_to_do"]:
        out.print(f"  not done yet, would be done: {effect}")
    out.print("Clocks that run, with the instants that they keep:")
    for clock in line["clocks"]:
        out.print(
            f"  {clock['rule']}  due {clock['due']}" + (", paused" if clock["paused"] else "")
        )
    out.print("Nothing has been done. Give the command again with --yes to do it.")
