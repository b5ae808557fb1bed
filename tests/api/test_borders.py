"""What holds at the borders of the functions: the time of the gateway, its sizes, headers, failures in a row."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from api import problems
from api.inspection.inspect import inspect
from api.inspection.polyglots import refuse_polyglot
from api.local.pump import Pump
from api.settings import UploadSettings
from renderer.cache.tags import original_tag
from renderer.formats import ImageFormat
from tests.api.fakes import BUCKET, Application, nothing_stored, picture, proxied, settings
from tests.api.raw_origin import serving, stalling

PNG = picture()
OTHER = picture(shade=200)
TYPE = {"Content-Type": "image/png"}
JSON = {"Content-Type": "application/json"}
TAG = original_tag(f"s3://{BUCKET}/a.png")


@dataclass(frozen=True)
class Context:
    """A call of Lambda that has so many seconds left."""

    seconds: float
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        """What Lambda would say."""
        return round(self.seconds * 1000)


@dataclass
class Results:
    """A store of results that remembers how much time it was given, and fails as it is told."""

    error: Exception | None = None
    seconds: list[float] = field(default_factory=list)

    def purge(self, tags: Sequence[str], *, seconds: float = 20.0) -> int:
        """Notes the seconds."""
        self.seconds.append(seconds)
        if self.error is not None:
            raise self.error
        return len(tags)


def test_a_picture_is_inspected_within_what_the_call_has_left() -> None:
    """A call that is all but over stores nothing, because nobody would hear of it."""
    application = Application()
    event = proxied("PUT", "/images/a.png", PNG, headers=TYPE)
    with nothing_stored(application):
        answer = application.api.upload(event, Context(2.0))

    assert (answer["statusCode"], json.loads(answer["body"])["type"]) == (422, "urn:bildwerk:problem:too-slow")


def test_a_url_is_fetched_within_what_the_call_has_left() -> None:
    """However long the settings would wait for it."""
    with serving(stalling(b"HTTP/1.1 200 OK\r\n")) as origin:
        application = Application(
            settings=settings(BILDWERK_UPLOAD_ALLOW_HTTP="1", BILDWERK_UPLOAD_ALLOW_ADDRESSES="loopback")
        )
        event = proxied("POST", "/images", json.dumps({"url": origin.url}), headers=JSON)
        began = time.monotonic()
        answer = application.api.upload(event, Context(10.5))

    assert json.loads(answer["body"])["type"] == "urn:bildwerk:problem:source-timeout"
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(("method", "body"), [("PUT", PNG), ("DELETE", None)])
def test_stored_results_get_little_of_a_requests_time(method: str, body: bytes | None) -> None:
    """The queue purges them again, so that nobody has to wait for a store that hangs."""
    results = Results()
    application = Application(further={"results": results})
    status, _ = application.ask(method, "/images/a.png", body, headers=TYPE if body else None)

    assert status in {201, 404}
    assert len(results.seconds) == 1
    assert results.seconds[0] <= 2


@pytest.mark.parametrize("error", [RuntimeError("a bug"), OSError("a disk")])
def test_whatever_happens_to_stored_results_the_purge_is_queued(error: Exception) -> None:
    application = Application(further={"results": Results(error)})
    status, told = application.ask("PUT", "/images/a.png", PNG, headers=TYPE)

    assert (status, told["purge"]["state"]) == (201, "queued")
    assert application.queue.tags == [TAG]


@pytest.mark.parametrize("condition", ["If-None-Match", "If-Match"])
def test_the_same_request_again_orders_the_purge_even_if_its_condition_no_longer_holds(condition: str) -> None:
    """The first one has stored the picture and could not queue its purge; so says the answer to send it again."""
    application = Application()
    value = "*"
    if condition == "If-Match":
        value = application.ask("PUT", "/images/a.png", OTHER, headers=TYPE)[1]["etag"]
        application.queue.sent.clear()
    headers = {**TYPE, condition: value}
    application.queue.fails = True
    first, _ = application.ask("PUT", "/images/a.png", PNG, headers=headers)
    application.queue.fails = False
    again, _ = application.ask("PUT", "/images/a.png", PNG, headers=headers)

    assert (first, again) == (503, 412)
    assert application.queue.tags == [TAG]


def test_a_condition_that_fails_for_another_picture_orders_nothing() -> None:
    application = Application()
    application.ask("PUT", "/images/a.png", PNG, headers=TYPE)
    application.queue.sent.clear()
    status, _ = application.ask("PUT", "/images/a.png", OTHER, headers={**TYPE, "If-None-Match": "*"})

    assert (status, application.queue.sent) == (412, [])


def test_a_condition_of_a_key_that_names_its_content_holds_at_the_moment_of_the_write() -> None:
    """Of two writers who both found nothing, the second one is refused."""
    application = Application()
    key = json.loads(application.answer("POST", "/images", PNG, headers=TYPE)["body"])["key"]
    (_, there) = application.originals.objects.pop(key)

    def before(method: str) -> None:
        if method == "put":
            application.originals.objects.setdefault(key, (PNG, there))

    application.originals.before = before
    status, _ = application.ask("PUT", f"/images/{key}", PNG, headers={**TYPE, "If-None-Match": "*"})

    assert status == 412


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/images", {"If-None-Match": "*"}),
        ("POST", "/images", {"If-Match": '"abc"'}),
        ("POST", "/uploads", {"If-None-Match": "*"}),
        ("PUT", "/images/a.png", {"If-Unmodified-Since": "Sat, 29 Oct 1994 19:43:31 GMT"}),
        ("DELETE", "/images/a.png", {"If-Unmodified-Since": "Sat, 29 Oct 1994 19:43:31 GMT"}),
        ("DELETE", "/images/a.png", {"If-Match": '"abc"'}),
        ("PUT", "/images/a.png", {"Content-Range": "bytes 0-9/20"}),
    ],
)
def test_a_condition_or_a_range_that_is_not_kept_is_refused(method: str, path: str, headers: dict[str, str]) -> None:
    """To ignore it would write over what the client wants to keep (RFC 9110 sections 13.1 and 14.5)."""
    application = Application()
    with nothing_stored(application):
        status, told = application.ask(method, path, PNG, headers={**TYPE, **headers}, query={"key": "a.png"})

    assert (status, told["type"]) == (400, "urn:bildwerk:problem:invalid-request")


def test_a_member_with_an_endless_name_is_not_repeated() -> None:
    """Its answer would be larger than Lambda lets out: 6 MB."""
    text = json.dumps({"url": "https://a.example/", "é" * 1_000_000: 1}, ensure_ascii=False)
    answer = Application().answer("POST", "/images", text, headers=JSON)

    assert answer["statusCode"] == 400
    assert len(answer["body"]) < 10_000


def test_whoever_is_nobody_is_told_how_to_be_somebody() -> None:
    """RFC 9110 section 15.5.2."""
    event = proxied("PUT", "/images/a.png", PNG, headers=TYPE)
    event["requestContext"] = {}
    answer = Application().api.upload(event, None)

    assert (answer["statusCode"], answer["headers"]["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("path", "context_path", "location"),
    [
        ("/images/a b.png".replace(" ", "%20"), "/prod/images/a%20b.png", "/prod/images/a%20b.png"),
        ("/base/images/a.png", "/base/images/a.png", "/base/images/a.png"),
        ("/images/a.png", "/images/a.png", "/images/a.png"),
    ],
)
def test_the_headers_name_the_place_below_the_stage_or_the_domains_own_path(
    path: str, context_path: str, location: str
) -> None:
    """They are relative to the request's address (RFC 9110 section 10.2.2), which begins with what the gateway adds."""
    event = proxied("PUT", "/images/x", PNG, headers=TYPE)
    event["path"], event["requestContext"]["path"] = path, context_path
    answer = Application().api.upload(event, None)

    assert answer["statusCode"] == 201
    assert answer["headers"]["Location"] == answer["headers"]["Content-Location"] == location


