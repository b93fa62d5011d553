"""Overdue cases (catalogue 4.1): why a window was missed, what is done, and who answers for it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from temporalio import activity

from activities.case_models import (
    CLOSE_CASE,
    LOOK_AT_WINDOW,
    OPEN_CASE,
    OPEN_CLOSING,
    OPEN_PART,
    RECORD_CAUSE,
    RECORD_PART,
    CaseAnswer,
    CaseOpening,
    CasePart,
    CaseStep,
    WindowLook,
    WindowSeen,
)
from activities.case_parts import ask
from activities.leaving import keep_answers
from activities.models import Entered
from activities.order_file import Department, Keyed, OrderFile
from activities.sanctions import charge_breach, note_entry
from domain.answers import read_moment
from domain.base import Record
from domain.causes import Cause, is_customers
from domain.roles import Role
from store import cases, windows
from store.cases import CaseState

Result = TypeVar("Result", bound=Record)
Work = Callable[[OrderFile], Awaitable[Result]]

DECIDED = {
    "resources": ("more resources", "增加资源"),
    "re_plan": ("a new plan", "调整计划"),
    "outsource": ("outsourcing", "外协加工"),
    "new_date": ("a new date", "商定新交期"),
}


class OverdueCases(Department):
    """Opens, asks, keeps what is answered, and closes."""

    @activity.defn(name=OPEN_CASE)
    async def open_case(self, opening: CaseOpening) -> Entered:
        """Opens the case of a window and asks for the cause."""

        async def work(file: OrderFile) -> Entered:
            await cases.open_case(
                file.conn,
                opening.case_id,
                order_id=file.id,
                window=opening.window,
                role=opening.role,
                at=file.now,
                opened_by=opening.opened_by,
                why=opening.why,
            )
            return await ask(file, opening, CasePart.CAUSE)

        return await self._once(OPEN_CASE, opening, Entered, work)

    @activity.defn(name=RECORD_CAUSE)
    async def record_cause(self, step: CaseStep) -> Entered:
        """Keeps the cause; a customer's cause charges nobody inside the company."""

        async def work(file: OrderFile) -> Entered:
            cause = Cause(step.decision.outcome)
            note = step.decision.note
            await _answered(file, step, CasePart.CAUSE)
            await cases.name_cause(file.conn, step.case_id, cause, note, charged(cause, None))
            _say(file, step, CasePart.CAUSE, f"the cause is {cause.words}")
            return Entered()

        return await self._once(RECORD_CAUSE, step, Entered, work)

    @activity.defn(name=OPEN_PART)
    async def open_part(self, opening: CaseOpening) -> Entered:
        """Asks for the analysis, the measure or the decision, if the profile wants it."""
        part = opening.part
        assert part is not None, "cause and closing have activities of their own"
        return await self._once(
            f"{OPEN_PART}/{part}", opening, Entered, lambda file: ask(file, opening, part)
        )

    @activity.defn(name=RECORD_PART)
    async def record_part(self, step: CaseStep) -> CaseAnswer:
        """Keeps what was answered to the analysis, the measure or the decision."""
        part = step.part
        assert part is not None, "cause and closing have activities of their own"

        async def work(file: OrderFile) -> CaseAnswer:
            await _answered(file, step, part)
            match part:
                case CasePart.ANALYSIS:
                    return await _keep_analysis(file, step)
                case CasePart.MEASURE:
                    return await _keep_measure(file, step)
                case _:
                    return await _keep_decision(file, step)

        return await self._once(f"{RECORD_PART}/{part}", step, CaseAnswer, work)

    @activity.defn(name=LOOK_AT_WINDOW)
    async def look_at_window(self, look: WindowLook) -> WindowSeen:
        """Whether the step of a case that was opened by hand is over. Writes nothing."""
        async with self.engine.connect() as conn:
            stands = await cases.how_it_stands(conn, look.window)
        return WindowSeen(stopped=stands.stopped, breached=stands.breached, due_at=stands.due_at)

    @activity.defn(name=OPEN_CLOSING)
    async def open_closing(self, opening: CaseOpening) -> Entered:
        """The late step is done: asks who answers for it."""
        return await self._once(
            OPEN_CLOSING, opening, Entered, lambda file: ask(file, opening, CasePart.CLOSING)
        )

    @activity.defn(name=CLOSE_CASE)
    async def close_case(self, step: CaseStep) -> Entered:
        """Closes the case with the one who answers for it, and what the profile charges."""

        async def work(file: OrderFile) -> Entered:
            named = step.decision.data.get("responsible", "")
            await _answered(file, step, CasePart.CLOSING)
            state = await cases.case_state(file.conn, step.case_id)
            responsible = charged(state.cause, named) or named
            await cases.close_case(file.conn, step.case_id, responsible, file.now)
            await _charge(file, step, state)
            _say(file, step, CasePart.CLOSING, "it is closed")
            return Entered()

        return await self._once(CLOSE_CASE, step, Entered, work)

    async def _once(
        self, name: str, request: CaseOpening | CaseStep, result: type[Result], work: Work[Result]
    ) -> Result:
        keyed = Keyed(request.order_id, f"{request.case_id}/{name}", request.now)
        return await self.once(name, keyed, result, work)


