"""What an assessment's figures mean, in both languages: the words stand beside the figures."""

from typing import NamedTuple

from domain.assessment import Definition
from domain.causes import Cause

NOT_STATED = "NOT_STATED"
"""The cause of a breach that nobody has explained yet."""


class KpiWords(NamedTuple):
    """The name of an indicator and how it is counted."""

    name: str
    name_zh: str
    definition: str
    definition_zh: str


ORDER_PROCESSING = KpiWords(
    "Order processing rate",
    "订单处理率",
    "Of the orders that had to be finished (promised before the end of the period and still open "
    "in it, or finished in it), how many were completed or refused in it. Cancelled orders do "
    "not count.",
    "期内应办结订单（交货期在期末之前且期内未结，或已在期内办结）中，期内完成或拒绝的比例；取消的订单不计。",
)
ON_TIME = KpiWords(
    "On-time delivery",
    "准时交货率",
    "Of the orders shipped in the period, how many left by the promised date as it stands now.",
    "期内发货订单中，按现行交货期准时发货的比例。",
)
ON_TIME_FIRST = KpiWords(
    "On-time delivery by the first promise",
    "按最初交货期的准时交货率",
    "The same by the date that was promised first, where the date was moved later.",
    "同上，但交货期变更过的订单按最初承诺的交货期计算。",
)
QC_PASS = KpiWords(
    "Inspection pass rate",
    "检验合格率",
    "Of the inspections made in the period, how many passed.",
    "期内检验中合格的比例。",
)
QC_FIRST_PASS = KpiWords(
    "First-time pass rate",
    "一次检验合格率",
    "Of the orders inspected for the first time in the period, how many passed at once.",
    "期内首次检验的订单中，一次合格的比例。",
)

DEFINITIONS = (
    Definition(
        term="period",
        term_zh="归属期",
        text="A window counts in the period in which it was decided: a kept or given-up one when "
        "it stopped, a breached one when it was due. So it counts in exactly one period.",
        text_zh="时限按判定时间归属：按时完成或作废的按停止时间，超期的按到期时间，每个时限只归属一期。",
    ),
    Definition(
        term="breached, by customer",
        term_zh="超期、客户原因超期",
        text="Windows missed. Those whose overdue case has a CUSTOMER_ cause stand apart and "
        "charge nobody inside: the department and person tables leave them out of time used and "
        "days overdue, too.",
        text_zh="超过时限的数量。原因代码以 CUSTOMER_ 开头的单列，不计入内部责任；"
        "部门表和个人表的用时与超期天数也不含。",
    ),
    Definition(
        term="overdue %",
        term_zh="超期率",
        text="Breached of kept and breached; in the table of causes, of all windows decided.",
        text_zh="超期数占（按时＋超期）的比例；原因表中为占全部已判定时限的比例。",
    ),
    Definition(
        term="warned",
        term_zh="已预警",
        text="Decided windows that had reached their warning mark (E0).",
        text_zh="已判定时限中到达过预警点（E0）的数量。",
    ),
    Definition(
        term="given up",
        term_zh="作废",
        text="Windows that ended because their order was refused or cancelled, or because the "
        "promised date moved. Neither kept nor breached.",
        text_zh="因订单拒绝、取消或交货期变更而终止的时限，不计按时也不计超期。",
    ),
    Definition(
        term="time used",
        term_zh="用时占比",
        text="Time used in percent of the limit, in the window's own clock without pauses; for "
        "a date, elapsed time since the start in percent of the time until it. p50 is the middle "
        "window, p90 the one that nine of ten stay below or reach.",
        text_zh="按时限自身时钟计算的用时占限额的百分比，不含暂停；日期类时限按自然时间计算。"
        "p50 为中位，p90 为十分之九不超过的值。",
    ),
    Definition(
        term="overdue days",
        term_zh="超期天数",
        text="Elapsed days of this period during which windows stood overdue, those breached "
        "before it included; the months of a quarter add up. Longest: the longest one since it "
        "was due.",
        text_zh="期内处于超期状态的自然天数之和，含期前已超期的时限，各月之和等于季度；最长为单个时限自到期起的天数。",
    ),
    Definition(
        term="person",
        term_zh="个人",
        text="Who gave the answer that ended the window; windows nobody answered are left out.",
        text_zh="以最后答复该任务的人员计；无人答复的时限不计入。",
    ),
)


def cause_words(code: str) -> tuple[str, str]:
    """A cause as readers say it, in English and in Chinese."""
    if code == NOT_STATED:
        return "not stated yet", "未说明"
    return Cause(code).words, Cause(code).zh
