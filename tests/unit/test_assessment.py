"""Assessments: figures worked out by hand from a few rows."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.assessment import (
    Facts,
    InspectionFact,
    Kpi,
    OrderFact,
    Report,
    SanctionFact,
    Score,
    ShipmentFact,
    Sum,
    WindowFact,
    percentile,
)
from domain.calendars import CalendarException
from domain.orders import OrderState
from domain.periods import Period
from domain.roles import Role
from domain.stages import Stage
from domain.windows import DueWindow, Mark, MarkAt, WindowState
from policy.assessing import assess
from policy.calendars import shipped

NOVEMBER = Period.parse("2026-11")
LATER = datetime.fromisoformat("2027-02-01T00:00+08:00")
KEPT, BREACHED, GIVEN_UP = WindowState.KEPT, WindowState.BREACHED, WindowState.STOPPED


def at(text: str) -> datetime:
    """An instant in Shanghai: `11-03 09:00`."""
    return datetime.fromisoformat(f"2026-{text}+08:00")


def window(state: WindowState, due: str, stopped: str | None, **changed: Any) -> WindowFact:
    """A window of ten hours without a clock of its own, the sales desk's by default."""
    due_at = at(due)
    fact: dict[str, Any] = {
        "role": Role.SALES,
        "person": "Hua",
        "profile": "S08",
        "stage": Stage.CONFIRMATION,
        "cause": None,
        "state": state,
        "started_at": due_at - timedelta(hours=10),
        "due_at": due_at,
        "stopped_at": None if stopped is None else at(stopped),
        "warned": False,
        "window": None,
    }
    return WindowFact(**{**fact, **changed})


def assessed(
    *windows: WindowFact, period: Period = NOVEMBER, now: datetime = LATER, **facts: Any
) -> Report:
    return assess(period, Facts(windows=windows, **facts), now)


def by_key(scores: tuple[Score, ...] | None) -> dict[str, Score]:
    return {score.key: score for score in scores or ()}


def kpi(report: Report, key: str) -> Kpi:
    [found] = [kpi for kpi in report.kpis if kpi.key == key]
    return found


def test_windows_are_counted_by_what_became_of_them() -> None:
    report = assessed(
        window(KEPT, "11-03 18:00", "11-03 13:00"),
        window(KEPT, "11-04 18:00", "11-04 17:00", warned=True),
        window(BREACHED, "11-05 18:00", "11-06 18:00", warned=True),
        window(GIVEN_UP, "11-09 18:00", "11-09 12:00"),
    )

    total = report.total
    assert (total.kept, total.warned, total.breached, total.given_up) == (2, 2, 1, 1)
    assert total.overdue_percent == Decimal("33.3")  # 1 of 3
    # Used: 5 h, 9 h and 34 h of 10 h; half of three is reached by the second, nine tenths by all.
    assert (total.used_p50_percent, total.used_p90_percent) == (Decimal("90.0"), Decimal("340.0"))
    assert (total.overdue_days, total.overdue_longest_days) == (Decimal("1.0"), Decimal("1.0"))


def counted(limit: str, calendar: str = "cn@1", **changed: Any) -> DueWindow:
    """A window as it stood last, from Friday 17:00 until Monday."""
    due_at = at("11-23 09:30")
    return DueWindow.model_validate(
        {
            "key": "o/confirm/1",
            "rule": "S08.W02",
            "step": "confirm",
            "role": Role.SALES,
            "limit": limit,
            "started_at": at("11-20 17:00"),
            "due_at": due_at,
            "marks": (MarkAt(mark=Mark.BREACH, at=due_at),),
            "calendar": calendar,
            **changed,
        }
    )