def charged(cause: Cause | None, named: str | None) -> str | None:
    """Who answers for it: the customer for a customer's cause, whoever is named instead."""
    if cause is not None and is_customers(cause):
        return Role.CUSTOMER.value
    return named


async def _keep_analysis(file: OrderFile, step: CaseStep) -> CaseAnswer:
    data = step.decision.data
    owner = Role(data["owner"].strip())
    until = _closing_time(file, data["until"])
    await cases.keep_answer(
        file.conn,
        step.case_id,
        analysis=data["analysis"],
        measure=data["measure"],
        measure_owner=owner.value,
        measure_until=until,
    )
    told = f"the measure is for {owner.words} until {file.said(until)}"
    _say(file, step, CasePart.ANALYSIS, told)
    return CaseAnswer()


async def _keep_measure(file: OrderFile, step: CaseStep) -> CaseAnswer:
    outcome = step.decision.outcome
    await cases.keep_answer(file.conn, step.case_id, measure_outcome=outcome)
    _say(file, step, CasePart.MEASURE, f"the measure is {outcome}")
    if outcome == "failed" and file.profile.customer_notice == "after_remedy_failed":
        file.tell(
            Role.CUSTOMER,
            "delay",
            f"{file.name} is delayed and our remedy has not helped; we will agree a date with you",
            key=f"{step.case_id}/measure/failed/{Role.CUSTOMER}",
            zh=f"{file.name_zh}出现延误，补救措施未能奏效，我们将与您商定新的交货日期",
        )
    return CaseAnswer()


async def _keep_decision(file: OrderFile, step: CaseStep) -> CaseAnswer:
    outcome, note = step.decision.outcome, step.decision.note
    promised_at = None
    if outcome == "new_date":
        promised_at = _closing_time(file, step.decision.data["promised_at"])
    await cases.keep_answer(
        file.conn, step.case_id, decision=outcome, decision_note=note, new_date=promised_at
    )
    decided, decided_zh = DECIDED[outcome]
    when = f": {file.said(promised_at)}" if promised_at else ""
    _say(file, step, CasePart.DECISION, f"the decision is {decided}{when}")
    window = (await cases.case_state(file.conn, step.case_id)).window
    late = await windows.find_window(file.conn, window)
    listeners = (late.role, Role.SALES_MANAGER, Role.ORDER_DESK)
    for role in dict.fromkeys(role for role in listeners if role is not Role.CUSTOMER):
        file.tell(
            role,
            "case_decision",
            f"{file.name}: {step.decision.role.words} has decided on {decided}{when} "
            f"for the overdue {late.rule}",
            key=f"{step.case_id}/decision/{role}",
            zh=f"{file.name_zh}：{late.rule} 超期，{step.decision.role.zh}决定{decided_zh}{when}",
        )
    return CaseAnswer(promised_at=promised_at)


async def _charge(file: OrderFile, step: CaseStep, state: CaseState) -> None:
    if step.decision.data.get("sanction_waived", "").strip():
        _say(file, step, CasePart.CLOSING, "what it would cost is waived", event="waived")
        return
    late = await windows.find_window(file.conn, state.window)
    for entry in await charge_breach(file, step.case_id, state, late):
        note_entry(file, entry)


def _closing_time(file: OrderFile, text: str) -> datetime:
    """The instant that was written, or the end of work on the day: the next one that is worked."""
    moment = read_moment(text.strip())
    assert moment is not None, "the task desk takes nothing else"
    if isinstance(moment, datetime):
        return file.calendar.local(moment)
    return file.calendar.day_closing(file.calendar.working_day_from(moment))


async def _answered(file: OrderFile, step: CaseStep, part: CasePart) -> None:
    await keep_answers(file, (step.decision,))
    await windows.settle_windows(file.conn, [f"{step.case_id}/{part}"], file.now)


def _say(
    file: OrderFile, step: CaseStep, part: CasePart, text: str, *, event: str = "done"
) -> None:
    file.note(
        f"case_{part}_{event}",
        f"Overdue case: {text} ({step.decision.role.words})",
        key=f"{step.case_id}/{part}/{event}",
        data={"case": step.case_id},
    )
