"""Marks of windows (catalogue 4.4): each is recorded once, and told once to each listener."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from temporalio import activity

from activities.case_starter import EscalateCase, StartCase
from activities.deposits import deposit_breach
from activities.follow_up_kinds import step_of_rule
from activities.ladder import listeners, rung_of
from activities.models import RECORD_MARKS, MarkDue, MarksRecord
from activities.order_file import Department, Keyed, OrderFile
from activities.transitions import show_standing
from domain.follow_ups import PREFIX
from domain.roles import Role
from domain.windows import Mark
from store import cases, windows
from store.effects import repeats_key
from store.engine import Engine

_SAID = {
    Mark.REMINDER: ("is coming due", "临近到期"),
    Mark.WARNING: ("is at risk", "预警"),
    Mark.BREACH: ("is overdue", "已超期"),
    Mark.ANALYSIS: ("is still overdue and needs an analysis", "仍超期，须做原因分析"),
    Mark.LEADERSHIP: ("is still overdue and goes to the leadership", "仍超期，报总经理"),
    Mark.DUE_DATE: ("has missed the promised date", "交货期已过，须与客户重新商定"),
}

FOLDED_ABOVE = 3
"""More notices than this for one role at one moment become one: an outage that ends, or many
windows of one order at once, are no reason to send ten."""


class DueLineKeeper(Department):
    """Records marks, tells the ladder's listeners, starts and drives overdue cases."""

    def __init__(self, engine: Engine, start_case: StartCase, escalate_case: EscalateCase) -> None:
        super().__init__(engine)
        self.start_case = start_case
        self.escalate_case = escalate_case

    @activity.defn(name=RECORD_MARKS)
    async def record_marks(self, record: MarksRecord) -> None:
        """Records what has fallen, in order; marks that are recorded already are passed over.

        A mark that never fell, because its window was stopped before, is told to nobody and opens
        no case. How the order stands afterwards is read from its windows, under the same lock as
        the step that may just have been left.
        """
        # The key under which it stands how often the order was reset comes with the lock.
        keyed = Keyed(record.order_id, repeats_key(record.order_id), record.now)
        fell: dict[tuple[str, Mark], windows.Marked] = {}
        async with self.open_file(keyed) as file:
            told: dict[Role, list[_Notice]] = defaultdict(list)
            for mark in record.marks:
                if _overtaken(record, mark, file):
                    continue
                marked = await windows.record_mark(
                    file.conn, mark.window, mark.name, mark.at, file.now
                )
                if marked is not windows.Marked.NEVER_FELL:
                    fell[mark.window, mark.mark] = marked
                if marked is windows.Marked.NEW:
                    await deposit_breach(file, mark)
                    for notice in await _notices(file, mark):
                        told[notice.role].append(notice)
            for notices in told.values():
                for notice in _folded(file, notices):
                    file.tell(notice.role, notice.kind, notice.text, key=notice.key, zh=notice.zh)
            await show_standing(file, marked=True)
            again = any(marked is windows.Marked.BEFORE for marked in fell.values())
            opened = await cases.opened(file.conn, file.id) if again else {}
        # After the commit: a case finds its window breached. A crash in between comes back here.
        await asyncio.gather(
            *(
                self.start_case(case)
                for case in record.cases
                if (case.window.key, Mark.BREACH) in fell and case.case_id not in opened
            )
        )
        await asyncio.gather(
            *(
                self.escalate_case(more)
                for more in record.escalations
                if (more.case.window.key, more.mark) in fell
                and not opened.get(more.case.case_id, False)
            )
        )


def _overtaken(record: MarksRecord, mark: MarkDue, file: OrderFile) -> bool:
    """Whether the order was reset, and the run that says so does not know of it yet.

    Between the reset and the message that tells of it a window looks older than it is.
    """
    reset = file.row.effect
    if reset is None or not mark.window.startswith(f"{file.id}/"):
        return False
    knows = record.repeats >= int(reset["count"])
    return not knows and activity.info().workflow_run_id != reset["origin"]


@dataclass(frozen=True)
class _Notice:
    role: Role
    kind: str
    key: str
    text: str
    zh: str


async def _notices(file: OrderFile, mark: MarkDue) -> list[_Notice]:
    """The mark's line in the story, and what each listener is told of it."""
    window = await windows.find_window(file.conn, mark.window)
    of_order = mark.window.startswith(f"{file.id}/")
    what, what_zh = _named(file, mark.window, window)
    said, said_zh = _SAID[mark.mark]
    due = file.said(window.due_at)
    text = f"{what} {said}: due {due} ({window.rule})"
    kind, key = f"window_{mark.mark.value}", f"{mark.window}/{mark.name}"
    data = {"window": mark.window, "rule": window.rule, "due_at": window.due_at.isoformat()}
    file.note(kind, text, key=key, step=window.step if of_order else None, data=data)
    rung = rung_of(file, mark.mark)
    told = await listeners(file, rung, window.role)
    if mark.mark is Mark.REMINDER and rung is None:
        told = [window.role]
    # What is beside the order is the company's own business.
    if mark.mark is Mark.WARNING and file.profile.customer_notice == "on_warning" and of_order:
        told.append(Role.CUSTOMER)
    if not of_order:
        told = [role for role in told if role is not Role.CUSTOMER]
    action = f". {rung.action}" if rung else ""
    zh = f"{file.name_zh}：{what_zh}{said_zh}，应于 {due} 前完成（{window.rule}）"
    action_zh = f"。{rung.action_zh}" if rung and rung.action_zh else ""
    return [
        _Notice(
            role=role,
            kind=kind,
            key=f"{key}/{role.value}",
            text=f"{file.name}: {text}" + ("" if role is Role.CUSTOMER else action),
            zh=zh + ("" if role is Role.CUSTOMER else action_zh),
        )
        for role in dict.fromkeys(told)
    ]


def _named(file: OrderFile, key: str, window: windows.WindowRow) -> tuple[str, str]:
    """What a window is about, in English and in Chinese."""
    if key.startswith(f"{file.id}/"):
        step = file.profile.step(window.step)
        return step.title, step.title_zh
    if key.startswith(PREFIX) and (asked := step_of_rule(file.profile, window.rule)) is not None:
        return asked.title, asked.title_zh
    return f"overdue case, {window.step}", "超期处理"


def _folded(file: OrderFile, notices: list[_Notice]) -> list[_Notice]:
    """One notice in place of many to the same role; each is still named in it, in order."""
    if len(notices) <= FOLDED_ABOVE:
        return notices
    first, count = notices[0], len(notices)
    prefix, prefix_zh = f"{file.name}: ", f"{file.name_zh}："
    lines = [notice.text.removeprefix(prefix) for notice in notices]
    lines_zh = [notice.zh.removeprefix(prefix_zh) for notice in notices]
    return [
        _Notice(
            role=first.role,
            kind="windows_many",
            key=f"{first.key}/and_{count - 1}_more",
            text=f"{prefix}{count} things at once\n" + "\n".join(lines),
            zh=f"{prefix_zh}{count} 项\n" + "\n".join(lines_zh),
        )
    ]


async def tell_of(file: OrderFile, mark: MarkDue) -> int:
    """Queues what a mark that is recorded has to tell, to whom it may concern; how many notices.

    What was queued before is not queued again.
    """
    notices = await _notices(file, mark)
    for notice in notices:
        file.tell(notice.role, notice.kind, notice.text, key=notice.key, zh=notice.zh)
    return len(notices)
