"""Reports: the running month as it stands, finished periods as they were kept; JSON and Excel."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import httpx
import pytest
from openpyxl import load_workbook

from domain.assessment import Facts, Report, SanctionFact
from domain.periods import Length, Period
from domain.roles import Role
from policy.assessing import assess
from store.reports import keep_report
from store.tables import tasks, windows
from tests.api.conftest import House
from tests.api.factory import fields_of, key_of, order_body, task_row, window_row

NOVEMBER = Period.parse("2025-11")


async def kept_window(house: House, sales: httpx.AsyncClient, person: str) -> None:
    """A window that `person` kept a moment ago."""
    order_id = (await sales.post("/orders", json=order_body())).json()["id"]
    now = datetime.now(UTC)
    started = now - timedelta(hours=1)
    await house.insert(windows, **window_row(order_id, started), state="kept", stopped_at=now)
    await house.insert(
        tasks, **task_row(order_id, started, state="done", decided_by=person, closed_at=now)
    )


async def keep(house: House) -> Report:
    """A report of November 2025 with one fine, as the schedule would have kept it."""
    fine = SanctionFact("fine", Role.SALES, "=1+1", "S26", None, None, Decimal(100), "CNY")
    report = assess(NOVEMBER, Facts(sanctions=[fine]), NOVEMBER.to_at + timedelta(hours=6))
    async with house.engine.begin() as conn:
        await keep_report(conn, report)
    return report


async def test_the_running_month_is_counted_until_now(
    house: House, sales: httpx.AsyncClient
) -> None:
    await kept_window(house, sales, "Hua")

    async with house.client(key_of("control")) as client:
        report = (await client.get("/reports/assessment")).json()

    assert report["period"] == str(Period.around(Length.MONTH, datetime.now(UTC)))
    assert report["complete"] is False
    assert report["total"]["kept"] == 1
    assert [score["key"] for score in report["departments"]] == ["sales"]
    assert [score["key"] for score in report["persons"]] == ["Hua"]
    assert [score["key"] for score in report["stages"]] == ["L07"]
    [processing] = [kpi for kpi in report["kpis"] if kpi["key"] == "order_processing"]
    assert processing["target_percent"] == "95"
    assert "had to be finished" in processing["definition"]


async def test_a_finished_period_shows_the_report_that_was_kept(house: House) -> None:
    kept = await keep(house)

    async with house.client(key_of("leadership")) as client:
        shown = (await client.get("/reports/assessment", params={"period": "2025-11"})).json()

    assert Report.model_validate(shown) == kept
    assert shown["complete"] is True


async def test_a_finished_period_without_a_kept_report_is_counted_when_asked(
    house: House,
) -> None:
    async with house.client(key_of("operations")) as client:
        shown = (await client.get("/reports/assessment", params={"period": "2025-Q4"})).json()

    assert (shown["period"], shown["complete"]) == ("2025-Q4", True)
    assert shown["counted_until"] == shown["to_at"]


@pytest.mark.parametrize(
    ("role", "sees"),
    [
        (Role.CONTROL, True),
        (Role.LEADERSHIP, True),
        (Role.SALES_MANAGER, False),
        (Role.DEPARTMENT_HEAD, False),
        (Role.OPERATIONS, False),
    ],
)
async def test_persons_are_shown_to_those_who_answer_for_pay_and_duty(
    house: House, role: Role, sees: bool
) -> None:
    await keep(house)
    query = {"period": "2025-11"}

    async with house.client(key_of(role)) as client:
        shown = (await client.get("/reports/assessment", params=query)).json()
        file = (await client.get("/reports/assessment.xlsx", params=query)).content

    assert (shown["persons"] is not None) is sees
    assert ("Persons 个人" in load_workbook(BytesIO(file)).sheetnames) is sees


@pytest.mark.parametrize("path", ["/reports/assessment", "/reports/assessment.xlsx"])
@pytest.mark.parametrize(
    ("period", "wrong"),
    [
        ("2026-13", "is no month and no quarter"),
        ("November", "is no month and no quarter"),
        ("", "is no month and no quarter"),
        ("2099-01", "has not begun"),
        ("2099-Q4", "has not begun"),
    ],
)
async def test_a_period_that_is_none_or_to_come_is_refused_with_examples(
    house: House, path: str, period: str, wrong: str
) -> None:
    async with house.client(key_of("control")) as client:
        answer = await client.get(path, params={"period": period})

    problem = answer.json()
    assert answer.status_code == 422
    assert fields_of(problem) == ["period"]
    assert problem["errors"][0]["message"].startswith(wrong)
    assert "2026-11" in problem["errors"][0]["cure"]
    assert "2026-Q4" in problem["errors"][0]["cure"]


async def test_the_excel_file_has_a_sheet_a_table_with_numbers_and_both_languages(
    house: House,
) -> None:
    await keep(house)

    async with house.client(key_of("control")) as client:
        answer = await client.get("/reports/assessment.xlsx", params={"period": "2025-11"})

    assert 'filename="dueline-assessment-2025-11.xlsx"' in answer.headers["content-disposition"]
    book = load_workbook(BytesIO(answer.content))
    assert [name.split()[0] for name in book.sheetnames] == [
        "KPI",
        "Departments",
        "Persons",
        "Profiles",
        "Stages",
        "Causes",
        "Definitions",
    ]
    assert {sheet.freeze_panes for sheet in book} == {"B3"}
    persons = book["Persons 个人"]
    headers = {
        persons.cell(1, column).value: (persons.cell(2, column).value, persons.cell(3, column))
        for column in range(1, persons.max_column + 1)
    }
    chinese, amount = headers["fines CNY"]
    assert (chinese, amount.value, amount.number_format) == ("罚款 CNY", 100, "#,##0.00")
    assert headers["overdue %"][0] == "超期率"
    # A person's name is text, whatever it begins with.
    assert (persons["A3"].value, persons["A3"].data_type) == ("=1+1", "s")
    assert book["KPI 指标"]["F3"].value == 95
