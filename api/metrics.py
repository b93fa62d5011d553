"""Numbers for Prometheus: requests as they come, orders as they stand when it asks."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from store.rows import Counts

# A read takes milliseconds, an update about 20; 5 s is where we give up on a worker.
BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


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
        self.orders = Gauge(
            "dueline_open_orders", "Open orders by stage.", ("stage",), registry=self.registry
        )
        self.windows = Gauge(
            "dueline_windows", "Windows by state.", ("state",), registry=self.registry
        )
        self.outbox = Gauge(
            "dueline_outbox_pending", "Notices not with their channels yet.", registry=self.registry
        )
        self.deliveries = Gauge(
            "dueline_deliveries",
            "Notices on their channels, not sent or given up.",
            ("state",),
            registry=self.registry,
        )
        self.oldest_notice = Gauge(
            "dueline_oldest_notice_seconds",
            "How long the oldest notice waits that could go.",
            registry=self.registry,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one request."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)


def exposition(metrics: Metrics, counts: Counts) -> tuple[bytes, str]:
    """Everything in Prometheus' text format, and its media type."""
    # A stage that no order is in any more must not keep its last number.
    metrics.orders.clear()
    metrics.windows.clear()
    for stage, number in counts.open_orders_by_stage.items():
        metrics.orders.labels(stage).set(number)
    for state, number in counts.windows_by_state.items():
        metrics.windows.labels(state).set(number)
    metrics.outbox.set(counts.outbox_pending)
    metrics.deliveries.labels("pending").set(counts.deliveries_pending)
    metrics.deliveries.labels("dead").set(counts.deliveries_dead)
    metrics.oldest_notice.set(counts.oldest_notice_seconds)
    return generate_latest(metrics.registry), CONTENT_TYPE_LATEST
