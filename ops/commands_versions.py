"""`dueline ops versions`: which version of the workers has which orders, and changing that."""

import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from domain.errors import DuelineError, InvalidField
from ops.commands_orders import AsJson, Key
from ops.order_tables import console, local, short
from ops.repair.deployment import (
    Deployment,
    find_deployment,
    make_current,
    ramp_to,
    read_deployment,
)
from ops.repair.fitness import Code
from ops.repair.moving import Move
from ops.repair.residents import Blocker
from ops.repair.site import Site
from ops.repair.versions import Holding, holdings, move_all, named_workflows, roll_back
from ops.site import open_site
from settings import Settings
from store.audit import OpsAction

HELP = """See which version of the workers has which orders, and say which one gets new work.

Examples

    dueline ops versions
    dueline ops versions ramp 2026-11-25.1 25
    dueline ops versions current 2026-11-25.1
    dueline ops versions rollback
    dueline ops versions move SO-2026-000004
"""
EXIT_RED = 4
"""A history does not fit, or an order fails: nothing was moved blindly."""

app = App(name="versions", help=HELP, help_format="markdown")
Force = Annotated[
    bool, Parameter(negative="", help="Even where no worker serves it: orders will wait.")
]


@app.default
async def list_(*, limit: int = 20, as_json: AsJson = False, key: Key = None) -> None:
    """List the versions, the newest first, what each holds, and what keeps one from draining.

    Examples

        dueline ops versions
        dueline ops versions --json

    Parameters
    ----------
    limit
        Explain at most so many orders a version.
    """
    settings = Settings()
    async with open_site(key) as site:
        deployment = await find_deployment(site, settings.deployment)
        found = await holdings(site, deployment, limit=limit) if deployment else []
    if as_json:
        print(json.dumps([each.model_dump(mode="json") for each in found], ensure_ascii=False))
    elif deployment is None:
        print("Workers here are unversioned. docs/versions.md says how to begin with versions.")
    else:
        _print(deployment, found)


@app.command
async def current(build: str, *, force: Force = False, key: Key = None) -> None:
    """Make a version current: new orders begin there, renewed ones go on there.

    Example: `dueline ops versions current 2026-11-25.1`

    Parameters
    ----------
    build
        The version's DUELINE_BUILD.
    """
    async with _deployment(key) as (site, deployment):
        await make_current(site, deployment, build, force=force)
        outcome = f"before: {deployment.current or 'none'}"
        await site.note(OpsAction(action="versions current", target=build, outcome=outcome))
    print(f"{build} is current. Orders that are open elsewhere stay; `dueline ops versions` lists.")


@app.command
async def ramp(build: str, percent: float, *, force: Force = False, key: Key = None) -> None:
    """Let so many of a hundred new orders begin on a version.

    Example: `dueline ops versions ramp 2026-11-25.1 25`

    Parameters
    ----------
    build
        The version's DUELINE_BUILD.
    percent
        More than 0, at most 100.
    """
    async with _deployment(key) as (site, deployment):
        await ramp_to(site, deployment, build, percent, force=force)
        outcome = f"{percent:g} %"
        await site.note(OpsAction(action="versions ramp", target=build, outcome=outcome))
    print(f"{percent:g} % of the new orders begin on {build}.")


