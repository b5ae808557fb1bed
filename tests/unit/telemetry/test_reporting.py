"""Error reports as Sentry, Bugsnag, Honeybadger and Airbrake get them."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

from renderer.errors import BildwerkError, BrokenImage, ConfigurationError, InternalError, InvalidURL
from renderer.settings.load import load_settings
from renderer.settings.tracing import ReportingSettings
from renderer.telemetry.monitors import tracing_monitors
from renderer.telemetry.observation import Monitor, Observation
from renderer.telemetry.reporters.reporter import ErrorReporter


def raised(error: Any, cause: BaseException | None = None) -> Any:
    """The error with a trace, as one that was caught has it."""
    try:
        raise error from cause
    except type(error) as caught:
        return caught


Setup = Callable[..., list[Monitor]]


@pytest.fixture
def reporters(receiver: Any, vitals: Any) -> Setup:
    def build(**variables: str) -> list[Monitor]:
        endpoints = {"BUGSNAG_NOTIFY_ENDPOINT": receiver.url, "HONEYBADGER_ENDPOINT": receiver.url}
        settings = load_settings({"BILDWERK_AIRBRAKE_HOST": receiver.url, **variables})
        return tracing_monitors(settings, environment=endpoints, vitals=vitals, version="1.2.3")

    return build


def broken() -> Any:
    return raised(BrokenImage("VipsJpeg: no"), raised(ValueError("bad marker")))


CONTEXT = {
    "Request ID": "request-1",
    "Source Image URL": "http://origin.example:81/a/b.jpg",
    "Source Image Origin": "http://origin.example",
    "Options": {
        "resize.width": 300,
        "resize.enlarge": True,
        "quality": 80,
        "gravity.type": "ce",
        "gravity.x": 0.5,
    },
}
URL = "http://pictures.example:8080/sig/rs:fit:300/plain/a"


async def report(monitors: list[Monitor], observe: Any, error: BildwerkError) -> None:
    observe(monitors, error=error)
    for monitor in monitors:
        await monitor.close()


async def test_bugsnag(reporters: Setup, receiver: Any, observe: Any) -> None:
    await report(reporters(IMGPROXY_BUGSNAG_KEY="b-key", IMGPROXY_BUGSNAG_STAGE="test"), observe, broken())

    received = receiver.next()
    document = json.loads(received.body)
    (event,) = document["events"]
    assert (received.headers["bugsnag-api-key"], received.headers["bugsnag-payload-version"]) == ("b-key", "5")
    assert [(one["errorClass"], one["message"]) for one in event["exceptions"]] == [
        ("BrokenImage", "VipsJpeg: no"),
        ("ValueError", "bad marker"),
    ]
    assert event["exceptions"][0]["stacktrace"][0]["method"] == "raised"
    assert event["app"] == {"version": "1.2.3", "releaseStage": "test"}
    assert (event["request"]["url"], event["request"]["clientIp"]) == (URL, "203.0.113.7")
    assert event["metaData"] == {"Processing Context": CONTEXT}


async def test_honeybadger(reporters: Setup, receiver: Any, observe: Any) -> None:
    receiver.status = 201
    await report(reporters(IMGPROXY_HONEYBADGER_KEY="h-key", IMGPROXY_HONEYBADGER_ENV="test"), observe, broken())

    received = receiver.next("/v1/notices")
    document = json.loads(received.body)
    assert received.headers["x-api-key"] == "h-key"
    assert (document["error"]["class"], document["error"]["message"]) == ("BrokenImage", "VipsJpeg: no")
    assert [cause["class"] for cause in document["error"]["causes"]] == ["ValueError"]
    assert document["server"]["environment_name"] == "test"
    assert document["request"]["url"] == URL
    assert document["request"]["context"] == CONTEXT
    cgi = document["request"]["cgi_data"]
    assert cgi["SOURCE_IMAGE_URL"] == "http://origin.example:81/a/b.jpg"
    assert (cgi["HTTP_USER_AGENT"], cgi["REQUEST_METHOD"]) == ("browser/1", "GET")


async def test_airbrake(reporters: Setup, receiver: Any, observe: Any) -> None:
    receiver.status = 201
    variables = {
        "IMGPROXY_AIRBRAKE_PROJECT_ID": "77",
        "IMGPROXY_AIRBRAKE_PROJECT_KEY": "a-key",
        "IMGPROXY_AIRBRAKE_ENV": "test",
    }
    await report(reporters(**variables), observe, broken())

    received = receiver.next("/api/v3/projects/77/notices")
    document = json.loads(received.body)
    assert received.headers["authorization"] == "Bearer a-key"
    assert [error["type"] for error in document["errors"]] == ["BrokenImage", "ValueError"]
    assert document["errors"][0]["backtrace"][0]["function"] == "raised"
    assert (document["context"]["environment"], document["context"]["url"]) == ("test", URL)
    assert document["params"] == {
        "request-id": "request-1",
        "source-image-url": "http://origin.example:81/a/b.jpg",
        "source-image-origin": "http://origin.example",
        "options": CONTEXT["Options"],
    }


def sentry_event(body: bytes) -> Any:
    """The event in an envelope: a header, then a header and a payload for each item, a line each."""
    plain = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    _envelope, _item, payload = plain.split(b"\n")[:3]
    return json.loads(payload)


def dsn(receiver: Any) -> str:
    return f"{receiver.url.replace('://', '://public-key@')}/42"


async def test_sentry(reporters: Setup, receiver: Any, observe: Any) -> None:
    variables = {"IMGPROXY_SENTRY_DSN": dsn(receiver), "IMGPROXY_SENTRY_ENVIRONMENT": "test"}
    await report(reporters(**variables), observe, broken())

    event = sentry_event(receiver.next("/api/42/envelope/").body)
    cause, error = event["exception"]["values"]
    assert (error["type"], error["value"], cause["type"]) == ("BrokenImage", "VipsJpeg: no", "ValueError")
    assert error["stacktrace"]["frames"][-1]["function"] == "raised"
    assert (event["environment"], event["release"]) == ("test", "imgproxy@4.0.12")
    assert event["request"]["url"] == URL
    assert event["contexts"]["Processing context"]["Source Image URL"] == CONTEXT["Source Image URL"]
    assert event["contexts"]["Processing context"]["Options"] == CONTEXT["Options"]


EVERYWHERE = {
    "IMGPROXY_BUGSNAG_KEY": "k",
    "IMGPROXY_HONEYBADGER_KEY": "k",
    "IMGPROXY_AIRBRAKE_PROJECT_ID": "1",
    "IMGPROXY_AIRBRAKE_PROJECT_KEY": "k",
}


async def test_all_services_are_told_and_none_of_secrets(reporters: Setup, receiver: Any, observe: Any) -> None:
    """The credentials of a client stay here, whatever service is told."""
    monitors = reporters(IMGPROXY_SENTRY_DSN=dsn(receiver), **EVERYWHERE)
    await report(monitors, observe, broken())

    bodies = [receiver.got.get(timeout=10).body for _ in range(4)]
    plain = b"".join(gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body for body in bodies)
    assert receiver.got.empty()
    assert b"browser/1" in plain
    assert b"secret-token" not in plain
    assert b"secret-cookie" not in plain


async def test_an_error_of_the_url_is_not_reported(reporters: Setup, receiver: Any, observe: Any) -> None:
    await report(reporters(IMGPROXY_SENTRY_DSN=dsn(receiver), **EVERYWHERE), observe, InvalidURL("no such option"))

    assert receiver.got.empty()


async def test_the_class_of_a_wrapped_error_is_the_one_inside(reporters: Setup, receiver: Any, observe: Any) -> None:
    """Services group by class: a thousand `InternalError`s would be one problem."""
    error = raised(InternalError("KeyError: 'x'"), raised(KeyError("x")))
    await report(reporters(IMGPROXY_BUGSNAG_KEY="k"), observe, error)

    (event,) = json.loads(receiver.next().body)["events"]
    assert [one["errorClass"] for one in event["exceptions"]] == ["KeyError"]


async def test_a_service_that_refuses_is_noted_in_the_log(
    reporters: Setup, receiver: Any, observe: Any, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 403
    await report(reporters(IMGPROXY_HONEYBADGER_KEY="h-key"), observe, broken())

    assert "A report to Honeybadger failed: LetterRefused: status 403" in caplog.text
    assert "h-key" not in caplog.text


async def test_a_service_that_is_not_there_is_noted_in_the_log(
    vitals: Any, observe: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings = load_settings({"IMGPROXY_BUGSNAG_KEY": "k"})
    nowhere = {"BUGSNAG_NOTIFY_ENDPOINT": "http://127.0.0.1:1/"}
    await report(tracing_monitors(settings, environment=nowhere, vitals=vitals, version="1"), observe, broken())

    assert "A report to Bugsnag failed" in caplog.text


class Fake:
    """A service that takes reports, or hangs."""

    service = "Fake"

    def __init__(self, *, hangs: bool = False) -> None:
        self.taken = 0
        self.is_closed = False
        self._answer = asyncio.Event()
        if not hangs:
            self._answer.set()

    async def send(self, report: Any) -> None:  # noqa: ARG002  the protocol's argument
        """Takes a report."""
        await self._answer.wait()
        self.taken += 1

    async def close(self) -> None:
        """Says that it was called."""
        self.is_closed = True


async def test_a_service_that_hangs_does_not_hold_the_end(observe: Any, caplog: pytest.LogCaptureFixture) -> None:
    """One report is on its way and never arrives, two wait behind it."""
    delivery = Fake(hangs=True)
    reporter = ErrorReporter(delivery, ReportingSettings(), close_seconds=0.1)
    for _ in range(3):
        observe([reporter], error=broken())

    await asyncio.wait_for(reporter.close(), 10)

    assert (delivery.taken, delivery.is_closed) == (0, True)
    assert "3 reports to Fake were not sent" in caplog.text


async def test_a_flood_of_errors_is_bounded_and_what_is_lost_is_counted(
    observe: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop gets no turn between these requests, so nothing is sent meanwhile."""
    delivery = Fake()
    reporter = ErrorReporter(delivery, ReportingSettings(), max_queued=10)
    for _ in range(25):
        observe([reporter], error=broken())

    await reporter.close()

    assert delivery.taken == 10
    assert "15 reports to Fake were not sent" in caplog.text


