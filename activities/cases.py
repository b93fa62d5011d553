"""Overdue cases (catalogue 4.1): why a window was missed, and who answers for it."""

from collections.abc import Awaitable, Callable

from temporalio import activity

from activities.leaving import keep_answers
from activities.models import (
    CLOSE_CASE,
    OPEN_CASE,
    OPEN_CLOSING,
    RECORD_CAUSE,
    CaseOpening,
    CaseStep,
    Entered,
    StepVisit,
)
from activities.opening import announce
from activities.order_file import Department, Keyed, OrderFile
from domain.causes import Cause
from domain.roles import Role
from policy.deadlines import open_window
from policy.model import Window
from store import cases, tasks, windows

Work = Callable[[OrderFile], Awaitable[Entered]]

CAUSE, CLOSING = "cause", "closing"
CUSTOMER_CAUSES = "CUSTOMER_"


class OverdueCases(Department):
    """Opens, asks, and closes."""

    @activity.defn(name=OPEN_CASE)
    async def open_case(self, opening: CaseOpening) -> Entered:
        """Opens the case of a breached window and asks for the cause."""

        async def work(file: OrderFile) -> Entered:
            await cases.open_case(
                file.conn,
                opening.case_id,
                order_id=file.id,
                window=opening.window,
                role=opening.role,
                at=file.now,
            )
            rules = file.profile.case
            return await _ask(
                file,
                opening,
                (CAUSE, rules.cause_role, rules.cause_window),
                titles=("Cause of an overdue window", "超期原因"),
                outcomes=tuple(cause.value for cause in Cause),
            )

        return await self._once(OPEN_CASE, opening, work)

    @activity.defn(name=RECORD_CAUSE)
    async def record_cause(self, step: CaseStep) -> Entered:
        """Keeps the cause; a customer's cause charges nobody inside the company."""

        async def work(file: OrderFile) -> Entered:
            cause = Cause(step.decision.outcome)
            note = step.decision.note
            await _answered(file, step, CAUSE)
            await cases.name_cause(file.conn, step.case_id, cause, note, charged(cause, None))
            return _said(file, step, CAUSE, f"the cause is {_words(cause)}")

        return await self._once(RECORD_CAUSE, step, work)

    @activity.defn(name=OPEN_CLOSING)
    async def open_closing(self, opening: CaseOpening) -> Entered:
        """The late step is done: asks who answers for it."""

        async def work(file: OrderFile) -> Entered:
            rules = file.profile.case
            return await _ask(
                file,
                opening,
                (CLOSING, rules.closing_role, rules.closing_window),
                titles=("Closing of an overdue case", "超期结案"),
                outcomes=("closed",),
                requires=("responsible",),
            )

        return await self._once(OPEN_CLOSING, opening, work)

    @activity.defn(name=CLOSE_CASE)
    async def close_case(self, step: CaseStep) -> Entered:
        """Closes the case with the one who answers for it."""

        async def work(file: OrderFile) -> Entered:
            named = step.decision.data.get("responsible", "")
            await _answered(file, step, CLOSING)
            cause = await cases.stated_cause(file.conn, step.case_id)
            responsible = charged(cause, named) or named
            await cases.close_case(file.conn, step.case_id, responsible, file.now)
            return _said(file, step, CLOSING, "it is closed")

        return await self._once(CLOSE_CASE, step, work)

    async def _once(
        self, activity_name: str, request: CaseOpening | CaseStep, work: Work
    ) -> Entered:
        keyed = Keyed(request.order_id, f"{request.case_id}/{activity_name}", request.now)
        return await self.once(activity_name, keyed, Entered, work)


def charged(cause: Cause | None, named: str | None) -> str | None:
    """Who answers for it: the customer for a customer's cause, whoever is named instead."""
    if cause is not None and cause.value.startswith(CUSTOMER_CAUSES):
        return Role.CUSTOMER.value
    return named


async def _ask(
    file: OrderFile,
    opening: CaseOpening,
    part: tuple[str, Role, Window],
    *,
    titles: tuple[str, str],
    outcomes: tuple[str, ...],
    requires: tuple[str, ...] = (),
) -> Entered:
    """Opens a task of the case with its window."""
    step, role, rule = part
    late = await windows.find_window(file.conn, opening.window)
    window = open_window(
        file.calendar,
        rule,
        file.profile.ladder,
        key=f"{opening.case_id}/{step}",
        step=step,
        role=role,
        started_at=file.now,
        promised_at=file.row.promised_at,
    )
    file.opened_windows.append(window)
    facts = {"window": opening.window, "rule": late.rule, "step": late.step, "role": late.role}
    task = tasks.NewTask(
        id=f"{opening.case_id}.{step}",
        workflow_id=opening.case_id,
        step=step,
        visit=1,
        role=role,
        title=f"{titles[0]}: {late.rule}",
        title_zh=f"{titles[1]}：{late.rule}",
        outcomes=outcomes,
        requires=requires,
        facts={**facts, "due_at": file.said(late.due_at)},
        opened_at=file.now,
        due_at=window.due_at,
    )
    opened = announce(file, task)
    file.note(
        f"case_{step}_opened",
        f"Overdue case of {late.rule}: {role.words} is asked, due {file.said(window.due_at)}",
        key=f"{opening.case_id}/{step}/opened",
        step=late.step,
        data={"case": opening.case_id},
    )
    return Entered(at=StepVisit(step=step, visit=1), tasks=(opened,), windows=(window,))


async def _answered(file: OrderFile, step: CaseStep, part: str) -> None:
    await keep_answers(file, (step.decision,))
    await windows.settle_windows(file.conn, [f"{step.case_id}/{part}"], file.now)


def _said(file: OrderFile, step: CaseStep, part: str, text: str) -> Entered:
    file.note(
        f"case_{part}_done",
        f"Overdue case: {text} ({step.decision.role.words})",
        key=f"{step.case_id}/{part}/done",
        data={"case": step.case_id},
    )
    return Entered()


def _words(cause: Cause) -> str:
    return cause.value.replace("_", " ").lower()
