"""Numbers for Prometheus: requests as they come, orders as they stand when it asks."""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.signed import FAULTS, Fault
from domain.windows import Mark
from store.rows import Counts

# A read takes milliseconds, an update about 20; 5 s is where we give up on a worker.
BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# Shown with 0, too: an alert cannot tell what is missing from what is well.
LEVELS = ("none", *(str(mark.level) for mark in Mark if mark is not Mark.REMINDER))
RUNNING = ("open", "paused", "breached")
ENDED = ("kept", "breached", "stopped")
CASES = ("open", "closed")


class Metrics:
    """One registry an app, so that two apps in a process never share counters."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "dueline_http_requests",
            "Requests by method, route template and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "dueline_http_request_seconds",
            "How long requests took, by method and route template.",
            ("method", "route"),
            buckets=BUCKETS_SECONDS,
            registry=self.registry,
        )

        self.unsigned = Counter(
            "dueline_payment_notices_unsigned",
            "Payment notices that were answered with 401, by what was wrong with them.",
            ("fault",),
            registry=self.registry,
        )
        for fault in FAULTS:
            self.unsigned.labels(fault)

    def refuse_notice(self, fault: Fault) -> None:
        """Counts a payment notice that nobody we know has signed."""
        self.unsigned.labels(fault).inc()

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one request."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)


class Standing(Collector):
    """How everything stands at this scrape: made anew each time, so that no number is left over."""

    def __init__(self, counts: Counts | None, *, engine_up: bool) -> None:
        self._counts = counts
        self._engine_up = engine_up

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges; without counts only who answers."""
        yield _one("dueline_database_up", "1 when PostgreSQL answers.", self._counts is not None)
        yield _one("dueline_engine_up", "1 when Temporal answers.", self._engine_up)
        if self._counts is not None:
            yield from _orders(self._counts)
            yield from _windows(self._counts)
            yield from _people(self._counts)
            yield from _notices(self._counts)
            yield from _webhooks(self._counts)
            yield _one(
                "dueline_unmatched_payments",
                "Payments that fit no order and wait for finance.",
                self._counts.unmatched_payments,
            )


def _orders(of: Counts) -> Iterator[GaugeMetricFamily]:
    levels = _at_least(LEVELS, of.open_orders_by_level)
    yield _each("dueline_open_orders", "Open orders by stage.", "stage", of.open_orders_by_stage)
    yield _each("dueline_open_orders_by_level", "Open orders by escalation level.", "level", levels)
    yield _one(
        "dueline_quiet_orders",
        "Open orders past their due line whose row has not changed for 24 h.",
        of.quiet_orders,
    )


def _windows(of: Counts) -> Iterator[GaugeMetricFamily]:
    running = _at_least(RUNNING, of.windows_by_state)
    ended = _at_least(ENDED, of.windows_ended_by_state)
    yield _each("dueline_windows", "Running windows by state.", "state", running)
    yield _each("dueline_windows_ended_last_day", "Windows that ended within 24 h.", "state", ended)
    yield _one(
        "dueline_late_open_windows", "Running windows past their due instant.", of.late_open_windows
    )
    yield _one(
        "dueline_unnoticed_breaches",
        "Running windows more than 5 min past due of which nobody was told.",
        of.unnoticed_breaches,
    )


def _people(of: Counts) -> Iterator[GaugeMetricFamily]:
    yield _each("dueline_open_tasks", "Open tasks by role.", "role", of.open_tasks_by_role)
    yield _each(
        "dueline_oldest_open_task_seconds",
        "How long the oldest open task of a role waits.",
        "role",
        of.oldest_task_seconds_by_role,
    )
    cases = _at_least(CASES, of.overdue_cases_by_state)
    yield _each("dueline_overdue_cases", "Overdue cases by state.", "state", cases)
    following = of.follow_ups_by_kind
    yield _each("dueline_follow_ups", "Follow-ups that are not closed, by kind.", "kind", following)


def _notices(of: Counts) -> Iterator[GaugeMetricFamily]:
    yield _one("dueline_outbox_pending", "Notices not with their channels yet.", of.outbox_pending)
    yield _each(
        "dueline_deliveries",
        "Notices on their channels, not sent or given up.",
        "state",
        {"pending": of.deliveries_pending, "dead": of.deliveries_dead},
    )
    yield _one(
        "dueline_oldest_notice_seconds",
        "How long the oldest notice waits that could go.",
        of.oldest_notice_seconds,
    )


def _webhooks(of: Counts) -> Iterator[GaugeMetricFamily]:
    yield _each(
        "dueline_webhook_deliveries",
        "Events for customers' systems, not sent or given up.",
        "state",
        {"pending": of.webhooks_pending, "dead": of.webhooks_dead},
    )
    yield _one(
        "dueline_webhook_failing_seconds",
        "How long the event fails that has failed longest and still waits.",
        of.webhooks_failing_seconds,
    )
    yield _one(
        "dueline_webhook_endpoints_disabled",
        "Endpoints of customers' systems that said they are gone.",
        of.webhook_endpoints_disabled,
    )


def _at_least(known: Iterable[str], counted: Mapping[str, int]) -> Mapping[str, int]:
    return {**dict.fromkeys(known, 0), **counted}


def _one(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)


def _each(name: str, words: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def exposition(metrics: Metrics, standing: Standing) -> tuple[bytes, str]:
    """Everything in Prometheus' text format, and its media type."""
    now = CollectorRegistry()
    now.register(standing)
    return generate_latest(metrics.registry) + generate_latest(now), CONTENT_TYPE_LATEST
