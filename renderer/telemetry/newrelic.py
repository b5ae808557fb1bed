"""New Relic, through its agent's API (spec 03 section 7.4). Needs the extra `newrelic`.

The agent finds the current transaction by task or thread, and stages of a request may run in other tasks. So a
transaction is only made at the start, for its trace headers, and is recorded in one go at the end, with the times that
were measured. `newrelic.agent.initialize` is not called: it would patch the libraries of the whole process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from renderer.errors import BildwerkError
from renderer.settings.tracing import TracingSettings
from renderer.telemetry.background import CLOSE_SECONDS, Periodic, within
from renderer.telemetry.libraries import hooks_restored
from renderer.telemetry.metadata import causes, error_class, error_type, flattened, source_origin
from renderer.telemetry.observation import Observation, Silent, Timing, Vitals

with hooks_restored():
    from newrelic.agent import (  # type: ignore[import-untyped]  # the agent has no types
        FunctionTrace,
        WebTransaction,
        global_settings,
        register_application,
        shutdown_agent,
    )
    from newrelic.core.config import default_host  # type: ignore[import-untyped]  # as above

_NOTE: Final = "newrelic"
_ERRORS: Final = "newrelic errors"
GAUGE_SECONDS: Final = 10.0

_GAUGES: Final = {
    "Custom/imgproxy/workers": "workers",
    "Custom/imgproxy/requests_in_progress": "requests_in_progress",
    "Custom/imgproxy/images_in_progress": "images_in_progress",
    "Custom/imgproxy/workers_utilization": "workers_utilization",
    "Custom/imgproxy/vips/memory": "vips_memory_bytes",
    "Custom/imgproxy/vips/max_memory": "vips_max_memory_bytes",
    "Custom/imgproxy/vips/allocs": "vips_allocs",
}


class NewRelic(Silent):
    """Records a transaction of each request; the agent sends them once a minute from a thread of its own."""

    def __init__(self, settings: TracingSettings, vitals: Callable[[], Vitals]) -> None:
        self._propagates = settings.new_relic_propagate_external
        agent = global_settings()
        agent.license_key = settings.new_relic_key
        agent.app_name = settings.new_relic_app_name
        agent.labels = [{"label_type": name, "label_value": value} for name, value in settings.new_relic_labels]
        agent.enabled = agent.monitor_mode = True
        agent.host = agent.host or default_host(settings.new_relic_key)
        # 0: the agent connects in the background, and requests before that are not recorded.
        self._application = register_application(settings.new_relic_app_name, timeout=0)
        self._gauges = Periodic(
            partial(_record_gauges, self._application, vitals),
            seconds=GAUGE_SECONDS,
            purpose="Recording gauges for New Relic",
        )

    def request_started(self, seen: Observation) -> None:
        """Makes the transaction; it does not run yet."""
        seen.notes[_NOTE] = WebTransaction(
            self._application,
            "request",
            scheme="http",
            host=seen.headers.get("host"),
            request_method=seen.method,
            request_path=seen.target,
            headers={name: value for name, value in seen.headers.items() if name not in ("authorization", "cookie")},
        )

    def request_failed(self, seen: Observation, error: BildwerkError) -> None:
        """Keeps the error until the end."""
        if error_type(seen, error) is not None:
            seen.notes.setdefault(_ERRORS, []).append(error)

    def request_ended(self, seen: Observation) -> None:
        """Records the transaction with its segments."""
        transaction = seen.notes.pop(_NOTE, None)
        errors = seen.notes.pop(_ERRORS, [])
        if transaction is None or not transaction.enabled:
            return
        with transaction:
            transaction.start_time = seen.started_at
            for timing in seen.timings:
                with _Segment(seen, timing):
                    pass
            transaction.add_custom_attributes(list(_attributes(seen).items()))
            for error in errors:
                _notice(transaction, seen, error)
            transaction.process_response(seen.status, {"Content-Length": str(seen.result_bytes)})

    def source_headers(self, seen: Observation) -> Mapping[str, str]:
        """`traceparent` and New Relic's own header, once the agent is connected."""
        headers: list[tuple[str, str]] = []
        transaction = seen.notes.get(_NOTE)
        if self._propagates and transaction is not None:
            transaction.insert_distributed_trace_headers(headers)
        return dict(headers)

    async def close(self) -> None:
        """Sends what is left."""
        await within(CLOSE_SECONDS, self._stop, purpose="Sending the last transactions to New Relic")

    def _stop(self) -> None:
        self._gauges.stop()
        shutdown_agent(CLOSE_SECONDS)


class _Segment(FunctionTrace):  # type: ignore[misc]  # the agent has no types
    """A stage that is over: what the agent measured of it is replaced by what it took."""

    def __init__(self, seen: Observation, timing: Timing) -> None:
        super().__init__(timing.stage.display, group="Custom")
        self._begun = seen.started_at + timing.started - seen.started
        self._seconds = timing.seconds

    def finalize_data(self, *_what: Any) -> None:  # noqa: ANN401  the agent's signature
        """The agent's own turn for a segment to set its figures."""
        self.start_time = self._begun
        self.end_time = self._begun + self._seconds
        self.duration = self.exclusive = self._seconds


def _attributes(seen: Observation) -> dict[str, Any]:
    if not seen.source_url:
        return {}
    return {
        "imgproxy.source_image_url": seen.source_url,
        "imgproxy.source_image_origin": source_origin(seen.source_url),
        **flattened(seen.options, "imgproxy.options"),
    }


def _notice(transaction: Any, seen: Observation, error: BildwerkError) -> None:  # noqa: ANN401  the agent has no types
    cause = causes(error)[0]
    kind = f"{error_type(seen, error)}_error ({error_class(error)})"
    transaction.notice_error((type(cause), cause, cause.__traceback__), attributes={"imgproxy.error_type": kind})


def _record_gauges(application: Any, vitals: Callable[[], Vitals]) -> None:  # noqa: ANN401  as above
    now = vitals()
    application.record_custom_metrics([(name, getattr(now, attribute)) for name, attribute in _GAUGES.items()])
