"""An assessment as an Excel file: a sheet a table, headers in both languages, real numbers."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import NamedTuple

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from domain.assessment import Kpi, Report, Score, Sum
from domain.periods import COMPANY_ZONE

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

COUNT, PERCENT, DAYS, MONEY, TEXT = "#,##0", '0.0"%"', "0.0", "#,##0.00", "@"
WIDE, NARROW, PROSE = 26, 14, 70
HEADER_ROWS, FIRST_CELL = 2, "B3"  # both headers and the first column stay in sight
_BOLD, _WRAPPED = Font(bold=True), Alignment(wrap_text=True, vertical="top")

Cell = str | int | Decimal | None


class Column(NamedTuple):
    """A column: both headers, its number format and its width in characters."""

    name: str
    name_zh: str
    format: str
    width: int = NARROW


SCORE_COLUMNS = (
    Column("key", "代码", TEXT, WIDE),
    Column("name", "名称（英文）", TEXT, WIDE),
    Column("name (Chinese)", "名称", TEXT, WIDE),
    Column("kept", "按时", COUNT),
    Column("warned", "已预警", COUNT),
    Column("breached", "超期", COUNT),
    Column("breached by customer", "客户原因超期", COUNT),
    Column("given up", "作废", COUNT),
    Column("overdue %", "超期率", PERCENT),
    Column("time used p50 %", "用时占比 p50", PERCENT),
    Column("time used p90 %", "用时占比 p90", PERCENT),
    Column("overdue days", "超期天数", DAYS),
    Column("longest, days", "最长超期天数", DAYS),
)
KPI_COLUMNS = (
    Column("indicator", "指标（英文）", TEXT, WIDE),
    Column("indicator (Chinese)", "指标", TEXT, WIDE),
    Column("count", "完成数", COUNT),
    Column("out of", "总数", COUNT),
    Column("percent", "比率", PERCENT),
    Column("target", "目标", PERCENT),
    Column("reached", "是否达标", TEXT),
    Column("definition", "定义（英文）", TEXT, PROSE),
    Column("definition (Chinese)", "定义", TEXT, PROSE),
)
DEFINITION_COLUMNS = (
    Column("term", "术语（英文）", TEXT, WIDE),
    Column("term (Chinese)", "术语", TEXT, WIDE),
    Column("definition", "定义（英文）", TEXT, PROSE),
    Column("definition (Chinese)", "定义", TEXT, PROSE),
)


def workbook(report: Report) -> bytes:
    """The file. The sheet of persons is left out when the report has none."""
    book = Workbook()
    book.remove(book.worksheets[0])
    _fill(book, "KPI 指标", KPI_COLUMNS, map(_kpi_row, report.kpis))
    tables: dict[str, Sequence[Score] | None] = {
        "Departments 部门": (*report.departments, report.total),
        "Persons 个人": report.persons,
        "Profiles 制度": report.profiles,
        "Stages 阶段": report.stages,
        "Causes 原因": report.causes,
    }
    for title, scores in tables.items():
        if scores is not None:
            money = _money_columns(scores)
            rows = [_score_row(score, money) for score in scores]
            _fill(book, title, (*SCORE_COLUMNS, *map(_money_column, money)), rows)
    _fill(book, "Definitions 定义", DEFINITION_COLUMNS, _definition_rows(report))
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def _fill(
    book: Workbook, title: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]
) -> None:
    sheet: Worksheet = book.create_sheet(title)
    sheet.append([column.name for column in columns])
    sheet.append([column.name_zh for column in columns])
    for row in rows:
        sheet.append(list(row))
    for number, column in enumerate(columns, start=1):
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = column.width
        for place, cell in enumerate(sheet[letter]):
            cell.alignment = _WRAPPED
            if place < HEADER_ROWS:
                cell.font = _BOLD
                continue
            cell.number_format = column.format
            if isinstance(cell.value, str):
                cell.data_type = "s"  # a person named "=1+1" is no formula
    sheet.freeze_panes = FIRST_CELL


def _money_columns(scores: Sequence[Score]) -> list[tuple[str, str]]:
    """Fines and rewards in each currency that occurs."""
    fines = {one.currency for score in scores for one in score.fines}
    rewards = {one.currency for score in scores for one in score.rewards}
    return [("fines", code) for code in sorted(fines)] + [
        ("rewards", code) for code in sorted(rewards)
    ]


def _money_column(kind_and_currency: tuple[str, str]) -> Column:
    kind, currency = kind_and_currency
    zh = "罚款" if kind == "fines" else "奖励"
    return Column(f"{kind} {currency}", f"{zh} {currency}", MONEY)


def _score_row(score: Score, money: Sequence[tuple[str, str]]) -> list[Cell]:
    return [
        score.key,
        score.name,
        score.name_zh,
        score.kept,
        score.warned,
        score.breached,
        score.breached_by_customer,
        score.given_up,
        score.overdue_percent,
        score.used_p50_percent,
        score.used_p90_percent,
        score.overdue_days,
        score.overdue_longest_days,
        *(_amount(score.fines if kind == "fines" else score.rewards, code) for kind, code in money),
    ]


def _amount(sums: Iterable[Sum], currency: str) -> Decimal | None:
    return next((one.amount for one in sums if one.currency == currency), None)


def _kpi_row(kpi: Kpi) -> list[Cell]:
    reached = {None: "-", True: "yes 是", False: "no 否"}[kpi.met]
    return [
        kpi.name,
        kpi.name_zh,
        kpi.count,
        kpi.out_of,
        kpi.percent,
        kpi.target_percent,
        reached,
        kpi.definition,
        kpi.definition_zh,
    ]


def _definition_rows(report: Report) -> list[list[Cell]]:
    counted_until = _said(report.counted_until)
    running = "" if report.complete else "; the period still runs"
    running_zh = "" if report.complete else "（本期尚未结束）"
    span = f"{_said(report.from_at)} to {counted_until}{running}"
    span_zh = f"{_said(report.from_at)} 至 {counted_until}{running_zh}"
    return [
        [f"assessment of {report.period}", f"{report.period} 考核", span, span_zh],
        *(list[Cell]((d.term, d.term_zh, d.text, d.text_zh)) for d in report.definitions),
    ]


def _said(at: datetime) -> str:
    return at.astimezone(COMPANY_ZONE).isoformat(sep=" ", timespec="minutes")
