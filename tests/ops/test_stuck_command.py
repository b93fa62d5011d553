"""`dueline ops stuck` as operators and scripts call it."""

from datetime import timedelta

from sqlalchemy import update

from ops.repair.site import Site
from ops.repair.stuck import find_stuck
from ops.repair.stuck_model import StuckCause
from store import tables
from tests.ops.conftest import Dueline
from tests.ops.ward import Ward, dead_notice, terminated
from tests.workflow.operating import hold


async def test_findings_come_worst_first_with_the_cure_under_each(
    ward: Ward, dueline: Dueline
) -> None:
    silent = await dead_notice(ward)
    lost = await terminated(ward)

    said = await dueline("ops", "stuck")

    lines = said.out.splitlines()
    assert said.code == 3, said.err
    assert lines[0].startswith(f"critical {lost.order_id[:8]}  workflow-closed  since 20")
    assert lines[0].endswith("+08:00")
    cure = f'dueline ops recover {lost.order_id} --because "workflow closed"'
    assert f"  cure   {cure}" in lines
    assert "  cure   dueline notices resend --all" in lines
    assert lines[-1].startswith("2 stuck among 2 open orders: ")
    assert said.out.index(lost.order_id[:8]) < said.out.index(silent.order_id[:8])


async def test_one_cause_or_one_order_alone_can_be_asked_for(ward: Ward, dueline: Dueline) -> None:
    silent = await dead_notice(ward)
    lost = await terminated(ward)

    of_cause = (await dueline("ops", "stuck", "--cause", "notice-dead", "--json")).json
    of_order = (await dueline("ops", "stuck", lost.order_id, "--json")).json

    assert [one["order_id"] for one in of_cause["findings"]] == [silent.order_id]
    assert [one["cause"] for one in of_order["findings"]] == ["workflow-closed"]
    assert of_order["orders"] == 1


async def test_an_unknown_order_is_refused_with_a_sentence(dueline: Dueline) -> None:
    said = await dueline("ops", "stuck", "SO-2026-999999")

    assert (said.code, said.out) == (1, "")
    assert said.err.strip() == "there is no order 'SO-2026-999999'"


async def test_a_hold_is_no_fault_and_an_old_one_is_shown_when_asked_for(
    ward: Ward, site: Site
) -> None:
    placed = await ward.floor.place()
    await placed.do("entry")
    await placed.at("confirm")
    await hold(placed)

    young = await find_stuck(site, holds=True)
    held_at = (await placed.row())["held_at"] - timedelta(days=2)
    of_order = tables.orders.c.id == placed.order_id
    await ward.execute(update(tables.orders).where(of_order).values(held_at=held_at))
    old = await find_stuck(site, holds=True)
    without = await find_stuck(site)

    assert young.findings == without.findings == ()
    [finding] = old.findings
    assert (finding.cause, finding.since) == (StuckCause.ON_HOLD, held_at)
    assert finding.cure == f"dueline ops release {finding.number}"


async def test_progress_tells_how_many_workflows_were_looked_at(ward: Ward, site: Site) -> None:
    for _ in range(3):
        await (await ward.floor.place()).at("entry")
    told: list[tuple[int, int]] = []

    report = await find_stuck(site, progress=lambda done, total: told.append((done, total)))

    assert told == [(1, 3), (2, 3), (3, 3)]
    assert (report.workflows, report.orders) == (3, 3)