@pytest.mark.parametrize(
    ("body", "stopped", "percent"),
    [
        # An hour on Friday until 18:00 and half an hour from 08:30 on Monday, of two.
        (counted("2h"), "11-23 09:00", "75.0"),
        # An hour of eight on Friday is an eighth of a day, and an eighth on Monday.
        (counted("1wd"), "11-23 09:30", "25.0"),
        (counted("48h/CT"), "11-21 17:00", "50.0"),
        # A quarter of an hour before a pause, half an hour after it, of two hours.
        (counted("2h", used="900", running_since=at("11-23 08:30")), "11-23 09:00", "37.5"),
        # Paused until it was stopped: only what was used before counts.
        (counted("2h", used="900", paused_at=at("11-20 17:15")), "11-23 17:00", "12.5"),
        # A date is no length: 60 of the 64.5 hours until it.
        (counted("promised"), "11-23 05:00", "93.0"),
        # Its calendar is not known any more: the window counts all the same.
        (counted("2h", calendar="gone@7"), "11-23 09:00", None),
    ],
)
def test_time_used_counts_in_the_windows_own_clock(
    body: DueWindow, stopped: str, percent: str | None
) -> None:
    fact = window(KEPT, "11-23 09:30", stopped, started_at=body.started_at, window=body)

    total = assessed(fact).total

    assert total.kept == 1
    assert total.used_p50_percent == (None if percent is None else Decimal(percent))


def test_time_used_counts_on_the_calendar_as_it_was_published_then() -> None:
    free_morning = CalendarException.model_validate(
        {
            "from": "2026-11-23",
            "to": "2026-11-23",
            "reason": "stocktaking",
            "shifts": [["13:30", "18:00"]],
        }
    )
    spec = shipped("cn").model_copy(update={"exceptions": (free_morning,)})
    body = counted("2h", calendar="cn@2")
    fact = window(KEPT, "11-23 14:30", "11-23 14:00", started_at=body.started_at, window=body)

    report = assessed(fact, calendars={"cn@2": spec.built(2)})

    # An hour on Friday and half an hour from 13:30 on Monday, of two.
    assert report.total.used_p50_percent == Decimal("75.0")


@pytest.mark.parametrize(
    ("state", "due", "stopped", "month"),
    [
        (KEPT, "12-01 10:00", "12-01 00:00", "2026-12"),
        (KEPT, "12-01 10:00", "11-30 23:59:59", "2026-11"),
        (BREACHED, "12-01 00:00", "12-03 00:00", "2026-12"),
        (BREACHED, "11-30 23:59:59", "12-03 00:00", "2026-11"),
        (BREACHED, "11-30 12:00", None, "2026-11"),
        (GIVEN_UP, "12-05 00:00", "12-01 00:00", "2026-12"),
    ],
)
def test_a_window_at_the_boundary_belongs_to_exactly_one_period(
    state: WindowState, due: str, stopped: str | None, month: str
) -> None:
    fact = window(state, due, stopped)

    months = [assessed(fact, period=Period.parse(f"2026-{number}")) for number in (10, 11, 12)]

    totals = {report.period: report.total for report in months}
    counted = [name for name, one in totals.items() if one.kept + one.breached + one.given_up]
    assert counted == [month]


def test_overdue_days_of_the_months_add_up_to_those_of_the_quarter() -> None:
    facts = (
        window(BREACHED, "10-30 00:00", "12-02 12:00"),
        window(BREACHED, "11-29 00:00", None),
    )

    months = [assessed(*facts, period=Period.parse(f"2026-{month}")) for month in (10, 11, 12)]
    quarter = assessed(*facts, period=Period.parse("2026-Q4"))

    # October: 30 and 31. November: all 30, and 29 and 30. December: 1.5, and all 31.
    assert [str(one.total.overdue_days) for one in months] == ["2.0", "32.0", "32.5"]
    assert str(quarter.total.overdue_days) == "66.5"
    # The first one since 30 October: until 1 November, until 1 December, and 33.5 days in all.
    assert [str(one.total.overdue_longest_days) for one in months] == ["2.0", "32.0", "33.5"]
    assert [one.total.breached for one in months] == [1, 1, 0]


