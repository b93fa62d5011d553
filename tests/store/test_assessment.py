"""Assessments read from real rows: who, where, why, and until when."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Table, insert, select

from activities.assessment import Assessments
from activities.assessment_models import AssessmentRequest, AssessmentResult
from domain.assessment import Facts, OrderFact, ShipmentFact
from domain.orders import OrderState
from domain.periods import Period
from domain.roles import Role
from domain.stages import Stage
from domain.windows import WindowState
from policy.assessing import assess
from policy.calendars import shipped
from store import tables
from store.assessment import read_facts
from store.calendars import publish
from store.engine import Engine, create_engine
from store.reports import kept_report
from tests.store.bench import MONDAY, Bench

NOVEMBER = Period.parse("2026-11")
DECEMBER_2 = datetime.fromisoformat("2026-12-02T06:00+08:00")
PROFILE = {
    "title": "Order process time policy",
    "title_zh": "公司订单流程时间管理制度",
    "steps": [{"id": "confirm", "stage": "L07"}, {"id": "qc", "stage": "L21"}],
}


def at(text: str) -> datetime:
    """An instant in Shanghai: `11-03 09:00`."""
    return datetime.fromisoformat(f"2026-{text}+08:00")


class Ledger:
    """A database with one customer and one profile, to which a test adds rows."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def add(self, table: Table, **row: Any) -> None:
        async with self.engine.begin() as conn:
            await conn.execute(insert(table).values(**row))

    async def order(self, order_id: str = "o1", **changed: Any) -> str:
        row = {
            "id": order_id,
            "profile_digest": "d1",
            "profile": "S08",
            "customer": "C-0001",
            "body": {},
            "amount": Decimal(100),
            "currency": "CNY",
            "promised_at": at("11-20 18:00"),
            "rush": False,
            "received_at": at("11-02 09:00"),
            "updated_at": at("11-02 09:00"),
        }
        await self.add(tables.orders, **{**row, **changed})
        return order_id

    async def window(self, key: str, state: WindowState, due: str, **changed: Any) -> str:
        step = changed.get("step", "confirm")
        row = {
            "key": key,
            "order_id": "o1",
            "rule": f"S08.{step}",
            "step": step,
            "role": "sales",
            "limit": "3h",
            "calendar": "cn@1",
            "provisional": False,
            "started_at": at(due) - timedelta(hours=3),
            "due_at": at(due),
            "explanation": "3 working hours.",
            "state": state.value,
        }
        await self.add(tables.windows, **{**row, **changed})
        return key

    async def answer(self, task_id: str, by: str, closed: str, **changed: Any) -> None:
        row = {
            "id": task_id,
            "workflow_id": "order-o1",
            "order_id": "o1",
            "step": "confirm",
            "visit": 1,
            "role": "sales",
            "title": "Confirm",
            "title_zh": "订单信息确认",
            "outcomes": ["done"],
            "requires": [],
            "state": "done",
            "opened_at": at("11-02 09:00"),
            "decided_by": by,
            "closed_at": at(closed),
        }
        await self.add(tables.tasks, **{**row, **changed})

    async def case(self, window: str, cause: str | None) -> str:
        case_id = f"case-{window.replace('/', '.')}"
        await self.add(
            tables.overdue_cases,
            id=case_id,
            order_id="o1",
            window=window,
            role="sales",
            cause=cause,
            opened_at=at("11-05 10:00"),
        )
        return case_id

    async def facts(self, period: Period = NOVEMBER) -> Facts:
        async with self.engine.connect() as conn:
            return await read_facts(conn, period.from_at, period.to_at)

    async def assess(self) -> AssessmentResult:
        request = AssessmentRequest(period=str(NOVEMBER), now=DECEMBER_2)
        return await Assessments(self.engine).assess_period(request)

    async def notices(self) -> list[dict[str, Any]]:
        async with self.engine.connect() as conn:
            return [dict(row) for row in (await conn.execute(select(tables.outbox))).mappings()]


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    engine = create_engine(database_url, pool_size=2)
    opened = Ledger(engine)
    await opened.add(tables.customers, code="C-0001", name="C-0001", currency="CNY")
    await opened.add(tables.profile_versions, digest="d1", profile="S08", version=1, body=PROFILE)
    yield opened
    await engine.dispose()


