"""The arithmetic of docs/scale.md holds against a simulated company and against its own figures."""

import pytest

from tests.scale import document
from tests.scale.kinds import KINDS, REPORTS_OF_A_LONG_ORDER
from tests.scale.limits import limits
from tests.scale.load import Load, Servers
from tests.scale.records import load_measured
from tests.scale.simulation import Company, Outcome, simulate
from tests.scale.sizing import blend, peaks, power_of_two, shards, storage, sweeps, workers
from workflows.contract import HISTORY_EVENTS_MAX

LAW_TOLERANCE = 0.05
"""The weeks begin and end with open orders; over four of them that is not much."""
LONGEST_DAYS = 120
"""Working days of production with a report for each: half a year."""
MEASURED, LOAD, SERVERS = load_measured(), Load(), Servers()
ORDER = blend(MEASURED, LOAD)
PEAK = peaks(ORDER, LOAD)


@pytest.fixture(scope="module")
def weeks() -> Outcome:
    return simulate(Company())


def test_as_many_orders_are_open_as_littles_law_says(weeks: Outcome) -> None:
    assert weeks.open_by_littles_law == pytest.approx(weeks.open_mean, rel=LAW_TOLERANCE)


def test_a_hundred_thousand_a_day_and_a_million_open_are_the_same_company(weeks: Outcome) -> None:
    open_for_each_a_day = weeks.open_mean / weeks.company.orders_a_day

    assert LOAD.open_orders / LOAD.orders_a_day == pytest.approx(open_for_each_a_day, rel=0.15)


def test_the_busiest_quarter_of_an_hour_stays_below_the_peak_that_is_planned(
    weeks: Outcome,
) -> None:
    assert 1 < weeks.peak_factor <= LOAD.peak_factor


def test_the_marks_that_fall_in_one_second_are_no_more_than_the_arithmetic_says(
    weeks: Outcome,
) -> None:
    reckoned = sweeps(MEASURED, ORDER, PEAK, LOAD, SERVERS).marks_at_once
    # A small company's worst day is relatively worse than a large one's.
    chance = 1.5

    assert weeks.marks_at_once_share * LOAD.orders_a_day <= chance * reckoned


def test_late_orders_and_reports_make_the_mean_order_dearer_than_one_in_time() -> None:
    plain = MEASURED.costs["s08_in_time"]
    worst = MEASURED.costs["s08_escalated"]

    assert plain.history.events < ORDER.events < worst.history.events
    assert plain.rows_total < ORDER.rows


def test_the_longest_order_stays_below_the_length_at_which_a_fresh_run_takes_over() -> None:
    plain, long = (MEASURED.costs[kind].history.own_events for kind in ("s08_in_time", "s08_long"))
    report = (long - plain) / (REPORTS_OF_A_LONG_ORDER - 1)
    late = MEASURED.costs["s08_escalated"].history.own_events - plain
    steps = len(Company().steps)

    assert plain + LONGEST_DAYS * report + steps * late < HISTORY_EVENTS_MAX


def test_the_shards_that_are_set_are_a_power_of_two_with_room_for_growth() -> None:
    chosen = shards(PEAK, LOAD, SERVERS)

    assert chosen.chosen >= chosen.with_growth >= LOAD.growth * chosen.busy
    assert chosen.chosen == power_of_two(chosen.chosen)
    assert power_of_two(chosen.chosen + 1) == 2 * chosen.chosen


def test_twice_the_orders_need_twice_of_everything_but_of_what_is_open() -> None:
    double = LOAD.model_copy(update={"orders_a_day": 2 * LOAD.orders_a_day})
    peak = peaks(ORDER, double)
    disk = storage(MEASURED, ORDER, peak, double)
    once = storage(MEASURED, ORDER, PEAK, LOAD)

    assert peak.transitions_peak == pytest.approx(2 * PEAK.transitions_peak)
    assert disk.rows_a_year == pytest.approx(2 * once.rows_a_year)
    assert disk.engine_open_bytes == pytest.approx(once.engine_open_bytes)


def test_the_activities_at_once_fit_the_slots_of_the_planned_workers() -> None:
    work = workers(MEASURED, ORDER, PEAK, LOAD, SERVERS)

    assert work.activity_slots < work.connections_max
    assert work.pollers <= work.pollers_by_default


def test_limits_come_lowest_first() -> None:
    work = workers(MEASURED, ORDER, PEAK, LOAD, SERVERS)
    found = [one.orders_a_day for one in limits(MEASURED, ORDER, PEAK, work, LOAD, SERVERS)]

    assert found == sorted(found)
    assert found[0] < LOAD.orders_a_day


def test_the_tables_of_the_document_are_those_of_the_stored_figures() -> None:
    text = document.DOCUMENT.read_text(encoding="utf-8")

    assert set(MEASURED.costs) == set(KINDS)
    assert {found[2] for found in document.BLOCK.finditer(text)} == set(document.tables(MEASURED))
    assert document.written(text, MEASURED) == text, (
        "docs/scale.md and tests/scale/measured.json differ: "
        "run `.venv/bin/python -m tests.scale --stored --write`"
    )
