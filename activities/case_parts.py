"""What an overdue case asks for, whom and until when: a task with a window for each part."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from activities.case_models import CaseOpening, CasePart
from activities.clocks import timepieces
from activities.models import Entered, StepVisit
from activities.opening import announce
from activities.order_file import OrderFile
from domain.causes import Cause
from domain.roles import Role
from policy.deadlines import open_window
from policy.window import Window
from store import cases, tasks, windows
from store.cases import CaseState

TITLES = {
    CasePart.CAUSE: ("Cause of an overdue window", "超期原因"),
    CasePart.ANALYSIS: ("Analysis and corrective action", "超期原因分析与整改措施"),
    CasePart.MEASURE: ("Corrective action", "整改措施落实"),
    CasePart.DECISION: ("Decision on an overdue window", "超期处理决策"),
    CasePart.CLOSING: ("Closing of an overdue case", "超期结案"),
}

OUTCOMES = {
    CasePart.CAUSE: tuple(cause.value for cause in Cause),
    CasePart.ANALYSIS: ("analysed",),
    CasePart.MEASURE: ("done", "failed"),
    CasePart.DECISION: ("resources", "re_plan", "outsource", "new_date"),
    CasePart.CLOSING: ("closed",),
}

REQUIRES = {
    CasePart.CAUSE: ("OTHER.note",),
    CasePart.ANALYSIS: ("analysis", "measure", "owner", "until"),
    CasePart.MEASURE: (),
    CasePart.DECISION: ("new_date.promised_at",),
    CasePart.CLOSING: ("responsible",),
}


@dataclass(frozen=True)
class Asked:
    """Who is asked within which window; `until` is the date on which the window hangs, if any."""

    role: Role
    window: Window
    until: datetime | None
    facts: dict[str, Any]


async def ask(file: OrderFile, opening: CaseOpening, part: CasePart) -> Entered:
    """Opens the part's task and its window; nothing where the profile does not ask for it."""
    asked = await _asked(file, opening, part)
    if asked is None:
        return Entered()
    late = await windows.find_window(file.conn, opening.window)
    pieces = await timepieces(file, asked.window)
    if asked.until is not None:
        pieces = replace(pieces, dates={**pieces.dates, "agreed": asked.until})
    window = open_window(
        pieces,
        asked.window,
        file.profile.ladder,
        key=f"{opening.case_id}/{part}",
        step=part,
        role=asked.role,
        started_at=file.now,
    )
    file.opened_windows.append(window)
    facts = {"window": opening.window, "rule": late.rule, "step": late.step, "role": late.role}
    title, title_zh = TITLES[part]
    task = tasks.NewTask(
        id=f"{opening.case_id}.{part}",
        workflow_id=opening.case_id,
        step=part,
        visit=1,
        role=asked.role,
        title=f"{title}: {late.rule}",
        title_zh=f"{title_zh}：{late.rule}",
        outcomes=OUTCOMES[part],
        requires=REQUIRES[part],
        facts={**facts, "due_at": file.said(late.due_at), **asked.facts},
        opened_at=file.now,
        due_at=window.due_at,
    )
    opened = announce(file, task)
    file.note(
        f"case_{part}_opened",
        f"Overdue case of {late.rule}: {asked.role.words} is asked to {part.words}, "
        f"due {file.said(window.due_at)}",
        key=f"{opening.case_id}/{part}/opened",
        step=late.step,
        data={"case": opening.case_id},
    )
    return Entered(at=StepVisit(step=part, visit=1), tasks=(opened,), windows=(window,))


async def _asked(file: OrderFile, opening: CaseOpening, part: CasePart) -> Asked | None:
    rules = file.profile.case
    state = await cases.case_state(file.conn, opening.case_id)
    role, window = {
        CasePart.CAUSE: (rules.cause_role, rules.cause_window),
        CasePart.ANALYSIS: (rules.analysis_role, rules.analysis_window),
        CasePart.MEASURE: (state.measure_owner, rules.measure_window),
        CasePart.DECISION: (rules.decision_role, rules.decision_window),
        CasePart.CLOSING: (rules.closing_role, rules.closing_window),
    }[part]
    if role is None or window is None:
        return None
    until = state.measure_until if part is CasePart.MEASURE else None
    return Asked(role, window, until, _facts(state))


def _facts(state: CaseState) -> dict[str, Any]:
    """What the parts before have found, for those that follow."""
    found = {
        "cause": state.cause.words if state.cause else None,
        "why": state.why,
        "analysis": state.analysis,
        "measure": state.measure,
        "measure_owner": state.measure_owner,
        "measure_outcome": state.measure_outcome,
    }
    return {name: value for name, value in found.items() if value is not None}