async def test_a_window_comes_with_its_stage_its_cause_its_person_and_its_warning(
    ledger: Ledger,
) -> None:
    await ledger.order()
    late = await ledger.window(
        "o1/confirm/2", WindowState.BREACHED, "11-05 10:00", stopped_at=at("11-05 12:00")
    )
    await ledger.add(
        tables.marks,
        window=late,
        mark="warning",
        due_at=at("11-05 09:00"),
        recorded_at=at("11-05 09:00"),
    )
    await ledger.case(late, "CLERK_ERROR")
    await ledger.answer("o1.confirm.1.sales", "Hua", "11-04 12:00")
    await ledger.answer("o1.confirm.2.sales", "Lin", "11-05 12:00", visit=2)
    await ledger.answer("o1.confirm.2.quality", "Mei", "11-05 12:30", visit=2, role="quality")

    [fact] = (await ledger.facts()).windows

    assert (fact.role, fact.person, fact.profile) == (Role.SALES, "Lin", "S08")
    assert (fact.stage, fact.cause, fact.warned) == (Stage.CONFIRMATION, "CLERK_ERROR", True)


async def test_a_review_is_charged_to_whoever_answered_last(ledger: Ledger) -> None:
    await ledger.order()
    await ledger.window(
        "o1/confirm/1", WindowState.KEPT, "11-05 10:00", stopped_at=at("11-05 09:00")
    )
    await ledger.answer("o1.confirm.1.production", "Wei", "11-05 08:00", role="production")
    await ledger.answer("o1.confirm.1.finance", "Mei", "11-05 09:00", role="finance")

    [fact] = (await ledger.facts()).windows

    assert fact.person == "Mei"


async def test_the_windows_of_an_overdue_case_belong_to_the_assessment_stage(
    ledger: Ledger,
) -> None:
    await ledger.order()
    late = await ledger.window("o1/confirm/1", WindowState.BREACHED, "10-30 10:00")
    case_id = await ledger.case(late, None)
    await ledger.window(
        f"{case_id}/cause",
        WindowState.KEPT,
        "11-02 10:00",
        step="cause",
        stopped_at=at("11-02 09:30"),
    )
    await ledger.answer(f"{case_id}.cause", "Hua", "11-02 09:30", workflow_id=case_id, step="cause")

    overdue, cause = (await ledger.facts()).windows

    assert (cause.stage, cause.person, cause.cause) == (Stage.ASSESSMENT, "Hua", None)
    assert (overdue.stage, overdue.person) == (Stage.CONFIRMATION, None)


async def test_only_what_touches_the_period_is_read(ledger: Ledger) -> None:
    await ledger.order()
    start, end = NOVEMBER.from_at, NOVEMBER.to_at
    second = timedelta(seconds=1)
    for name, state, due, stopped_at in (
        ("kept_before", WindowState.KEPT, "10-31 23:00", start - second),
        ("kept_first", WindowState.KEPT, "11-02 10:00", start),
        ("kept_last", WindowState.KEPT, "12-02 10:00", end - second),
        ("kept_after", WindowState.KEPT, "12-02 10:00", end),
        ("over_before", WindowState.BREACHED, "10-20 10:00", start - second),
        ("carried", WindowState.BREACHED, "10-20 10:00", end + second),
        ("still_open", WindowState.OPEN, "11-20 10:00", None),
        ("breached_after", WindowState.BREACHED, "12-01 10:00", None),
    ):
        key = f"o1/confirm/{name}"
        await ledger.window(key, state, due, stopped_at=stopped_at, rule=name)

    facts = await ledger.facts()

    touching = {(fact.state, fact.stopped_at) for fact in facts.windows}
    assert touching == {
        (WindowState.KEPT, start),
        (WindowState.KEPT, end - second),
        (WindowState.BREACHED, end + second),
        (WindowState.BREACHED, None),  # over, and the workers may just be down
    }


