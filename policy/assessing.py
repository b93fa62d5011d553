"""From facts to a report (catalogue 4.1, 6.7): pure counting, no database and no clock."""

from datetime import datetime
from decimal import Decimal

from domain.assessment import Facts, Kpi, Report
from domain.orders import OrderState
from domain.periods import Period
from domain.worktime import WorkCalendar
from policy import assessment_words as words
from policy import scoring
from policy.calendars import SHIPPED, calendar

ORDER_PROCESSING_TARGET_PERCENT = Decimal(95)
"""S44: at least 95 % of the orders are processed."""


def assess(period: Period, facts: Facts, now: datetime) -> Report:
    """The assessment of `period` as far as it has gone at `now`."""
    until = min(period.to_at, now)
    judged = scoring.judge(facts.windows, _calendars(facts), period.from_at, until)
    return Report(
        period=str(period),
        from_at=period.from_at,
        to_at=period.to_at,
        counted_until=until,
        complete=until == period.to_at,
        computed_at=now,
        kpis=(
            _order_processing(facts, period.from_at, until),
            *_deliveries(facts),
            *_inspections(facts),
        ),
        total=scoring.total(judged, facts),
        departments=scoring.by_department(judged, facts),
        persons=scoring.by_person(judged, facts),
        profiles=scoring.by_profile(judged, facts),
        stages=scoring.by_stage(judged, facts),
        causes=scoring.by_cause(judged, facts),
        definitions=words.DEFINITIONS,
    )


def _calendars(facts: Facts) -> dict[str, WorkCalendar]:
    """The calendars by label, as they were when the windows were counted with them."""
    return {one.label: one for one in map(calendar, SHIPPED)} | dict(facts.calendars)


def _order_processing(facts: Facts, from_at: datetime, until: datetime) -> Kpi:
    finished = due = 0
    for order in facts.orders:
        ended = order.closed_at is not None and from_at <= order.closed_at < until
        if ended and order.state is OrderState.CANCELLED:
            continue
        due += ended or order.promised_at < until
        finished += ended
    return _kpi(
        "order_processing",
        words.ORDER_PROCESSING,
        (finished, due),
        target=ORDER_PROCESSING_TARGET_PERCENT,
    )


def _deliveries(facts: Facts) -> tuple[Kpi, Kpi]:
    shipped = len(facts.shipments)
    now = sum(one.shipped_at <= one.promised_at for one in facts.shipments)
    first = sum(one.shipped_at <= one.first_promised_at for one in facts.shipments)
    return (
        _kpi("on_time_delivery", words.ON_TIME, (now, shipped)),
        _kpi("on_time_by_first_promise", words.ON_TIME_FIRST, (first, shipped)),
    )


def _inspections(facts: Facts) -> tuple[Kpi, Kpi]:
    passed = [one.passed for one in facts.inspections]
    first = [one.passed for one in facts.inspections if one.first]
    return (
        _kpi("qc_pass", words.QC_PASS, (sum(passed), len(passed))),
        _kpi("qc_first_pass", words.QC_FIRST_PASS, (sum(first), len(first))),
    )


def _kpi(
    key: str, said: words.KpiWords, counted: tuple[int, int], *, target: Decimal | None = None
) -> Kpi:
    count, out_of = counted
    percent = scoring.share(count, out_of)
    return Kpi(
        key=key,
        name=said.name,
        name_zh=said.name_zh,
        count=count,
        out_of=out_of,
        percent=percent,
        target_percent=target,
        # Of the counts: 94.96 % rounds to 95.0 and is not 95.
        met=100 * count >= target * out_of if target is not None and out_of else None,
        definition=said.definition,
        definition_zh=said.definition_zh,
    )
