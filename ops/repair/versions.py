"""What each version of the workers holds, and the way back from a bad one."""

from collections.abc import Callable, Sequence

from domain.base import Record
from domain.errors import DuelineError, InvalidField, UnknownThing
from domain.follow_ups import PREFIX
from ops.repair.deployment import BuildState, Deployment, make_current, ramp_to
from ops.repair.finding import find_order
from ops.repair.fitness import Code
from ops.repair.moving import Move, move
from ops.repair.residents import (
    Blocker,
    Resident,
    blockers,
    count,
    pin_of,
    residents,
    version_query,
)
from ops.repair.site import Site
from workflows.contract import ORDER_WORKFLOW

Say = Callable[[str], None]


class Holding(Record):
    """A version and how much is open on it. `blockers` tell what keeps it from draining, the first
    ones of `orders` and `others`; the version that gets new work has none.
    """

    build: str | None
    status: str
    served: bool
    ramp_percent: float
    created_at: str | None
    orders: int
    others: int
    blockers: tuple[Blocker, ...] = ()


async def holdings(site: Site, deployment: Deployment, *, limit: int) -> list[Holding]:
    """Every version with what it holds, the newest first, and what no version holds. RPCError."""
    found = [await _holding(site, deployment, known, limit) for known in deployment.builds]
    orders, others = await _counts(site, deployment.name, None)
    if orders or others:
        found.append(
            Holding(
                build=None,
                status="unversioned",
                served=True,
                ramp_percent=0.0,
                created_at=None,
                orders=orders,
                others=others,
            )
        )
    return found


async def _holding(site: Site, deployment: Deployment, known: BuildState, limit: int) -> Holding:
    orders, others = await _counts(site, deployment.name, known.build)
    live = known.build in {deployment.current, deployment.ramping}
    held: list[Blocker] = []
    if (orders or others) and (not live or not known.served):
        held = await blockers(site, deployment.name, known.build, served=known.served, limit=limit)
    return Holding(
        build=known.build,
        status=known.status,
        served=known.served,
        ramp_percent=known.ramp_percent,
        created_at=known.created_at.isoformat() if known.created_at else None,
        orders=orders,
        others=others,
        blockers=tuple(held),
    )


async def _counts(site: Site, deployment: str, build: str | None) -> tuple[int, int]:
    query = version_query(site, deployment, build)
    everything = await count(site, query)
    orders = await count(site, f"{query} AND WorkflowType = '{ORDER_WORKFLOW}'")
    return orders, everything - orders


async def named_workflows(site: Site, wanted: Sequence[str]) -> list[Resident]:
    """The open workflows that people name: an order as everywhere, others by their whole id.

    Raises UnknownThing, and InvalidField for what has ended.
    """
    found = []
    for name in wanted:
        is_case = name.startswith(("case-", PREFIX))
        workflow_id = name if is_case else (await find_order(site, name)).workflow_id
        pin = await pin_of(site, workflow_id)
        if pin is None:
            raise UnknownThing("case or follow-up" if is_case else "workflow of the order", name)
        if not pin.is_open:
            raise InvalidField("order", f"{name} has ended; there is nothing to move")
        found.append(Resident(workflow_id=workflow_id, run_id=pin.run_id, type=pin.type))
    return found


async def move_all(
    site: Site, code: Code, found: Sequence[Resident], deployment: str, build: str, say: Say
) -> list[Move]:
    """Moves workflows to a version, each after a green replay on this code. RPCError."""
    moves = []
    for done, resident in enumerate(found, start=1):
        moves.append(await move(site, code, resident, deployment, build))
        if done % 20 == 0:
            say(f"{done} of {len(found)}")
    return moves


class RolledBack(Record):
    """`bad` gets no new order any more, `current` does; `began` are those that are open on it."""

    bad: str
    current: str | None
    began: tuple[Resident, ...]


async def roll_back(
    site: Site, deployment: Deployment, to: str | None = None, *, force: bool = False
) -> RolledBack:
    """Stops a running ramp; without one, makes the version before the current one current again.

    Moves no order: those that are open on the bad version stay there. Raises DuelineError when
    there is no version to go back to, and InvalidField when nobody serves it.
    """
    if deployment.ramping is not None and to is None:
        bad, current = deployment.ramping, deployment.current
        await ramp_to(site, deployment, None, 0.0)
    else:
        target, before = to or deployment.previous, deployment.current
        if target is None or before is None or target == before:
            raise DuelineError(
                "There is no version before the current one: name one with --to, or make one "
                "current with `dueline ops versions current BUILD`."
            )
        bad, current = before, target
        await make_current(site, deployment, target, force=force)
    query = version_query(site, deployment.name, bad)
    began = [resident async for resident in residents(site, query)]
    return RolledBack(bad=bad, current=current, began=tuple(began))
