"""Which workflows operations mean: by the engine's query, by a list of names, all that are open."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from temporalio.service import RPCError, RPCStatusCode

from activities.follow_up_models import FOLLOW_UP_WORKFLOW
from activities.models import CASE_WORKFLOW
from domain.errors import DuelineError, InvalidField
from ops.repair.calls import listed
from ops.repair.finding import BEGINNING_LENGTH_MIN, FoundOrder, find_order
from ops.repair.site import Site
from workflows.contract import ORDER_WORKFLOW

"""What `Running` alone misses is what somebody has paused."""

OURS = f"WorkflowType IN ('{ORDER_WORKFLOW}', '{CASE_WORKFLOW}', '{FOLLOW_UP_WORKFLOW}')"
ORDERS = f"WorkflowType = '{ORDER_WORKFLOW}'"


def scoped(site: Site, *parts: str) -> str:
    """A query for this platform's workflows alone."""
    return " AND ".join((f"TaskQueue = '{site.task_queue}'", *(f"({part})" for part in parts)))


async def runs_found(
    site: Site, query: str, limit: int | None = None
) -> AsyncIterator[tuple[str, str]]:
    """Workflow and run ids that a query finds, page by page. Raises DuelineError."""
    try:
        async for info in listed(site.client, query, limit):
            yield info.execution.workflow_id, info.execution.run_id
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        raise DuelineError(
            f"The engine does not understand the query: {error.message}. Try "
            '"DuelineStage = \'L10\'" or "TemporalReportedProblems IS NOT NULL".'
        ) from error


async def orders_found(site: Site, query: str, limit: int | None = None) -> list[FoundOrder]:
    """The orders that a query finds, each once."""
    ids = [found async for found, _ in runs_found(site, scoped(site, ORDERS, query), limit)]
    return [
        FoundOrder(id=id.removeprefix("order-"), number=None, workflow_id=id)
        for id in dict.fromkeys(ids)
    ]


async def orders_named(site: Site, names: Iterable[str]) -> list[FoundOrder]:
    """The orders that are named, each once. Raises UnknownThing or InvalidField."""
    found = [await find_order(site, name) for name in names]
    return list({order.id: order for order in found}.values())


async def orders_in_file(site: Site, path: Path) -> list[FoundOrder]:
    """The orders that a file names, one a line; `#` begins a comment.

    Raises InvalidField with file and line for a line that names none; then nothing is done.
    """
    found: list[FoundOrder] = []
    for number, line in enumerate(_lines(path), start=1):
        name = line.partition("#")[0].strip()
        if not name:
            continue
        where = f"{path}:{number}"
        if len(name.split()) > 1 or len(name) < BEGINNING_LENGTH_MIN:
            raise InvalidField(where, f"{name!r} is no order; write one number or id a line")
        try:
            found.append(await find_order(site, name))
        except DuelineError as error:
            raise InvalidField(where, f"{error}; write an order's number or id") from error
    if not found:
        raise DuelineError(f"{path} names no order: write one number or id a line.")
    return list({order.id: order for order in found}.values())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DuelineError(f"{path} cannot be read: {error}") from error
