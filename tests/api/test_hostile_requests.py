"""Hostile requests over HTTP: each is refused as documented, nothing is stored, purged or told, and memory is bounded.

The server is `bildwerk api` in a process of its own, over a real S3 server.
"""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from api.settings import DIRECT_BYTES
from tests.api.pictures import drawn, every_format, further_kinds
from tests.api.processes import (
    TOKEN,
    Api,
    Place,
    Reply,
    ask,
    cloud,
    eventually,
    make_place,
    place,
    put,
    running_api,
    spoken,
)
from tests.api.raw_origin import Script, answer, chunked, endless, redirecting, sending, serving, stalling
from tests.api.test_inspection import BOMBS, BROKEN_DRAWINGS, NOT_IMAGES, UNSAFE
from tests.api.test_polyglots import archive, commented
from tests.http.test_addresses import LOOPBACK, METADATA, NUMBERS, TABLE, written
from tests.servers.s3 import shared_s3

__all__ = ["cloud", "make_place", "place", "shared_s3"]

FILES = every_format() | further_kinds()
MOST_MB = 256
"""Resident at most, a server's whole life long, whatever comes one by one: 146 MB were measured."""
MOST_MB_AT_ONCE = 400
"""And 20 at once: 223 MB."""
MOST_MB_DECODING = 1600
"""And 20 at once of 12 megapixels that a decoder has to hold whole: 1,223 MB, of which 8 are decoded at once."""
DEADLINE_SECONDS = 4.0
"""For what may take 1 s, on a busy machine."""


@dataclass
class Door:
    """A server, and what stands behind it."""

    api: Api
    place: Place

    @contextmanager
    def shut(self, token: str = TOKEN) -> Iterator[None]:
        """The block stores nothing and orders no purge, and the server answers as before when it has ended."""
        before = self.place.purged(), self.place.store.keys()
        yield
        assert self.place.waiting() == 0
        assert (self.place.purged(), self.place.store.keys()) == before
        assert ask(self.api.port, "GET", "/images/nothing", token=token).outcome == (404, "not-found")

    def sent(self, request: Request) -> Reply:
        """The answer to a request with the token."""
        return ask(self.api.port, request.method, request.target, request.body, request.headers)


@dataclass(frozen=True)
class Request:
    """A request."""

    body: bytes
    headers: Mapping[str, str]
    method: str = "PUT"
    target: str = "/images/hostile"


@pytest.fixture(scope="module")
def door(make_place: Callable[[], Place]) -> Iterator[Door]:
    """A server that takes what is refused here, were it a picture."""
    place = make_place()
    with running_api(place, BILDWERK_UPLOAD_SVG="refuse") as api:
        yield Door(api, place)


@pytest.fixture
def fresh_door(place: Place) -> Iterator[Door]:
    """The same, with nothing in its memory yet."""
    with running_api(place, BILDWERK_UPLOAD_SVG="refuse") as api:
        yield Door(api, place)


def raw(data: bytes, content_type: str = "application/octet-stream") -> Request:
    """A file as it is."""
    return Request(data, {"Content-Type": content_type})


def form(data: bytes, *, part: str = "Content-Type: application/octet-stream", key: str | None = None) -> Request:
    """A file in a form."""
    fields = [] if key is None else [("", key.encode(), 'name="key"')]
    fields.append((f"{part}\r\n", data, 'name="file"; filename="a.png"'))
    parts = [b"--b\r\nContent-Disposition: form-data; %s\r\n" % names.encode() + head.encode() + b"\r\n" + content
             + b"\r\n" for head, content, names in fields]  # fmt: skip
    return Request(
        b"".join(parts) + b"--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}, "POST", "/images"
    )


def nested(levels: int) -> bytes:
    """A picture in a multipart in a multipart, and so on."""
    content, kind = FILES["png"], b"image/png"
    for level in range(levels):
        mark = b"n%d" % level
        content = b"--%s\r\nContent-Type: %s\r\n\r\n%s\r\n--%s--\r\n" % (mark, kind, content, mark)
        kind = b"multipart/mixed; boundary=" + mark
    return content


def nested_forms(levels: int) -> Request:
    """The same in the field for the file."""
    return form(nested(levels), part=f"Content-Type: multipart/mixed; boundary=n{levels - 1}")