def test_a_header_that_comes_in_two_spellings_is_one() -> None:
    """What proxies add must not make a request malformed."""
    event = proxied("PUT", "/images/a.png", PNG, headers=TYPE)
    event["multiValueHeaders"] |= {"X-Amzn-Trace-Id": ["Root=1"], "x-amzn-trace-id": ["Root=2"]}

    assert Application().api.upload(event, None)["statusCode"] == 201


def test_a_drawing_of_millions_of_elements_is_refused_before_it_is_parsed() -> None:
    """A tree takes forty times the bytes of its text, and building it cannot be stopped."""
    data = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">' + b"<g/>" * 4_000_000 + b"</svg>"
    with pytest.raises(problems.TooLarge) as refused:
        inspect(data, declared_type=None, settings=UploadSettings())

    assert refused.value.members["max_bytes"] == 8 * 1024 * 1024


_MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("format", "data"),
    [
        (ImageFormat.JPEG, b"\xff\xd8" + b"\xff\x01" * (4 * _MIB)),
        (
            ImageFormat.GIF,
            b"GIF89a\1\0\1\0\0\0\0" + b"\x2c" + bytes(9) + b"\2\0" + b"\x2c\0\0\0\0\0\0\0\0\0\2\0" * _MIB,
        ),
        (ImageFormat.PNG, b"\x89PNG\r\n\x1a\n" + (struct.pack(">I4s", 0, b"IDAT") + b"crc!") * _MIB),
        (ImageFormat.AVIF, b"\0\0\0\x18ftypavif" + bytes(12) + struct.pack(">I4s", 8, b"mdat") * _MIB),
        (ImageFormat.WEBP, b"RIFF" + struct.pack("<I", 8 * _MIB + 4) + b"WEBP" + b"VP8 \0\0\0\0" * _MIB),
        (
            ImageFormat.PNG,
            b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 0, b"IEND") + b"crc!\xff\xd8\xff" + b"\x01\xff" * (4 * _MIB),
        ),
    ],
    ids=["jpeg", "gif", "png", "avif", "webp", "behind-a-png"],
)
def test_a_file_of_millions_of_parts_ends_at_the_deadline(format: ImageFormat, data: bytes) -> None:
    """Also parts that hold pixels, or nothing: each is a step, and the clock is looked at on the way."""
    looks = iter(range(20))

    def check() -> None:
        if next(looks, None) is None:
            raise problems.TooSlow("The time is up.")

    with pytest.raises(problems.TooSlow):
        refuse_polyglot(data, format, check)


