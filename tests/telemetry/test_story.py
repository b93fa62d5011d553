"""What can be seen of an order: one trace, lines with its names, numbers, and nobody's data."""

import json
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import format_trace_id
from prometheus_client.parser import text_string_to_metric_families
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Interceptor, Replayer

from telemetry.tracing import SHOWN, Tracing
from tests.telemetry.conftest import KEPT_OUT, PERSONAL, TRACE_ID, Story
from worker import WORKFLOWS, sandbox
from workflows.contract import order_workflow_id

REFUSED = f"the database says CheckViolationError, constraint {KEPT_OUT}, table tasks"


def way_up(story: Story, span: ReadableSpan) -> Iterator[str]:
    """The names from a span to the root of its trace."""
    by_id = {one.context.span_id: one for one in story.spans if one.context}
    here: ReadableSpan | None = span
    while here is not None:
        yield here.name
        here = by_id.get(here.parent.span_id) if here.parent else None


def test_one_trace_goes_from_the_request_through_the_workflow_to_sql(story: Story) -> None:
    inserts = [span for span in story.spans if span.name == "INSERT"]

    ways = [list(way_up(story, span)) for span in inserts]

    assert [
        "INSERT",
        "RunActivity:open_step",
        "StartActivity:open_step",
        "StartWorkflow:OrderWorkflow",
        "POST /orders",
    ] in ways
    of_order = [span for span, way in zip(inserts, ways, strict=True) if way[-1] == "POST /orders"]
    traces = {format_trace_id(span.context.trace_id) for span in of_order if span.context}
    assert traces == {TRACE_ID}


def test_spans_say_the_statement_and_never_its_values(story: Story) -> None:
    attributes = [dict(span.attributes or {}) for span in story.spans]
    statements = [str(found["db.statement"]) for found in attributes if "db.statement" in found]

    assert not {"BEGIN;", ";", "ROLLBACK;"}.intersection(statements)
    assert any("INSERT INTO tasks" in said and "$1" in said for said in statements)
    assert {name for found in attributes for name in found} <= SHOWN


def test_probes_and_a_relay_that_looks_again_make_no_traces(story: Story) -> None:
    roots = {span.name for span in story.spans if span.parent is None}

    assert roots
    assert all(name.startswith(("GET /orders", "POST /tasks")) for name in roots), roots


def test_each_line_of_a_request_names_its_trace_and_its_order(story: Story) -> None:
    [line] = story.said("request", route="/orders", method="POST")
    [answered] = story.said("request", route="/tasks/{task_id}/completion")
    [shown] = story.said("request", route="/orders/{order_id}")

    assert line["trace_id"] == TRACE_ID
    assert {line["order_id"], answered["order_id"], shown["order_id"]} == {story.order_id}
    assert all(len(one["trace_id"]) == 32 for one in (answered, shown))


def test_a_failed_attempt_is_one_line_with_order_step_and_trace_in_our_words(story: Story) -> None:
    failed = story.said("activity failed")

    assert [line["attempt"] for line in failed] == list(range(1, len(failed) + 1))
    first = failed[0]
    assert first["order_id"] == story.order_id
    assert first["step"] == "confirm"
    assert first["activity"] == "open_step"
    assert first["workflow_id"] == order_workflow_id(story.order_id)
    assert first["run_id"]
    assert first["trace_id"] == TRACE_ID
    assert first["error"] == "IntegrityError"
    assert (
        first["why"] == f"the database says CheckViolationError, constraint {KEPT_OUT}, table tasks"
    )
    assert first["at"].startswith("store/")
    assert len(failed) == story.log.count('"level": "warning"')


def test_the_engine_hears_of_a_failure_in_the_same_words(story: Story) -> None:
    assert story.last_failure.startswith(f'message: "{REFUSED}"')
    assert 'type: "IntegrityError"' in story.last_failure


@pytest.mark.parametrize("personal", PERSONAL)
def test_nobodys_data_is_in_log_traces_numbers_or_failures(story: Story, personal: str) -> None:
    spans = json.dumps([json.loads(span.to_json()) for span in story.spans], ensure_ascii=False)

    assert personal not in story.log
    assert personal not in spans
    assert personal not in story.worker_numbers
    assert personal not in story.api_numbers
    assert personal not in story.last_failure


def numbers(exposed: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposed)
        for sample in family.samples
    }


def test_the_worker_counts_attempts_failures_and_notices_beside_the_sdk(story: Story) -> None:
    counted = numbers(story.worker_numbers)
    failures = len(story.said("activity failed"))

    def of(name: str, **labels: str) -> float:
        return counted[(name, frozenset(labels.items()))]

    what = {"activity": "open_step"}
    assert of("dueline_activity_failures_total", **what, kind="IntegrityError") == failures
    assert of("dueline_activity_seconds_count", **what, outcome="failed") == failures
    assert of("dueline_activity_seconds_count", **what, outcome="completed") == 2
    assert of("dueline_notices_total", channel="log", outcome="sent") >= 2
    names = {name for name, _ in counted}
    assert "temporal_activity_schedule_to_start_latency_seconds_count" in names
    assert "temporal_workflow_task_queue_poll_succeed_total" in names
    assert "temporal_worker_task_slots_available" in names


def test_the_api_counts_what_the_story_has_come_to(story: Story) -> None:
    counted = numbers(story.api_numbers)

    def of(name: str, **labels: str) -> float:
        return counted[(name, frozenset(labels.items()))]

    assert sum(value for (name, _), value in counted.items() if name == "dueline_open_orders") == 1
    assert of("dueline_open_orders_by_level", level="none") == 1
    assert of("dueline_windows_ended_last_day", state="kept") == 1
    assert of("dueline_open_tasks", role="sales") == 1
    assert of("dueline_outbox_pending") == 0
    assert of("dueline_database_up") == of("dueline_engine_up") == 1


@pytest.mark.parametrize("interceptors", [[], [Tracing("replay").interceptor]], ids=["off", "on"])
async def test_a_traced_history_replays_whether_tracing_is_on_or_off(
    story: Story, interceptors: list[Interceptor]
) -> None:
    assert story.history is not None
    assert "_tracer-data" in story.history.to_json()
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=pydantic_data_converter,
        workflow_runner=sandbox(),
        interceptors=interceptors,
    )

    result = await replayer.replay_workflow(story.history, raise_on_replay_failure=False)

    assert result.replay_failure is None
