"""Numbers of worker and relay, on the one endpoint that the SDK serves beside its own."""

from collections.abc import Mapping

from temporalio.common import MetricMeter
from temporalio.runtime import (
    LoggingConfig,
    LoggingFormat,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
)

# A transaction takes milliseconds, an activity has 5 s, one that starts overdue cases 15.
BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
ACTIVITY_SECONDS = "dueline_activity_seconds"

# The Python side tells of a failing workflow task; the core's line would quote the error's words.
CORE_LEVELS = ",".join(
    (
        "error",
        "temporalio_client=warn",
        "temporalio_sdk_core=warn",
        "temporalio_sdk_core::worker::workflow=error",
    )
)


class Numbers:
    """What worker and relay count themselves. The names gain `_total` where they count up."""

    def __init__(self, meter: MetricMeter) -> None:
        self._seconds = meter.create_histogram_float(
            ACTIVITY_SECONDS, "How long attempts of activities took, by activity and outcome."
        )
        self._failures = meter.create_counter(
            "dueline_activity_failures", "Failed attempts of activities, by activity and error."
        )
        self._notices = meter.create_counter(
            "dueline_notices", "Notices by channel and what became of them there."
        )
        self._webhooks = meter.create_counter(
            "dueline_webhooks", "Events to customers' systems by what became of them there."
        )

    def attempt(self, activity: str, outcome: str, seconds: float) -> None:
        """One attempt of an activity: completed, failed or cancelled."""
        self._seconds.record(seconds, {"activity": activity, "outcome": outcome})

    def failure(self, activity: str, kind: str) -> None:
        """One failed attempt, by the kind of its error."""
        self._failures.add(1, {"activity": activity, "kind": kind})

    def notices(self, channel: str, outcome: str, number: int = 1) -> None:
        """Notices on a channel: sent, failed once, or given up as dead."""
        if number:
            self._notices.add(number, {"channel": channel, "outcome": outcome})

    def webhooks(self, outcome: str) -> None:
        """One event at one endpoint: sent, failed once, or given up as dead."""
        self._webhooks.add(1, {"outcome": outcome})


_served = Numbers(MetricMeter.noop)


def numbers() -> Numbers:
    """This process's own; they count nothing until `start_runtime` serves them."""
    return _served


def start_runtime(
    log_format: str, address: str | None = None, setting: str = "DUELINE_METRICS_ADDRESS"
) -> Runtime:
    """Makes this process's SDK runtime, before its first client; serves `/metrics` at `address`.

    Raises SystemExit with one sentence that names the `setting` when it cannot listen there.
    """
    global _served  # noqa: PLW0603  one endpoint a process, as the SDK has one default runtime
    try:
        runtime = Runtime(telemetry=_telemetry(log_format, address))
    except ValueError as error:
        # "Failed starting Prometheus exporter: Address already in use (os error 98)"
        why = str(error).rpartition(": ")[2].partition(" (os error")[0].lower()
        raise SystemExit(
            f"The metrics cannot be served on {address} ({why}): stop what uses it, or choose "
            f"another address with {setting}."
        ) from None
    Runtime.set_default(runtime, error_if_already_set=False)
    _served = Numbers(runtime.metric_meter)
    return runtime


def _telemetry(log_format: str, address: str | None) -> TelemetryConfig:
    buckets: Mapping[str, tuple[float, ...]] = {ACTIVITY_SECONDS: BUCKETS_SECONDS}
    return TelemetryConfig(
        logging=LoggingConfig(
            filter=CORE_LEVELS, format=LoggingFormat.JSON if log_format == "json" else None
        ),
        metrics=PrometheusConfig(
            bind_address=address,
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
            histogram_bucket_overrides=buckets,
        )
        if address
        else None,
        attach_service_name=False,
    )