def test_what_the_customer_delayed_is_shown_apart_and_charges_nobody_inside() -> None:
    report = assessed(
        window(KEPT, "11-03 18:00", "11-03 13:00"),
        window(BREACHED, "11-05 18:00", "11-15 18:00", cause="CUSTOMER_CONFIRM_LATE"),
        window(BREACHED, "11-06 18:00", "11-07 18:00", cause="CLERK_ERROR"),
    )

    for scores, key in ((report.departments, "sales"), (report.persons, "Hua")):
        score = by_key(scores)[key]
        assert (score.kept, score.breached, score.breached_by_customer) == (1, 1, 1)
        assert score.overdue_percent == Decimal("50.0")
        assert (score.overdue_days, score.used_p90_percent) == (Decimal("1.0"), Decimal("340.0"))
    assert by_key(report.profiles)["S08"].overdue_days == Decimal("11.0")


def test_causes_share_all_windows_decided_and_name_what_nobody_explained() -> None:
    report = assessed(
        window(KEPT, "11-03 18:00", "11-03 13:00"),
        window(BREACHED, "11-05 18:00", "11-06 18:00", cause="CUSTOMER_CONFIRM_LATE"),
        window(BREACHED, "11-06 18:00", "11-07 18:00", cause="CLERK_ERROR"),
        window(BREACHED, "11-06 18:00", None),
    )

    causes = by_key(report.causes)
    assert {key: str(score.overdue_percent) for key, score in causes.items()} == {
        "CUSTOMER_CONFIRM_LATE": "25.0",
        "CLERK_ERROR": "25.0",
        "NOT_STATED": "25.0",
    }
    assert causes["CUSTOMER_CONFIRM_LATE"].breached_by_customer == 1
    assert causes["CLERK_ERROR"].name_zh == "经办人差错"


def test_each_table_has_a_line_for_each_department_person_profile_and_stage() -> None:
    quality = {"role": Role.QUALITY, "stage": Stage.FINAL_QC, "profile": "GEN", "person": None}
    report = assessed(
        window(KEPT, "11-03 18:00", "11-03 13:00"),
        window(BREACHED, "11-05 18:00", None, **quality),
        titles={"GEN": ("General", "通用")},
    )

    assert [score.key for score in report.departments] == ["quality", "sales"]
    assert by_key(report.departments)["quality"].name_zh == "质检部"
    assert [score.key for score in report.persons or ()] == ["Hua"]
    assert by_key(report.profiles)["GEN"].name_zh == "通用"
    assert {score.key: score.name for score in report.stages} == {
        "L21": "final QC",
        "L07": "confirmation",
    }


def test_fines_and_rewards_add_up_by_currency_wherever_they_belong() -> None:
    late: dict[str, Any] = {"kind": "fine", "role": Role.SALES, "person": "Hua", "profile": "S26"}
    where: dict[str, Any] = {"stage": Stage.CONFIRMATION, "cause": "CLERK_ERROR"}
    sanctions = [
        SanctionFact(**late, **where, amount=Decimal(100), currency="CNY"),
        SanctionFact(**late, **where, amount=Decimal(50), currency="CNY"),
        SanctionFact(**late, **where, amount=Decimal(20), currency="USD"),
        SanctionFact("reward", Role.SALES, None, "S26", None, None, Decimal(30), "CNY"),
    ]

    report = assessed(sanctions=sanctions)

    fines = (Sum(amount=Decimal(150), currency="CNY"), Sum(amount=Decimal(20), currency="USD"))
    rewards = (Sum(amount=Decimal(30), currency="CNY"),)
    sales = by_key(report.departments)["sales"]
    assert (sales.fines, sales.rewards) == (fines, rewards)
    assert by_key(report.persons)["Hua"].rewards == ()
    for scores in (report.persons, report.profiles, report.stages, report.causes):
        [score] = scores or ()
        assert score.fines == fines


