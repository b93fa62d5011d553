"""`dueline ops drain` and `release-check`: empty an old version, let a new one in."""

import json
import sys
from typing import Annotated

from cyclopts import Parameter

from domain.errors import DuelineError, InvalidField
from ops.commands_orders import AsJson, Key
from ops.commands_versions import EXIT_RED, print_blockers
from ops.repair.deployment import read_deployment
from ops.repair.draining import Drained
from ops.repair.draining import drain as drain_version
from ops.repair.fitness import Code
from ops.repair.release import CheckReport, Ramped, Release, check, recorded, release
from ops.site import open_site
from ops.stack.postgres import local_url
from settings import Settings
from store.audit import OpsAction


async def drain(
    build: str,
    *,
    rate: float = 20.0,
    wait: float = 30.0,
    as_json: AsJson = False,
    key: Key = None,
) -> int:
    """Move everything that is open on a version to the current one; a second call goes on.

    Orders are nudged into a fresh run. What cannot be nudged (a case, an order whose version nobody
    serves or whose workflow task fails) is moved when its history fits this code. It stops as soon
    as one fails at the current version.

    Examples

        dueline ops drain 2026-11-20.1
        dueline ops drain 2026-11-20.1 --rate 5 --wait 120

    Parameters
    ----------
    build
        The version that is to be empty.
    rate
        At most so many a second.
    wait
        How many seconds to wait for orders that are busy.
    """
    if rate <= 0:
        raise InvalidField("rate", "write how many a second, more than 0")
    settings = Settings()
    async with open_site(key) as site:
        deployment = await read_deployment(site, settings.deployment)
        done = await drain_version(
            site, deployment, build, Code(settings.build), rate=rate, wait_seconds=wait, say=_say
        )
        outcome = f"{done.landed} moved to {done.current}, {done.left_count} left"
        await site.note(OpsAction(action="drain", target=build, outcome=outcome))
    if as_json:
        print(done.model_dump_json())
    else:
        _print_drained(done)
    return EXIT_RED if done.red or done.failing else 0


def _print_drained(done: Drained) -> None:
    print(
        f"{done.landed} have moved to {done.current}; {done.left_count} are left on {done.build}."
    )
    for each in done.red:
        print(f"  {each.workflow_id} does not fit this code and stays: {each.why}")
    for name in done.failing:
        print(f"  {name} fails on {done.current}; nobody else was moved")
    if done.failing:
        print("Go back with `dueline ops versions rollback`, and look with `dueline ops stuck`.")
    if done.left:
        print_blockers(f"Still on {done.build}", done.left, done.left_count)


async def release_check(
    build: str | None = None,
    *,
    ramp: Annotated[str, Parameter(help="Percentages of the new orders, one step each.")] = (
        "5,25,100"
    ),
    soak: Annotated[float, Parameter(help="How many seconds to watch after each step.")] = 60.0,
    as_json: AsJson = False,
    key: Key = None,
) -> int:
    """Replay all recorded and all open histories on this code; then let a version in.

    Exit code 4 when one is red: everything stays as it is. With a version that workers serve, and
    all green, more and more of the new orders begin on it, and in the end it is current. When an
    order fails on it meanwhile, everything is as before.

    Examples

        dueline ops release-check
        dueline ops release-check 2026-11-25.1 --ramp 5,25,100 --soak 600

    Parameters
    ----------
    build
        The version to let in; without it nothing is changed.
    """
    settings = Settings()
    code, steps = Code(settings.build), _steps(ramp)
    if settings.database_url is None and local_url(settings.data_dir / "postgres") is None:
        if build is not None:
            raise DuelineError(f"{build} stays out: no platform runs here, so nothing can ramp.")
        only = await check(code, recorded(), _say)
        _say("No platform runs here: only the recorded histories were replayed.")
        return _told({"recorded": only}, None, as_json=as_json)
    async with open_site(key) as site:
        done = await release(
            site, settings.deployment, build, code, _say, steps=steps, soak_seconds=soak
        )
        target, outcome = build or settings.build or "this code", _outcome(done)
        await site.note(OpsAction(action="release-check", target=target, outcome=outcome))
    return _told({"recorded": done.recorded, "open": done.live}, done.ramped, as_json=as_json)


def _outcome(done: Release) -> str:
    if done.red:
        return f"{len(done.red)} red"
    if done.ramped is None:
        return "green"
    return _ramped(done.ramped)


def _ramped(ramped: Ramped) -> str:
    if ramped.failing:
        return f"back as before: {len(ramped.failing)} failed on it"
    return "current" if ramped.current else "ramping"


def _told(reports: dict[str, CheckReport], ramped: Ramped | None, *, as_json: bool) -> int:
    if as_json:
        said = {name: report.model_dump() for name, report in reports.items()}
        print(json.dumps(said | {"ramped": ramped.model_dump() if ramped else None}))
    else:
        for name, report in reports.items():
            red = f"{len(report.red)} red" if report.red else "all green"
            print(f"{name}: {report.histories} histories, {report.events} events, {red}")
            for each in report.red:
                print(f"  {each.workflow_id}: {each.why}")
        if ramped is not None:
            print(f"{ramped.build}: {_ramped(ramped)}")
            for failed in ramped.failing:
                print(f"  {failed}: see `dueline ops show {failed}`")
    is_red = any(report.red for report in reports.values())
    if is_red:
        _say("Orders with a red history would stop on this code: docs/changing-a-workflow.md.")
    return EXIT_RED if is_red or (ramped and ramped.failing) else 0


def _steps(ramp: str) -> list[float]:
    try:
        return [float(part) for part in ramp.split(",")]
    except ValueError as error:
        raise InvalidField("ramp", "write percentages such as 5,25,100") from error


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