@app.command
async def rollback(
    *,
    to: str | None = None,
    because: Annotated[str, Parameter(help="The reason, for the trail.")] = "",
    move: Annotated[bool, Parameter(negative="", help="Move back what fits this code.")] = False,
    force: Force = False,
    key: Key = None,
) -> int:
    """Stop the ramp; without one, make the version before the current one current again.

    Orders that began on the bad version are listed. They stay on it while its workers run, unless
    `--move` finds that their history fits this code: run it from the version that is current then.

    Examples

        dueline ops versions rollback --because "labels are printed twice"
        dueline ops versions rollback --move

    Parameters
    ----------
    to
        Another version than the one before.
    """
    code = Code(Settings().build)
    async with _deployment(key) as (site, deployment):
        back = await roll_back(site, deployment, to, force=force)
        now = back.current or "none"
        note = OpsAction(
            action="versions rollback",
            target=back.bad,
            reason=because,
            outcome=f"current: {now}",
            detail={"open": len(back.began)},
        )
        await site.note(note)
        print(f"{back.bad} gets no new order any more; current is {now}.")
        if not back.began:
            return 0
        print(f"{len(back.began)} are open on {back.bad}:")
        for resident in back.began:
            print(f"  {resident.workflow_id}")
        if not move or back.current is None:
            print(
                f"They stay there while its workers run. `dueline ops versions move …` moves those "
                f"that fit the code of {now}; `dueline ops drain {back.bad}` moves all that can be."
            )
            return 0
        moves = await move_all(site, code, back.began, deployment.name, back.current, _say)
        await _note_moves(site, moves, back.current)
    return _print_moves(moves, back.current)


@app.command
async def move(*orders: str, to: str | None = None, key: Key = None) -> int:
    """Move orders or cases to a version after a green replay on this code; wakes them for that.

    For an order whose version nobody serves any more, or whose workflow task fails there.

    Example: `dueline ops versions move SO-2026-000004 --to 2026-11-25.1`

    Parameters
    ----------
    orders
        Numbers, ids, beginnings of ids, or ids of cases.
    to
        The version; without it the current one.
    """
    if not orders:
        raise InvalidField("orders", "name at least one order or case")
    code = Code(Settings().build)
    async with _deployment(key) as (site, deployment):
        build = to or deployment.current
        if build is None:
            raise DuelineError("No version is current: name one with --to.")
        deployment.build(build)
        found = await named_workflows(site, orders)
        moves = await move_all(site, code, found, deployment.name, build, _say)
        await _note_moves(site, moves, build)
    return _print_moves(moves, build)


@asynccontextmanager
async def _deployment(key: str | None) -> AsyncIterator[tuple[Site, Deployment]]:
    async with open_site(key) as site:
        yield site, await read_deployment(site, Settings().deployment)


async def _note_moves(site: Site, moves: Sequence[Move], build: str) -> None:
    for each in moves:
        await site.note(
            OpsAction(
                action="versions move",
                target=each.workflow_id.removeprefix("order-"),
                outcome=f"{each.outcome}: {build}",
                detail={"why": each.why} if each.why else {},
            )
        )


def _print_moves(moves: Sequence[Move], build: str) -> int:
    red = [each for each in moves if each.outcome == "red"]
    moved = sum(each.outcome == "moved" for each in moves)
    print(
        f"{moved} moved to {build}, {len(moves) - moved - len(red)} need no move, {len(red)} red."
    )
    for each in red:
        print(f"  {each.workflow_id} does not fit this code and stays: {each.why}")
    return EXIT_RED if red else 0


def _print(deployment: Deployment, found: Sequence[Holding]) -> None:
    title = f"Versions of {deployment.name}"
    table = Table(title=title, title_justify="left")
    for name in ("version", "status", "workers", "orders", "others", "created"):
        table.add_column(name)
    for each in found:
        status = each.status + (f" {each.ramp_percent:g} %" if each.ramp_percent else "")
        workers = "-" if each.build is None else ("yes" if each.served else "none")
        table.add_row(
            each.build or "-",
            status,
            workers,
            str(each.orders),
            str(each.others),
            local(each.created_at),
        )
    console().print(table)
    for each in found:
        if each.blockers:
            print_blockers(f"Still on {each.build}", each.blockers, each.orders + each.others)


def print_blockers(title: str, found: Sequence[Blocker], total: int) -> None:
    """What keeps workflows on their version, and what helps."""
    table = Table("order", "step", "why", "do", title=title, title_justify="left")
    for each in found:
        table.add_row(short(each.order), each.step or "-", each.why, each.cure)
    console().print(table)
    if total > len(found):
        print(f"and {total - len(found)} more")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
