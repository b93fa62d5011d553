"""The assessment of a period: computed, kept, and told to the control department."""

from temporalio import activity

from activities.assessment_models import ASSESS_PERIOD, AssessmentRequest, AssessmentResult
from domain.assessment import Report
from domain.periods import Period
from policy.assessing import assess
from store.assessment import read_facts
from store.engine import Engine
from store.reports import announce_report, keep_report


class Assessments:
    """Computes reports. Needs no effect key: the same period keeps one report and one notice."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @activity.defn(name=ASSESS_PERIOD)
    async def assess_period(self, request: AssessmentRequest) -> AssessmentResult:
        """Keeps the report of the period in place of an earlier one; tells of it once."""
        period = Period.parse(request.period)
        async with self.engine.begin() as conn:
            facts = await read_facts(conn, period.from_at, min(period.to_at, request.now))
            report = assess(period, facts, request.now)
            await keep_report(conn, report)
            text, text_zh = _announcement(report)
            await announce_report(conn, report.period, text, text_zh, request.now)
        breached = report.total.breached + report.total.breached_by_customer
        return AssessmentResult(
            period=report.period, breached=breached, decided=report.total.kept + breached
        )


def _announcement(report: Report) -> tuple[str, str]:
    """The notice in English and in Chinese: figures, and where the rest is."""
    total = report.total
    missed = total.breached + total.breached_by_customer
    decided = total.kept + missed
    processing = report.kpis[0]
    rate = "-" if processing.percent is None else f"{processing.percent} %"
    return (
        f"The assessment of {report.period} is there: {missed} of {decided} windows were "
        f"breached, order processing rate {rate} (target {processing.target_percent} %). "
        f"See `dueline report --period {report.period}`.",
        f"{report.period} 考核报告已生成：已判定时限 {decided} 个，超期 {missed} 个，"
        f"订单处理率 {rate}（目标 {processing.target_percent} %）。"
        f"查看：dueline report --period {report.period}",
    )