def test_a_report_keeps_no_exception_alive() -> None:
    """A frame of an exception may hold a decoded picture."""
    from renderer.telemetry.reporters.report import report as make

    seen = Observation(request_id="r", method="GET", target="/", client_ip="")
    made = make(seen, broken())

    assert all(isinstance(frame.file, str) for problem in made.problems for frame in problem.frames)
    assert not any(isinstance(value, BaseException) for value in (*made.problems, *made.context.values()))


def test_a_dsn_that_is_none_is_named_without_being_shown(vitals: Any) -> None:
    settings = load_settings({"IMGPROXY_SENTRY_DSN": "hunter2"})

    with pytest.raises(ConfigurationError, match="^IMGPROXY_SENTRY_DSN: expected the DSN") as raised_error:
        tracing_monitors(settings, environment={}, vitals=vitals, version="1")

    assert "hunter2" not in str(raised_error.value)


def test_airbrake_needs_a_project(vitals: Any) -> None:
    settings = load_settings({"IMGPROXY_AIRBRAKE_PROJECT_KEY": "k"})

    with pytest.raises(ConfigurationError, match="^IMGPROXY_AIRBRAKE_PROJECT_ID: expected"):
        tracing_monitors(settings, environment={}, vitals=vitals, version="1")


def test_keys_are_not_in_the_repr_of_settings() -> None:
    settings = load_settings({**EVERYWHERE, "IMGPROXY_BUGSNAG_KEY": "hunter2", "IMGPROXY_SENTRY_DSN": "hunter2"})

    assert "hunter2" not in repr(settings)


async def test_reporters_leave_the_process_alone(reporters: Setup, receiver: Any) -> None:
    hook, handler = sys.excepthook, signal.getsignal(signal.SIGTERM)
    handlers = list(logging.getLogger().handlers)
    monitors = reporters(IMGPROXY_SENTRY_DSN=dsn(receiver), **EVERYWHERE)

    assert (hook, handler) == (sys.excepthook, signal.getsignal(signal.SIGTERM))
    assert handlers == logging.getLogger().handlers
    for monitor in monitors:
        await monitor.close()