def test_the_order_processing_rate_counts_what_had_to_be_finished() -> None:
    orders = [
        OrderFact(OrderState.COMPLETED, at("11-20 00:00"), at("11-19 00:00")),
        OrderFact(OrderState.COMPLETED, at("12-20 00:00"), at("11-30 00:00")),  # early
        OrderFact(OrderState.REFUSED, at("11-25 00:00"), at("11-02 00:00")),
        OrderFact(OrderState.OPEN, at("11-28 00:00"), None),  # late
        OrderFact(OrderState.COMPLETED, at("10-28 00:00"), at("12-05 00:00")),  # late in November
        OrderFact(OrderState.OPEN, at("12-28 00:00"), None),  # not due yet
        OrderFact(OrderState.CANCELLED, at("11-25 00:00"), at("11-03 00:00")),
    ]

    rate = kpi(assessed(orders=orders), "order_processing")

    assert (rate.count, rate.out_of, rate.percent) == (3, 5, Decimal("60.0"))
    assert (rate.target_percent, rate.met) == (Decimal(95), False)
    assert "promised before the end of the period" in rate.definition


def test_a_rate_just_below_its_target_is_not_rounded_up_to_it() -> None:
    done = OrderFact(OrderState.COMPLETED, at("11-20 00:00"), at("11-19 00:00"))
    late = OrderFact(OrderState.OPEN, at("11-20 00:00"), None)

    below = kpi(assessed(orders=[*[done] * 2374, *[late] * 125]), "order_processing")
    reached = kpi(assessed(orders=[*[done] * 95, *[late] * 5]), "order_processing")

    # 2374 of 2499 are 94.998 %.
    assert (below.percent, below.met) == (Decimal("95.0"), False)
    assert (reached.percent, reached.met) == (Decimal("95.0"), True)


def test_on_time_delivery_counts_the_promise_as_it_stands_and_as_it_was() -> None:
    shipments = [
        ShipmentFact(at("11-10 18:00"), at("11-10 18:00"), at("11-10 18:00")),
        ShipmentFact(at("11-12 00:00"), at("11-15 00:00"), at("11-11 00:00")),
        ShipmentFact(at("11-12 00:00"), at("11-11 00:00"), at("11-11 00:00")),
    ]

    report = assessed(shipments=shipments)

    now, first = kpi(report, "on_time_delivery"), kpi(report, "on_time_by_first_promise")
    assert (now.count, now.out_of, now.percent) == (2, 3, Decimal("66.7"))
    assert (first.count, first.percent) == (1, Decimal("33.3"))


def test_inspections_count_each_and_the_first_of_an_order() -> None:
    inspections = [
        InspectionFact(passed=True, first=True),
        InspectionFact(passed=False, first=True),
        InspectionFact(passed=True, first=False),
    ]

    report = assessed(inspections=inspections)

    assert kpi(report, "qc_pass").percent == Decimal("66.7")
    assert kpi(report, "qc_first_pass").percent == Decimal("50.0")


def test_an_empty_period_has_no_rates_and_no_lines() -> None:
    report = assessed()

    assert [one.percent for one in report.kpis] == [None] * 5
    assert [one.met for one in report.kpis] == [None] * 5
    assert report.total.overdue_percent is None
    assert report.departments == ()


def test_a_running_period_is_counted_until_now_and_says_so() -> None:
    noon = at("11-10 12:00")
    orders = [
        OrderFact(OrderState.OPEN, at("11-09 00:00"), None),
        OrderFact(OrderState.OPEN, at("11-28 00:00"), None),  # still has time
    ]

    report = assessed(window(BREACHED, "11-09 12:00", None), now=noon, orders=orders)

    assert (report.complete, report.counted_until) == (False, noon)
    assert report.total.overdue_days == Decimal("1.0")
    assert kpi(report, "order_processing").out_of == 1


def test_a_report_survives_being_kept_as_json() -> None:
    report = assessed(window(BREACHED, "11-05 18:00", "11-06 18:00", cause="OTHER"))

    assert Report.model_validate(report.model_dump(mode="json")) == report


@pytest.mark.parametrize(
    ("values", "median", "ninety"),
    [([7], 7, 7), ([1, 2], 1, 2), (list(range(1, 11)), 5, 9), (list(range(1, 12)), 6, 10)],
)
def test_a_percentile_is_a_value_that_occurred(values: list[int], median: int, ninety: int) -> None:
    numbers = [Decimal(value) for value in reversed(values)]

    assert percentile(numbers, 50) == median
    assert percentile(numbers, 90) == ninety