def test_zeros_between_the_frames_of_a_gif_cost_no_step_each() -> None:
    data = b"GIF89a\1\0\1\0\0\0\0" + bytes(64 * _MIB)
    began = time.process_time()
    refuse_polyglot(data, ImageFormat.GIF, lambda: None)

    assert time.process_time() - began < 3


class _Journal:
    """A journal whose file fails once in a while."""

    def __init__(self) -> None:
        self.on_change: Any = None
        self.failures = 1
        self.was_asked_again = threading.Event()

    def receive(self, *_: Any) -> list[Any]:
        """Nothing is due."""
        if self.failures == 0:
            self.was_asked_again.set()
        return []

    def seconds_until_due(self) -> float:
        """Fails the first time."""
        if self.failures:
            self.failures -= 1
            raise OSError("a disk that fails")
        return 60.0


def test_the_queue_goes_on_after_its_file_failed() -> None:
    journal: Any = _Journal()
    pump = Pump(Application().api, journal)
    pump.start()
    try:
        assert journal.was_asked_again.wait(10)
    finally:
        pump.stop(10)


_PROGRAM = """
import json, os, sys
from types import SimpleNamespace
from api import functions
event = {"headers": {"Authorization": "Bearer bw_a-token-that-nobody-may-read"}, "methodArn": "", "httpMethod": "GET"}
context = SimpleNamespace(
    function_name="f", memory_limit_in_mb=128, invoked_function_arn="arn:aws:lambda:a:b:c", aws_request_id="r",
    get_remaining_time_in_millis=lambda: 10_000, tenant_id=None,
)
function = getattr(functions, sys.argv[1])
try:
    print(json.dumps(function(event, context)))
except Exception as error:
    print(type(error).__name__)
"""


def _functions(name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_REGION": "eu-central-1",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "POWERTOOLS_TRACE_DISABLED": "1",
        "BILDWERK_BUCKET": BUCKET,
        "BILDWERK_PURGE_QUEUE_URL": "https://sqs.example/1/purges",
        "_HANDLER": f"api.functions.{name}",
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, name], env=environment, capture_output=True, text=True, timeout=60, check=True
    )


def test_no_token_gets_into_the_log_whatever_the_loggers_variables_say() -> None:
    """Powertools would log whole events if a variable says so; the authorizer's holds the token."""
    token = '[{"name": "me", "token": "bw_another-token-of-this-list", "scopes": []}]'
    for name in ("authorize", "read"):
        ended = _functions(name, POWERTOOLS_LOGGER_LOG_EVENT="true", LOG_LEVEL="DEBUG", BILDWERK_API_TOKENS=token)

        assert "nobody-may-read" not in ended.stdout + ended.stderr


def test_only_the_authorizer_needs_the_tokens() -> None:
    """The other functions are not told where the list is, and their roles cannot read it."""
    assert json.loads(_functions("read").stdout.splitlines()[-1])["statusCode"] in {401, 404}
    with pytest.raises(subprocess.CalledProcessError):
        _functions("authorize")


def test_settings_of_a_call_do_not_outlive_it() -> None:
    """A call with little time must not shorten the next one's."""
    application = Application()
    event = proxied("PUT", "/images/a.png", PNG, headers=TYPE)
    application.api.upload(event, Context(2.0))

    assert application.api.upload(event, Context(29.0))["statusCode"] == 201
    assert replace(application.settings.uploads) == UploadSettings()
