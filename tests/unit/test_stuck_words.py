"""What `ops stuck` says of failures, and that every cause can be looked up."""

import re
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure, TimeoutFailureInfo

from ops.repair.cures import cure_of, filled
from ops.repair.failures import activity_failure, without_secrets, workflow_failure
from ops.repair.stuck_model import Evidence, StuckCause

PAGE = Path(__file__).parents[2] / "docs" / "stuck.md"


def raised(kind: str, message: str, cause: Failure | None = None) -> Failure:
    """A failure as an activity leaves it in the engine."""
    return Failure(
        message=message, application_failure_info=ApplicationFailureInfo(type=kind), cause=cause
    )


def test_a_constraint_is_named_and_its_rows_and_statement_are_not() -> None:
    failure = raised(
        "IntegrityError",
        "(sqlalchemy.dialects.postgresql.asyncpg.IntegrityError) "
        "<class 'asyncpg.exceptions.CheckViolationError'>: new row for relation \"materials\" "
        'violates check constraint "ck_materials_stock_covers_reservations"\n'
        "DETAIL:  Failing row contains (Wang Fang, +86-555-0100-0001).\n"
        "[SQL: UPDATE materials SET reserved = 1]",
    )

    plain = activity_failure(failure)

    assert plain.cause is StuckCause.DATABASE_CONSTRAINT
    assert plain.constraint == "ck_materials_stock_covers_reservations"
    assert "more would be reserved than lies in stock" in plain.words
    assert not re.search("Wang|555|UPDATE", plain.words)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("ConnectionRefusedError", "[Errno 111] Connect call failed ('10.0.0.7', 5432)"),
        ("InterfaceError", "connection is closed"),
        ("TimeoutError", "QueuePool limit of size 10 overflow 10 reached"),
    ],
)
def test_a_database_that_is_away_is_told_from_a_bug(kind: str, message: str) -> None:
    plain = activity_failure(raised("RuntimeError", "it failed", raised(kind, message)))

    assert plain.cause is StuckCause.DATABASE_AWAY
    assert plain.words == "the workers cannot reach the database"


def test_a_timeout_is_told_from_an_error() -> None:
    timeout = TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    failure = Failure(
        message="activity StartToClose timeout",
        timeout_failure_info=TimeoutFailureInfo(timeout_type=timeout),
    )

    assert activity_failure(failure).cause is StuckCause.ACTIVITY_HANGS


def test_an_unknown_error_keeps_its_first_line_without_addresses_and_numbers() -> None:
    plain = activity_failure(
        raised("KeyError", "no carrier for wang.fang@example.com, +86 555 0100 0001\nmore")
    )

    assert plain.cause is StuckCause.ACTIVITY_RETRYING
    assert plain.words == "KeyError: no carrier for …, …"


def test_non_determinism_is_told_from_a_bug() -> None:
    message = "[TMPRL1100] Nondeterminism error: Timer machine does not handle this event"

    assert workflow_failure(raised("", message)).cause is StuckCause.NON_DETERMINISM
    assert workflow_failure(raised("KeyError", "x")).cause is StuckCause.WORKFLOW_TASK_FAILING


def test_a_long_message_is_cut() -> None:
    assert len(without_secrets("long " * 200)) == 200


@pytest.mark.parametrize("cause", StuckCause)
def test_every_cause_has_a_section_with_the_command_that_is_proposed(cause: StuckCause) -> None:
    section = _sections()[cause.value]
    facts = Evidence(role="control", activity="record_dispatch", channel="desk").model_dump()

    command = filled(cure_of(cause).command, facts, "SO-2026-000004", cause)

    assert f"```sh\n{command}\n" in section or f"\n{command}\n" in section


def _sections() -> dict[str, str]:
    """The page's sections by the anchors that their headings make."""
    parts = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.partition("\n")[0].lower().replace(" ", "-"): part for part in parts}
