"""`dueline report` against the API over HTTP: tables, JSON, an Excel file."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook

from domain.assessment import Facts, OrderFact, Report, SanctionFact
from domain.errors import DuelineError
from domain.orders import OrderState
from domain.periods import Period
from domain.roles import Role
from ops.commands_report import report
from policy.assessing import assess
from store.reports import keep_report
from tests.api.conftest import House
from tests.api.factory import key_of

NOVEMBER = Period.parse("2025-11")


@pytest.fixture
async def kept(house: House) -> Report:
    """A report of November 2025: one order of two was processed, one person was fined."""
    promised = NOVEMBER.from_at + timedelta(days=9)
    facts = Facts(
        orders=[
            OrderFact(OrderState.COMPLETED, promised, promised),
            OrderFact(OrderState.OPEN, promised, None),
        ],
        sanctions=[
            SanctionFact("fine", Role.SALES, "[red]Hua", "S26", None, None, Decimal(100), "CNY")
        ],
    )
    made = assess(NOVEMBER, facts, NOVEMBER.to_at)
    async with house.engine.begin() as conn:
        await keep_report(conn, made)
    return made


async def test_the_tables_show_indicators_with_their_target_and_what_they_count(
    address: str, kept: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    await report(period="2025-11", api=address, key=key_of("control"))

    printed = capsys.readouterr().out
    assert "1 of 2" in printed
    assert "95 missed" in printed
    assert "██████████··········" in printed
    assert "had to be finished" in printed
    assert "[red]Hua" in printed
    assert "100.00 CNY" in printed


async def test_one_table_alone_is_cut_as_asked(
    address: str, kept: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    await report(period="2025-11", by="department", api=address, key=key_of("sales_manager"))

    printed = capsys.readouterr().out
    assert "销售部" in printed
    assert "By person" not in printed


async def test_persons_that_a_key_may_not_see_are_said_to_be_hidden(
    address: str, kept: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    await report(period="2025-11", by="person", api=address, key=key_of("sales_manager"))

    printed = capsys.readouterr().out
    assert "shown to control and leadership only" in printed
    assert "Hua" not in printed


async def test_json_is_the_report_as_the_api_gives_it(
    address: str, kept: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    await report(period="2025-11", as_json=True, api=address, key=key_of("control"))

    assert Report.model_validate(json.loads(capsys.readouterr().out)) == kept


async def test_the_excel_file_is_saved_where_it_was_asked_for(
    address: str, kept: Report, tmp_path: Path
) -> None:
    file = tmp_path / "november.xlsx"

    await report(period="2025-11", xlsx=file, api=address, key=key_of("control"))

    assert load_workbook(file)["KPI 指标"]["E3"].value == 50


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("november.csv", "write november.xlsx"), ("nowhere/november.xlsx", "cannot be written")],
)
async def test_a_file_that_cannot_be_is_refused_in_a_sentence(
    address: str, kept: Report, tmp_path: Path, name: str, complaint: str
) -> None:
    with pytest.raises(DuelineError, match=complaint):
        await report(period="2025-11", xlsx=tmp_path / name, api=address, key=key_of("control"))


async def test_a_wrong_period_is_refused_with_examples(address: str) -> None:
    with pytest.raises(DuelineError, match=r"period: .*2026-11.*2026-Q4"):
        await report(period="last month", api=address, key=key_of("control"))