def script_gif() -> bytes:
    """A GIF that is JavaScript: its width opens a comment, which a comment of GIF's ends."""
    program = b"*/=1;alert(1);/*"
    return b"GIF89a/*" + FILES["gif"][8:-1] + b"!\xfe" + bytes([len(program)]) + program + b"\0;"


POLYGLOTS: dict[str, Callable[[], bytes]] = {
    "jpeg and zip": lambda: FILES["jpeg"] + archive(),
    "png and zip": lambda: FILES["png"] + archive(),
    "gif and javascript": script_gif,
    "gif with javascript behind it": lambda: b"GIF89a/*" + FILES["gif"][8:] + b"*/=1;alert(1)",
    "png with html in its text": lambda: commented(b"<html><script>alert(1)</script>")["png"],
    "png with html behind it": lambda: FILES["png"] + b"<!doctype html><script>alert(1)</script>",
    "jpeg with php": lambda: commented(b"<?php system($_GET['c']); ?>")["jpeg"],
    "webp with a program behind it": lambda: FILES["webp"] + b"\x7fELF" + bytes(range(256)),
}
TRUNCATED = [name for name in FILES if name != "svg"]
JUST_TOO_LARGE = bytes(DIRECT_BYTES + 1)

# What is sent, and status and name of the problem.
UPLOADS: dict[str, tuple[Callable[[], Request], tuple[int, str]]] = {
    **{f"bomb: {name}": ((lambda make=make: raw(make())), (kind.status, kind.name))
       for name, (make, kind) in BOMBS.items()},
    **{f"polyglot: {name}": ((lambda make=make: raw(make())), (422, "polyglot")) for name, make in POLYGLOTS.items()},
    **{f"no picture: {name}": ((lambda data=data: raw(data, "image/jpeg")), (415, "not-an-image"))
       for name, data in NOT_IMAGES.items()},
    **{f"truncated: {name}": ((lambda name=name: raw(FILES[name][: len(FILES[name]) // 2])), (422, "broken-image"))
       for name in TRUNCATED},
    **{f"drawing that acts: {name}": ((lambda data=data: raw(data, "image/svg+xml")), (422, "unsafe-svg"))
       for name, (data, _) in UNSAFE.items()},
    **{f"drawing: {name}": ((lambda data=data: raw(data, "image/svg+xml")), (422, "broken-image"))
       for name, data in BROKEN_DRAWINGS.items()},
    "type: png as jpeg": (lambda: raw(FILES["png"], "image/jpeg"), (415, "type-mismatch")),
    "type: png as a page in a form": (lambda: form(FILES["png"], part="Content-Type: text/html"),
                                      (415, "type-mismatch")),
    "type: a page": (lambda: raw(FILES["png"], "text/html"), (415, "unsupported-media-type")),
    "type: a form, put": (lambda: raw(form(FILES["png"]).body, "multipart/form-data; boundary=b"),
                          (415, "unsupported-media-type")),
    "type: none": (lambda: Request(FILES["png"], {}), (415, "unsupported-media-type")),
    "empty: put": (lambda: raw(b""), (422, "empty-file")),
    "empty: form": (lambda: form(b""), (422, "empty-file")),
    "empty: post": (lambda: Request(b"", {"Content-Type": "image/png"}, "POST", "/images"), (422, "empty-file")),
    "large: put": (lambda: raw(JUST_TOO_LARGE), (413, "too-large")),
    "large: form": (lambda: form(JUST_TOO_LARGE), (413, "too-large")),
    "large: more than an event": (lambda: raw(bytes(6_000_000)), (413, "too-large")),
    "form: 30 levels": (lambda: nested_forms(30), (415, "not-an-image")),
    "form: 30 levels, the body itself": (
        lambda: Request(nested(30), {"Content-Type": "multipart/form-data; boundary=n29"}, "POST", "/images"),
        (400, "invalid-request")),
    "form: 10,000 parts": (
        lambda: Request(b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n' * 10_000 + b"--b--\r\n",
                        {"Content-Type": "multipart/form-data; boundary=b"}, "POST", "/images"),
        (400, "invalid-request")),
    "form: a head of 3 MB": (lambda: form(FILES["png"], part="X: " + "x" * 3_000_000), (400, "invalid-request")),
    "form: never ended": (lambda: Request(form(FILES["png"]).body[:-7], form(b"").headers, "POST", "/images"),
                          (400, "invalid-request")),
    "form: the file twice": (lambda: Request(form(FILES["png"]).body[:-7] + form(FILES["png"]).body,
                                             form(b"").headers, "POST", "/images"), (400, "invalid-request")),
    "json: 100,000 levels": (lambda: Request(b"[" * 100_000, {"Content-Type": "application/json"}, "POST", "/images"),
                             (400, "invalid-request")),
    "json: no text": (lambda: Request(b"\xff\xfe\x00", {"Content-Type": "application/json"}, "POST", "/images"),
                      (400, "invalid-request")),
}  # fmt: skip


@pytest.mark.parametrize("name", UPLOADS)
def test_a_hostile_upload_is_refused_and_leaves_nothing(door: Door, name: str) -> None:
    """With the documented problem, in bounded memory; the server lives on."""
    make, expected = UPLOADS[name]
    with door.shut():
        assert door.sent(make()).outcome == expected
    assert door.api.memory_mb() < MOST_MB


# As the request line has them.
TARGETS: dict[str, bytes] = {
    "dots": b"../a.png",
    "dots inside": b"a/../../b.png",
    "dots at the end": b"a/..",
    "one dot": b"./a.png",
    "encoded dots": b"%2e%2e/a.png",
    "encoded dots and slash": b"%2E%2E%2Fa.png",
    "dots, encoded slash": b"a/..%2fb.png",
    "half encoded dots": b".%2e/a.png",
    "encoded nul": b"a%00.png",
    "encoded line break": b"a%0d%0aX-Evil:%201.png",
    "encoded delete": b"a%7f.png",
    "encoded question mark": b"a%3Fversion=1.png",
    "1,025 bytes": b"a" * 1025,
    "1,025 encoded bytes": b"%61" * 1025,
    "1,025 bytes of 343 characters": b"%E2%82%AC" * 341 + b"ab",
    "right-to-left override": b"a%E2%80%AEgnp.exe",
    "right-to-left mark": b"%E2%80%8Fa.png",
    "Arabic letter mark": b"%D8%9Ca.png",
    "isolate": b"%E2%81%A7a.png",
    "byte order mark": b"%EF%BB%BFa.png",
    "not composed": b"e%CC%81.png",
    "half a percent": b"a%2",
    "a percent": b"100%",
    "no hexadecimals": b"%zz",
    "dots in JavaScript's escapes": b"%u002e%u002e/a.png",
    "no UTF-8": b"%FF.png",
    "a slash in two bytes": b"..%C0%AFa.png",
    "half a pair": b"%ED%A0%80.png",
    "empty parts": b"/a.png",
    "empty at the end": b"a.png/",
    "files on their way": b"incoming/0123/file",
    "files on their way, encoded": b"%69ncoming%2F0123%2Ffile",
}


def written_out(method: bytes, target: bytes, *fields: bytes, body: bytes = b"") -> bytes:
    """A request with the token, byte for byte."""
    always = [b"Host: a", b"Authorization: Bearer " + TOKEN.encode(), b"Content-Type: image/png"]
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", *always, *fields, b"", body])


@pytest.mark.parametrize("name", TARGETS)
def test_a_hostile_key_is_refused_and_leaves_nothing(door: Door, name: str) -> None:
    """Before a file that is a picture is stored, or anything is deleted."""
    body = FILES["png"]
    fields = (b"Content-Length: %d" % len(body), b"Connection: close")
    with door.shut():
        for method in (b"PUT", b"DELETE"):
            told = spoken(door.api.port, written_out(method, b"/images/" + TARGETS[name], *fields, body=body))
            assert told.outcome == (400, "invalid-key")


DECODED = ["", "../a.png", "a\0.png", "a\n.png", "a?b", "€" * 341 + "ab", "a\u202egnp.exe", "e\u0301.png", "/a.png",
           "incoming/0123/file"]  # fmt: skip


@pytest.mark.parametrize("key", DECODED)
def test_a_hostile_key_in_a_form_a_query_or_json_is_refused_too(door: Door, key: str) -> None:
    """Before a URL is fetched: nothing listens there. What a query decodes to is not decoded again."""
    asked = json.dumps({"url": "https://127.0.0.1:9/", "key": key}).encode()
    wanted = json.dumps({"content_type": "image/png", "bytes": 9, "key": key}).encode()
    in_json = {"Content-Type": "application/json"}
    with door.shut():
        told = [
            door.sent(form(FILES["png"], key=key)),
            ask(
                door.api.port, "POST", f"/images?key={quote(key, safe='')}", FILES["png"], {"Content-Type": "image/png"}
            ),
            door.sent(Request(asked, in_json, "POST", "/images")),
            door.sent(Request(wanted, in_json, "POST", "/uploads")),
        ]
        # JSON has a model, which knows the length.
        expected = {(400, "invalid-key"), (400, "invalid-request")} if not key else {(400, "invalid-key")}
        assert {reply.outcome for reply in told} <= expected


def test_a_key_that_names_another_content_is_refused(door: Door) -> None:
    """Such a key is the sha256 of what lies there."""
    with door.shut():
        assert put(door.api.port, f"ab/ab{'0' * 62}.png", FILES["png"]).outcome == (400, "invalid-key")


def test_a_key_that_is_encoded_twice_is_decoded_once(place: Place) -> None:
    """What is left of its percent signs are characters of a name, for the store too: it leads nowhere else."""
    with running_api(place) as api:
        for key in ("%252e%252e/a.png", "%252e%252e%252fb.png", "c%2500.png"):
            assert put(api.port, key, FILES["png"]).status == 201
        assert place.store.keys() == {"%2e%2e/a.png", "%2e%2e%2fb.png", "c%00.png"}
        assert set(place.store.whole()) == place.store.keys()


@pytest.mark.parametrize(
    "request_line",
    [b"PUT /images/a\0.png HTTP/1.1", b"PUT /images/a b.png HTTP/1.1", b"PUT /images/\xe2\x80\xae.png HTTP/1.1",
     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
)  # fmt: skip
def test_what_is_no_http_ends_at_the_border(door: Door, request_line: bytes) -> None:
    """It has no route, so the answer is no problem document."""
    with door.shut():
        assert spoken(door.api.port, request_line + b"\r\nHost: a\r\n\r\n").status == 400


@pytest.mark.parametrize(
    ("fields", "body", "expected"),
    [
        ((b"Content-Length: 100000000000",), b"x" * 100, (413, "too-large")),
        ((b"Transfer-Encoding: chunked",), (b"100000\r\n" + bytes(1 << 20) + b"\r\n") * 32, (413, "too-large")),
        ((b"Content-Length: 5", b"Transfer-Encoding: chunked"), b"0\r\n\r\n", (400, "")),
        ((b"Content-Length: 5", b"Content-Length: 6"), b"123456", (400, "")),
        ((b"Content-Length: -5",), b"", (400, "")),
        ((b"Content-Length: 0", b"Content-Type: text/html"), b"", (400, "")),
        ((b"Content-Length: 0", b"If-Match: *", b"If-Match: *"), b"", (400, "invalid-request")),
    ],
)
def test_a_request_that_lies_about_its_body_is_refused(
    door: Door, fields: tuple[bytes, ...], body: bytes, expected: tuple[int, str]
) -> None:
    """Before the body is read, where the head already says so; of one without end a bounded part is."""
    with door.shut():
        told = spoken(door.api.port, written_out(b"PUT", b"/images/a", *fields, body=body))
        assert told.outcome == expected
    assert door.api.memory_mb() < MOST_MB


def at_once(requests: list[Callable[[], Reply]]) -> list[Reply]:
    """The answers to requests that are under way together."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda request: request(), requests))


def test_twenty_at_once_cost_no_more_than_what_the_gateway_runs_at_once(fresh_door: Door) -> None:
    """Bombs, files as large as an event holds, forms: all are refused as they are one by one, and then a picture is
    taken.
    """
    names = [
        *(f"bomb: {name}" for name in BOMBS if "avif" not in name),
        *("large: put", "large: form", "form: 30 levels", "form: a head of 3 MB", "polyglot: jpeg and zip"),
        *("large: put", "large: form", "drawing that acts: script", "empty: put"),
    ]
    assert len(names) == 20
    made = [(UPLOADS[name][0](), UPLOADS[name][1]) for name in names]
    with fresh_door.shut():
        told = at_once([lambda request=request: fresh_door.sent(request) for request, _ in made])
        assert [reply.outcome for reply in told] == [expected for _, expected in made], [r.body[:200] for r in told[:2]]
    print(f"20 at once: {fresh_door.api.memory_mb()} MB")  # noqa: T201  the figure is what this is about
    assert fresh_door.api.memory_mb() < MOST_MB_AT_ONCE


def test_twenty_unfinished_pictures_at_once_cost_what_eight_cost(fresh_door: Door) -> None:
    """Of a progressive JPEG a decoder holds all coefficients, 6 bytes a pixel: nothing that is taken costs more."""
    file = drawn(1000, 1000).resize(4, vscale=3).jpegsave_buffer(Q=20, interlace=True, subsample_mode="off")
    with fresh_door.shut():
        told = at_once([lambda: fresh_door.sent(raw(file[: len(file) // 2]))] * 20)
        assert [reply.outcome for reply in told] == [(422, "broken-image")] * 20
    print(f"20 progressive at once: {fresh_door.api.memory_mb()} MB")  # noqa: T201  as above
    assert fresh_door.api.memory_mb() < MOST_MB_DECODING


def test_a_picture_is_taken_after_all_this(door: Door) -> None:
    """And deleted again."""
    assert put(door.api.port, "a.png", FILES["png"]).status == 201
    assert ask(door.api.port, "DELETE", "/images/a.png").status == 202
    eventually(lambda: door.place.waiting() == 0, "the purges")
    assert door.place.is_purged("a.png")


# URLs


@pytest.fixture(scope="module")
def closed(make_place: Callable[[], Place]) -> Iterator[Door]:
    """A server that fetches from public addresses over https."""
    place = make_place()
    with running_api(place, BILDWERK_UPLOAD_URL_TIMEOUT="1") as api:
        yield Door(api, place)


@pytest.fixture(scope="module")
def opened(make_place: Callable[[], Place]) -> Iterator[Door]:
    """A server that fetches from this machine too, a megabyte at most."""
    place = make_place()
    variables = {
        "BILDWERK_UPLOAD_URL_TIMEOUT": "1",
        "BILDWERK_UPLOAD_ALLOW_HTTP": "true",
        "BILDWERK_UPLOAD_ALLOW_ADDRESSES": "loopback",
        "BILDWERK_MAX_LARGE_UPLOAD_BYTES": "1000000",
    }
    with running_api(place, **variables) as api:
        yield Door(api, place)


def by_url(door: Door, url: str) -> Reply:
    """The answer to an upload by URL, which must not take much longer than its deadline of 1 s."""
    began = time.monotonic()
    body = json.dumps({"url": url, "key": "hostile"}).encode()
    reply = ask(door.api.port, "POST", "/images", body, {"Content-Type": "application/json"})
    assert time.monotonic() - began < DEADLINE_SECONDS, url
    return reply


ADDRESSES = sorted({address for address, _ in TABLE} | set(METADATA))


def test_every_inner_address_is_refused_and_not_dialed(closed: Door) -> None:
    """By the renderer's table, on a port where somebody listens on all of this machine's."""
    with serving(sending(answer(FILES["png"]))) as origin, closed.shut():
        told = {host: by_url(closed, f"https://{written(host)}:{origin.port}/").outcome for host in ADDRESSES}
        assert told == dict.fromkeys(ADDRESSES, (422, "source-forbidden-address"))
        hosts = ["localhost", "１２７.0.0.1", "127。0。0。1", "①②⑦.⓪.⓪.①"]
        told = {host: by_url(closed, f"https://{host}:{origin.port}/").outcome for host in hosts}
        assert told == dict.fromkeys(hosts, (422, "source-forbidden-address"))
        assert origin.connections == 0


def test_a_number_for_a_host_is_no_address(opened: Door) -> None:
    """Though this machine may be asked."""
    with serving(sending(answer(FILES["png"]))) as origin, opened.shut():
        told = {host: by_url(opened, f"http://{host}:{origin.port}/").outcome for host in NUMBERS}
        assert told == dict.fromkeys(NUMBERS, (422, "source-unreachable"))
        assert origin.connections == 0


@pytest.mark.parametrize(
    "url", ["http://example.com/a.png", "ftp://example.com/", "file:///etc/passwd", "data:image/png;base64,AAAA",
            "s3://bucket/key", "//example.com/", "local:///a.png"],
)  # fmt: skip
def test_other_schemes_are_refused(closed: Door, url: str) -> None:
    with closed.shut():
        assert by_url(closed, url).outcome == (422, "source-scheme-forbidden")


def to_anywhere(peer: socket.socket, target: str) -> None:
    """Redirects `/to/URL` to the URL."""
    peer.sendall(answer(b"", b"Location: " + target.partition("/to/")[2].encode(), status=b"302 Found"))


def test_a_redirect_to_an_inner_address_is_refused(opened: Door) -> None:
    """To every one that is closed, from an origin that is open; and to other schemes."""
    hosts = sorted({host for host, switch in TABLE if switch != LOOPBACK} | set(METADATA))
    with serving(to_anywhere) as origin, opened.shut():
        told = {host: by_url(opened, f"{origin.url}/to/http://{written(host)}:9/").outcome for host in hosts}
        assert told == dict.fromkeys(hosts, (422, "source-forbidden-address"))
        for url in ("ftp://127.0.0.1/", "file:///etc/passwd"):
            assert by_url(opened, f"{origin.url}/to/{url}").outcome == (422, "source-scheme-forbidden")


UNTIL_CLOSE = answer(b"", is_sized=False)
GZIP = b"Content-Encoding: gzip"
ORIGINS: dict[str, tuple[Script, tuple[int, str]]] = {
    "a byte a second": (endless(UNTIL_CLOSE, b"x", pause_seconds=1), (422, "source-timeout")),
    "a byte a second in the head": (endless(b"HTTP/1.1 200 OK\r\nX: ", b"x", pause_seconds=1), (422, "source-timeout")),
    "no answer": (stalling(b""), (422, "source-timeout")),
    "nothing after the head": (stalling(answer(b"", announced=5)), (422, "source-timeout")),
    "endless": (endless(UNTIL_CLOSE, bytes(65_536)), (422, "source-too-large")),
    "endless chunks": (endless(chunked(b"x"), b"10000\r\n" + bytes(65_536) + b"\r\n"), (422, "source-too-large")),
    "endless gzip": (endless(answer(b"", GZIP, is_sized=False), gzip.compress(bytes(100_000))),
                     (422, "source-too-large")),
    "a bomb of gzip": (sending(answer(gzip.compress(bytes(100_000_000)), GZIP)), (422, "source-too-large")),
    "announced too large": (stalling(answer(b"", announced=1_000_001)), (422, "source-too-large")),
    "endless headers": (endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 100), (422, "source-incomplete")),
    "shorter than announced": (sending(answer(FILES["png"], announced=len(FILES["png"]) + 1)),
                               (422, "source-incomplete")),
    "longer than announced": (sending(answer(FILES["png"], announced=len(FILES["png"]) - 9)),
                              (422, "source-incomplete")),
    "two lengths": (sending(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
                    (422, "source-incomplete")),
    "a chunk too few": (sending(chunked(FILES["png"])), (422, "source-incomplete")),
    "no HTTP": (sending(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), (422, "source-incomplete")),
    "hangs up": (sending(b""), (422, "source-unreachable")),
    "redirects for ever": (redirecting("/"), (422, "source-too-many-redirects")),
    "an error": (sending(answer(FILES["png"], status=b"500 No")), (422, "source-status")),
    "nothing": (sending(answer(b"")), (422, "empty-file")),
    "a page": (sending(answer(b"<html>", b"Content-Type: image/png")), (415, "not-an-image")),
    "a polyglot": (sending(answer(FILES["png"] + archive())), (422, "polyglot")),
    "a bomb": (sending(answer(BOMBS["png of 900 megapixels"][0]())), (422, "too-many-pixels")),
}  # fmt: skip


@pytest.mark.parametrize("name", ORIGINS)
def test_a_hostile_origin_is_given_up_within_the_deadline(opened: Door, name: str) -> None:
    """Whatever it sends, or does not."""
    script, expected = ORIGINS[name]
    with serving(script) as origin, opened.shut():
        assert by_url(opened, origin.url).outcome == expected
        assert origin.connections
    assert opened.api.memory_mb() < MOST_MB


# Who asks


@dataclass(frozen=True)
class Keyring:
    """Tokens of a secret."""

    door: Door
    secret: str

    def write(self, *names: str) -> None:
        """Has the secret hold these tokens only."""
        entries = [entry for entry in ENTRIES if entry["name"] in names]
        self.door.place.cloud.secrets.put_secret_value(SecretId=self.secret, SecretString=json.dumps(entries))


ENTRIES: list[dict[str, Any]] = [
    {"name": "all", "token": "bw_all-0123456789abcdefghijklmnop", "scopes": ["upload", "delete"]},
    {"name": "leaver", "token": "bw_leaver-0123456789abcdefghijklmnop", "scopes": ["upload", "delete"]},
    {"name": "uploader", "token": "bw_uploader-0123456789abcdefghijklmnop", "scopes": ["upload"]},
    {"name": "deleter", "token": "bw_deleter-0123456789abcdefghijklmnop", "scopes": ["delete"]},
    {"name": "shoes", "token": "bw_shoes-0123456789abcdefghijklmnop", "scopes": ["upload", "delete"],
     "prefix": "shoes/"},
]  # fmt: skip
TOKENS = {str(entry["name"]): str(entry["token"]) for entry in ENTRIES}
UNKNOWN = "bw_unknown-0123456789abcdefghijklmnop"


@pytest.fixture(scope="module")
def keyring(make_place: Callable[[], Place]) -> Iterator[Keyring]:
    """A server that reads its tokens from Secrets Manager and logs all there is to log."""
    place = make_place()
    secret = str(place.cloud.secrets.create_secret(Name=place.store.bucket, SecretString=json.dumps(ENTRIES))["ARN"])
    variables = {
        "BILDWERK_API_TOKENS": "",
        "BILDWERK_API_TOKENS_SECRET": secret,
        "BILDWERK_API_TOKENS_SECONDS": "1",
        "IMGPROXY_LOG_LEVEL": "debug",
    }
    with running_api(place, secrets=(*TOKENS.values(), UNKNOWN), **variables) as api:
        yield Keyring(Door(api, place), secret)


UNAUTHORIZED = (401, "unauthorized")
ROUTES = [("PUT", "/images/a.png"), ("POST", "/images"), ("GET", "/images/a.png"), ("HEAD", "/images/a.png"),
          ("DELETE", "/images/a.png"), ("POST", "/uploads"), ("GET", f"/uploads/{'0' * 32}")]  # fmt: skip
HEADERS: dict[str, str] = {
    "unknown": f"Bearer {UNKNOWN}",
    "a known one with more behind it": f"Bearer {TOKENS['all']}x",
    "the beginning of a known one": f"Bearer {TOKENS['all'][:-1]}",
    "another case": f"Bearer {TOKENS['all'].upper()}",
    "two in one": f"Bearer {TOKENS['all']}, Bearer {UNKNOWN}",
    "no scheme": TOKENS["all"],
    "another scheme": f"Basic {TOKENS['all']}",
    "a name": "Bearer all",
    "nothing behind the scheme": "Bearer ",
    "4,000 characters": "Bearer " + "a" * 4000,
}


@pytest.mark.parametrize("name", ["none", *HEADERS])
def test_nobody_without_a_known_token_gets_in(keyring: Keyring, name: str) -> None:
    """Into no route, whatever it is that comes instead of the token."""
    door, sent = keyring.door, {"Authorization": HEADERS[name]} if name in HEADERS else {}
    with door.shut(TOKENS["all"]):
        for method, target in ROUTES:
            body = FILES["png"] if method in ("PUT", "POST") else None
            told = ask(door.api.port, method, target, body, {"Content-Type": "image/png", **sent}, token="")
            assert told.status == 401
            assert told.headers["www-authenticate"] == "Bearer"
            assert method == "HEAD" or told.outcome == UNAUTHORIZED


def test_a_token_elsewhere_than_in_its_header_is_none(keyring: Keyring) -> None:
    """Not in the query, where logs of others have it, nor in a cookie; and not one of two."""
    door, token = keyring.door, TOKENS["all"]
    for target in (f"/images/a.png?access_token={token}", f"/images/a.png?Authorization=Bearer%20{token}"):
        assert ask(door.api.port, "PUT", target, FILES["png"], {"Cookie": f"token={token}"}, token="").status == 401
    two = b"".join(b"Authorization: Bearer %s\r\n" % each.encode() for each in (token, UNKNOWN))
    head = b"DELETE /images/a.png HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + two + b"\r\n"
    assert spoken(door.api.port, head).status == 400


SCOPE, KEY = (403, "forbidden-scope"), (403, "forbidden-key")
JSON = {"Content-Type": "application/json"}
IMAGE = {"Content-Type": "image/png"}
FORBIDDEN = [
    ("uploader", "DELETE", "/images/a.png", None, IMAGE, SCOPE),
    ("uploader", "DELETE", "/images/a.png?versions=all", None, IMAGE, SCOPE),
    ("deleter", "PUT", "/images/a.png", FILES["png"], IMAGE, SCOPE),
    ("deleter", "POST", "/images", FILES["png"], IMAGE, SCOPE),
    ("deleter", "POST", "/images", b'{"url": "https://127.0.0.1:9/"}', JSON, SCOPE),
    ("deleter", "POST", "/uploads", b'{"content_type": "image/png", "bytes": 9}', JSON, SCOPE),
    ("shoes", "PUT", "/images/hats/a.png", FILES["png"], IMAGE, KEY),
    ("shoes", "PUT", "/images/shoes", FILES["png"], IMAGE, KEY),
    ("shoes", "PUT", "/images/Shoes/a.png", FILES["png"], IMAGE, KEY),
    ("shoes", "PUT", "/images/shoes%252Fa.png", FILES["png"], IMAGE, KEY),
    ("shoes", "PUT", "/images/shoes/../hats/a.png", FILES["png"], IMAGE, (400, "invalid-key")),
    ("shoes", "PUT", "/images/shoes/%2e%2e/hats/a.png", FILES["png"], IMAGE, (400, "invalid-key")),
    ("shoes", "POST", "/images", FILES["png"], IMAGE, KEY),
    ("shoes", "POST", "/images?key=hats/a.png", FILES["png"], IMAGE, KEY),
    ("shoes", "POST", "/images", b'{"url": "https://127.0.0.1:9/", "key": "hats/a.png"}', JSON, KEY),
    ("shoes", "POST", "/uploads", b'{"content_type": "image/png", "bytes": 9, "key": "hats/a.png"}', JSON, KEY),
    ("shoes", "DELETE", "/images/hats/a.png", None, IMAGE, KEY),
    ("shoes", "GET", "/images/hats/a.png", None, IMAGE, KEY),
    ("shoes", "GET", "/images/shoes/%2e%2e/hats/a.png", None, IMAGE, (400, "invalid-key")),
]


@pytest.mark.parametrize(("name", "method", "target", "body", "headers", "expected"), FORBIDDEN)
def test_a_token_does_what_its_scope_and_prefix_say(
    keyring: Keyring,
    name: str,
    method: str,
    target: str,
    body: bytes | None,
    headers: dict[str, str],
    expected: tuple[int, str],
) -> None:
    door = keyring.door
    with door.shut(TOKENS["all"]):
        assert ask(door.api.port, method, target, body, headers, token=TOKENS[name]).outcome == expected


def test_a_revoked_token_is_refused_as_soon_as_the_list_is_read_again(keyring: Keyring) -> None:
    """The gateway keeps what it knows by the header as it is written, so each asking here is written differently."""
    door, spaces = keyring.door, iter(range(2, 8000))

    def asked(name: str) -> int:
        header = {"Authorization": f"Bearer{' ' * next(spaces)}{TOKENS[name]}"}
        return ask(door.api.port, "GET", "/images/nothing", headers=header, token="").status

    assert asked("leaver") == 404
    keyring.write(*(name for name in TOKENS if name != "leaver"))
    began = time.monotonic()
    eventually(lambda: asked("leaver") == 401, "a list without the token")
    print(f"revoked after {time.monotonic() - began:.1f} s")  # noqa: T201  the figure is what this is about
    assert asked("all") == 404
    assert ask(door.api.port, "PUT", "/images/a.png", FILES["png"], IMAGE, token=TOKENS["leaver"]).status == 401


def test_the_log_tells_who_asked_and_no_secret(keyring: Keyring) -> None:
    """Neither signatures of the forms that were given out, nor URLs; tokens are looked for in every server's log."""
    door = keyring.door
    wanted = b'{"content_type": "image/png", "bytes": 9}'
    given = ask(door.api.port, "POST", "/uploads", wanted, JSON, token=TOKENS["all"])
    assert given.status == 201
    signed = "https://127.0.0.1/a.png?X-Amz-Signature=0123456789abcdef&X-Amz-Credential=somebody"
    by_url = json.dumps({"url": signed}).encode()
    assert ask(door.api.port, "POST", "/images", by_url, JSON, token=TOKENS["all"]).status == 422
    # Lines wait for others, so that one write is for several of them.
    eventually(lambda: "POST /images: 422" in door.api.log, "a line for the last request")
    log = door.api.log
    fields = given.json["fields"]
    secrets = [value for name, value in fields.items() if "signature" in name.lower() or name.lower() == "policy"]
    assert len(secrets) == 2
    assert "POST /uploads: 201" in log
    assert [secret for secret in (*secrets, "0123456789abcdef", "somebody", "X-Amz-Signature") if secret in log] == []