async def test_orders_shipments_inspections_and_sanctions_of_the_period_are_read(
    ledger: Ledger,
) -> None:
    await ledger.order()
    await ledger.order("gone", state="completed", closed_at=at("10-31 10:00"))
    await ledger.order("later", received_at=at("12-01 00:00"))
    for number, (key, due) in enumerate((("first", "11-15 18:00"), ("second", "11-20 18:00"))):
        promise = await ledger.window(
            f"o1/promise/{number}", WindowState.OPEN, due, limit="promised", step="qc"
        )
        await ledger.add(
            tables.window_ledger,
            key=key,
            window=promise,
            order_id="o1",
            at=at("11-02 09:00"),
            kind="opened",
            due_after=at(due),
            calendar="cn@1",
        )
    shipped = {"order_id": "o1", "state": "shipped", "released_at": at("11-16 09:00")}
    await ledger.add(
        tables.shipments, step_key="o1/ship/1", **shipped, shipped_at=at("11-16 10:00")
    )
    for visit, passed in ((1, False), (2, True)):
        await ledger.add(
            tables.inspections,
            step_key=f"o1/qc/{visit}",
            order_id="o1",
            passed=passed,
            inspected_at=at(f"11-1{visit} 10:00"),
        )
    late = await ledger.window("o1/qc/1", WindowState.BREACHED, "11-10 10:00", step="qc")
    case_id = await ledger.case(late, "QUALITY_REWORK")
    fine = {
        "order_id": "o1",
        "profile": "S08",
        "rule": "S26.W01",
        "reason": "late",
        "role": "quality",
    }
    for key, case in (("fine", case_id), ("reward", None)):
        await ledger.add(
            tables.performance_ledger,
            key=key,
            case_id=case,
            kind=key,
            **fine,
            amount=Decimal(100),
            currency="CNY",
            at=at("11-12 10:00"),
        )

    facts = await ledger.facts()

    assert facts.orders == [OrderFact(OrderState.OPEN, at("11-20 18:00"), None)]
    assert facts.shipments == [
        ShipmentFact(at("11-16 10:00"), at("11-20 18:00"), at("11-15 18:00"))
    ]
    assert [(one.passed, one.first) for one in facts.inspections] == [(False, True), (True, False)]
    charged = [(one.kind, one.stage, one.cause, one.amount) for one in facts.sanctions]
    assert charged == [
        ("fine", Stage.FINAL_QC, "QUALITY_REWORK", Decimal(100)),
        ("reward", None, None, Decimal(100)),
    ]
    assert facts.titles == {"S08": (PROFILE["title"], PROFILE["title_zh"])}


async def test_assessing_again_brings_the_report_up_to_date_and_tells_control_once(
    ledger: Ledger,
) -> None:
    await ledger.order()
    late = await ledger.window("o1/confirm/1", WindowState.BREACHED, "11-05 10:00")
    await ledger.window(
        "o1/qc/1", WindowState.KEPT, "11-05 10:00", step="qc", stopped_at=at("11-05 09:00")
    )
    first = await ledger.assess()
    await ledger.case(late, "CUSTOMER_CONFIRM_LATE")

    again = await ledger.assess()

    async with ledger.engine.connect() as conn:
        report = await kept_report(conn, "2026-11")
    assert report is not None
    assert first == again == AssessmentResult(period="2026-11", breached=1, decided=2)
    assert (report.complete, report.computed_at) == (True, DECEMBER_2)
    assert (report.total.breached, report.total.breached_by_customer) == (0, 1)
    [notice] = await ledger.notices()
    assert (notice["key"], notice["to_role"]) == ("assessment/2026-11", "control")
    assert notice["order_id"] is None
    assert "1 of 2 windows" in notice["text"]
    assert "考核" in notice["text_zh"]


async def test_time_used_counts_on_the_calendar_version_that_the_window_names(
    ledger: Ledger,
) -> None:
    await ledger.order()
    spec = shipped("cn")
    async with ledger.engine.begin() as conn:
        await publish(conn, spec, 2, digest="d", by="control")
    body = {
        "key": "o1/confirm/1",
        "rule": "S08.confirm",
        "step": "confirm",
        "role": "sales",
        "limit": "3h",
        "started_at": at("11-05 09:00").isoformat(),
        "due_at": at("11-05 12:00").isoformat(),
        "marks": [{"mark": "breach", "at": at("11-05 12:00").isoformat()}],
        "calendar": "cn@2",
    }
    await ledger.window(
        "o1/confirm/1", WindowState.KEPT, "11-05 12:00", stopped_at=at("11-05 09:45"), body=body
    )

    report = assess(NOVEMBER, await ledger.facts(), DECEMBER_2)

    assert report.total.used_p50_percent == Decimal("25.0")


async def test_an_order_that_departments_worked_on_is_assessed_from_its_own_rows(
    bench: Bench,
) -> None:
    order = await bench.order()
    await order.advance_to("entry")
    bench.now = MONDAY + timedelta(minutes=30)
    await order.advance_to("confirm")
    bench.now = MONDAY + timedelta(hours=6)
    await order.advance_to("review")
    bench.now += timedelta(minutes=1)
    march = Period.parse("2026-03")

    async with bench.engine.connect() as conn:
        facts = await read_facts(conn, march.from_at, bench.now)
    report = assess(march, facts, bench.now)

    # Entry: half an hour of one. Confirmation: 09:30 to 15:00 without noon, four hours of three.
    assert (report.total.kept, report.total.breached) == (1, 1)
    assert report.total.used_p50_percent == Decimal("50.0")
    assert report.total.used_p90_percent == Decimal("133.3")
    assert [score.key for score in report.persons or ()] == ["desk"]
    assert [score.key for score in report.profiles] == ["S08"]
    assert report.stages[0].key == Stage.CONFIRMATION.value
