"""Pictures by their URL: what is fetched, what is refused, and that it ends in time whatever the origin does."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import ResolveResult

from api import problems
from api.settings import UploadSettings
from api.urls.downloaded import Downloaded
from api.urls.downloads import download
from api.urls.public_addresses import is_public
from tests.api.raw_origin import Script, answer, chunked, endless, redirecting, sending, serving, stalling
from tests.http.test_addresses import METADATA, NUMBERS, TABLE, Book, written
from tests.servers.web import serving as serving_application
from tests.servers.web import untrusted_tls

KILOBYTE = bytes(range(256)) * 4
LAST_CHUNK = b"0\r\n\r\n"
GZIP = b"Content-Encoding: gzip"
OPEN = UploadSettings(allow_addresses=("loopback",), allow_http=True)
"""This machine's origins may be asked."""
CLOSED = UploadSettings(allow_http=True)


def opened(*, seconds: float = 10, max_bytes: int = 1_000_000) -> UploadSettings:
    """`OPEN` with other limits."""
    return UploadSettings(
        allow_addresses=("loopback",), allow_http=True, url_seconds=seconds, max_large_bytes=max_bytes
    )


def fetched(script: Script, *, settings: UploadSettings = OPEN, path: str = "/") -> Downloaded:
    """What comes of an origin that plays the script."""
    with serving(script) as origin:
        return download(origin.url + path, settings=settings)


class Dials:
    """Every address that this process connects to while it is counted."""

    def __init__(self) -> None:
        self.is_counting = False
        self.addresses: list[object] = []
        sys.addaudithook(self.note)

    def note(self, event: str, arguments: tuple[object, ...]) -> None:
        """Python tells of every `connect` before it is made."""
        if self.is_counting and event == "socket.connect":
            self.addresses.append(arguments[1])


# A hook cannot be taken away again: there is one for all tests.
_DIALS = Dials()


@pytest.fixture
def dials() -> Iterator[list[object]]:
    """The addresses dialed during the test."""
    _DIALS.addresses.clear()
    _DIALS.is_counting = True
    yield _DIALS.addresses
    _DIALS.is_counting = False


# What is fetched


@pytest.mark.parametrize(
    "answered",
    [
        answer(KILOBYTE),
        answer(KILOBYTE, is_sized=False),
        chunked(KILOBYTE) + LAST_CHUNK,
        answer(gzip.compress(KILOBYTE), GZIP),
        answer(gzip.compress(KILOBYTE), b"content-encoding: X-GZIP"),
        answer(KILOBYTE, b"Content-Encoding: identity"),
    ],
    ids=["sized", "until close", "chunked", "gzip", "x-gzip", "identity"],
)
def test_a_file_comes_whole_however_it_is_framed(answered: bytes) -> None:
    assert fetched(sending(answered)).data == KILOBYTE


def test_a_file_of_exactly_the_limit_is_fetched() -> None:
    for answered in (answer(KILOBYTE), answer(gzip.compress(KILOBYTE), GZIP), answer(KILOBYTE, is_sized=False)):
        assert fetched(sending(answered), settings=opened(max_bytes=1024)).data == KILOBYTE


def test_the_request_asks_plainly_and_tells_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither netrc nor cookies nor a referrer go along, to the first host or to the one that it redirects to."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(redirecting("/1")) as origin:
        assert download(f"{origin.url}/?token=abc#part", settings=OPEN).data == b"body"

        host = f"Host: 127.0.0.1:{origin.port}"
    assert [head[0] for head in origin.heads] == ["GET /?token=abc HTTP/1.1", "GET /1 HTTP/1.1"]
    for head in origin.heads:
        assert sorted(head[1:]) == [
            "Accept-Encoding: identity",
            "Accept: */*",
            "Connection: close",
            host,
            "User-Agent: bildwerk/0.1.0",
        ]


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(sending(answer(b"proxy"))) as proxy, serving(sending(answer(b"origin"))) as origin:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)

        assert download(origin.url, settings=OPEN).data == b"origin"
        with pytest.raises(problems.SourceForbiddenAddress):
            download("https://10.0.0.1/", settings=CLOSED)

    assert proxy.connections == 0


@pytest.mark.parametrize(
    ("field", "media_type"),
    [
        (b"Content-Type: image/jpeg", "image/jpeg"),
        (b"Content-Type:  Image/PNG ; charset=x", "image/png"),
        (b"Content-Type: ;", None),
        (b"X: y", None),
    ],
)
def test_the_declared_type_comes_along(field: bytes, media_type: str | None) -> None:
    assert fetched(sending(answer(KILOBYTE, field))).content_type == media_type


@pytest.mark.parametrize(
    ("path", "field", "name"),
    [
        ("/shoes/red%20shoe.jpg?x=/y.png#z/a", b"X: y", "red shoe.jpg"),
        ("/", b"X: y", ""),
        ("/a.jpg", b'Content-Disposition: attachment; filename="b; c.jpg"', "b; c.jpg"),
        ("/a.jpg", b"Content-Disposition: inline; filename=b.jpg", "b.jpg"),
        ("/a.jpg", b"Content-Disposition: inline; filename=b.jpg; filename*=utf-8'de'stra%C3%9Fe.jpg", "straße.jpg"),
        ("/a.jpg", 'Content-Disposition: inline; filename="straße.jpg"'.encode(), "straße.jpg"),
        ("/a.jpg", 'Content-Disposition: inline; filename="straße.jpg"'.encode("latin-1"), "straße.jpg"),
        ("/a.jpg", b"Content-Disposition: inline; filename*=koi8-r''%D0", "a.jpg"),
        ("/a.jpg", b'Content-Disposition: attachment; filename="../../etc/passwd"', "passwd"),
        ("/a.jpg", b'Content-Disposition: attachment; filename="C:\\pictures\\b.jpg"', "b.jpg"),
        ("/a.jpg", b'Content-Disposition: attachment; filename="', "a.jpg"),
        ("/a.jpg", b"Content-Disposition: ;;;=;", "a.jpg"),
        ("/%E2%80%AEgpj.exe%00%0A", b"X: y", "gpj.exe"),
        ("/a%2Fb%5Cc.jpg", b"X: y", "c.jpg"),
        ("/" + "a" * 5000, b"X: y", "a" * 255),
        ("/%FF%ED%A0%80.jpg", b"X: y", "����.jpg"),
    ],
)
def test_a_file_has_the_name_that_the_source_or_the_url_gives_it(path: str, field: bytes, name: str) -> None:
    """A name is one part, without characters that nobody sees, and not long."""
    assert fetched(sending(answer(KILOBYTE, field)), path=path).file_name == name


async def test_a_worker_thread_of_a_server_can_download() -> None:
    """The local server calls it so; the server itself goes on answering meanwhile."""

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.path == "/picture":
            return web.Response(body=KILOBYTE)
        url = str(request.url.with_path("/picture"))
        found = await asyncio.to_thread(download, url, settings=OPEN)
        return web.Response(body=found.data[::-1])

    async with serving_application(respond) as port:
        found = await asyncio.to_thread(download, f"http://127.0.0.1:{port}/", settings=OPEN)

    assert found.data == KILOBYTE[::-1]


def test_threads_download_beside_each_other() -> None:
    with serving(sending(answer(KILOBYTE))) as origin:
        found: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: found.append(download(origin.url, settings=OPEN).data)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert found == [KILOBYTE] * 8


def test_what_downloads_is_imported_when_something_is_downloaded() -> None:
    """The library is most of what a cold start would pay for."""
    late = ("aiohttp", "yarl", "multipart")
    code = f"import sys, api.urls.downloads; print([name for name in {late} if name in sys.modules])"

    assert in_process(code) == "[]"


# Schemes and URLs


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "HTTP://127.0.0.1:9/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "s3://bucket/key",
        "gopher://127.0.0.1:9/",
        "//127.0.0.1/",
        "/etc/passwd",
        "127.0.0.1",
        "",
        " https://127.0.0.1/",
        "https",
    ],
)
def test_only_https_is_asked_unless_the_settings_say_otherwise(dials: list[object], url: str) -> None:
    with pytest.raises(problems.SourceSchemeForbidden, match=r"another scheme than https\."):
        download(url, settings=UploadSettings(allow_addresses=("loopback",)))

    assert dials == []


def test_a_redirect_away_from_https_is_refused(tmp_path: Path) -> None:
    """Told by a process that believes the origin's certificate."""
    context = untrusted_tls(tmp_path)
    with (
        serving(sending(answer(b"plain"))) as plain,
        serving(redirecting(f"{plain.url}/"), tls=context) as origin,
    ):
        trusted = tmp_path / "untrusted.pem"
        assert outcome(origin.url, trusted=trusted) == "SourceSchemeForbidden"
        assert plain.connections == 0
        assert outcome(origin.url, trusted=trusted, allow_http=True) == "plain"


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "file:///etc/passwd", "data:,x", "javascript:x", "HTTPS:x"])
def test_a_redirect_to_another_scheme_is_refused(location: str) -> None:
    kinds = (problems.SourceSchemeForbidden, problems.SourceUnreachable)
    with pytest.raises(kinds):
        fetched(redirecting(location))


@pytest.mark.parametrize("user_info", ["user:secret@", "user@", "@", ":@", "a%40b@"])
def test_user_info_is_refused_in_urls_and_redirects(dials: list[object], user_info: str) -> None:
    with serving(sending(answer(b""))) as closed:
        with pytest.raises(problems.SourceUnreachable, match="user info"):
            download(f"http://{user_info}127.0.0.1:{closed.port}/", settings=OPEN)
        assert dials == []
        with pytest.raises(problems.SourceUnreachable, match="user info"):
            fetched(redirecting(f"http://{user_info}127.0.0.1:{closed.port}/"))
        assert closed.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https:///path",
        "https://host:99999/",
        "https://host:x/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://a\nb/",
        "https://host/%zz",
        "https://a b/",
        "https://" + "a" * 64 + ".test/",
        "https://.test/",
        "https://a..test/",
        "https://xn--a/",
        "https://\ud800/",
        "https://host\\@other/",
        "https://" + "a." * 4000 + "test/",
    ],
)
def test_urls_that_are_none_dial_nothing(dials: list[object], url: str) -> None:
    with pytest.raises(problems.SourceUnreachable):
        download(url, settings=OPEN, resolver=Book())

    assert dials == []


# Addresses


@pytest.mark.parametrize("address", sorted({address for address, _ in TABLE} | set(METADATA)))
def test_inner_addresses_are_refused_and_not_dialed(dials: list[object], address: str) -> None:
    """Written in the URL, and behind a name; all classes are closed from the start."""
    for url in (f"http://{written(address)}:9/", "http://name.test:9/"):
        with pytest.raises(problems.SourceForbiddenAddress) as raised:
            download(url, settings=CLOSED, resolver=Book(name=[[address]]))
        assert raised.value.detail == "The URL, or a redirect, leads to an address that is not public."

    assert dials == []


@pytest.mark.parametrize(
    "address",
    [
        "0.1.2.3",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "203.0.113.7",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "2001:db8::1",
        "2001:2::1",
        "2002:808:808::1",
        "fec0::1",
        "ff0e::1",
        "100::1",
        "::ffff:8.8.8.8",
        "64:ff9b::c612:1",
    ],
)
def test_addresses_that_are_not_public_are_refused_though_no_class_has_them(dials: list[object], address: str) -> None:
    for settings in (CLOSED, UploadSettings(allow_http=True, allow_addresses=("loopback", "link-local", "private"))):
        with pytest.raises(problems.SourceForbiddenAddress):
            download(f"http://{written(address)}:9/", settings=settings)

    assert dials == []


@pytest.mark.parametrize("address", ["8.8.8.8", "100.0.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", [*NUMBERS, "1.1", "0x1010101", "%31%32%37.0.0.1", "127.0.0.1%20"])
def test_numbers_for_hosts_are_refused_and_not_dialed(dials: list[object], host: str) -> None:
    """Even where this machine may be asked: what only C libraries take for an address is none."""
    book = Book()
    with pytest.raises(problems.SourceUnreachable):
        download(f"http://{host}:9/", settings=OPEN, resolver=book)

    assert (dials, book.asked) == ([], [])


@pytest.mark.parametrize("host", ["１２７.0.0.1", "127。0。0。1", "①②⑦.⓪.⓪.①", "localhost", "LOCALHOST"])
def test_this_machine_is_refused_however_it_is_written(dials: list[object], host: str) -> None:
    with serving(sending(answer(b""))) as origin:
        with pytest.raises(problems.SourceForbiddenAddress):
            download(f"http://{host}:{origin.port}/", settings=CLOSED)
        assert dials == []


def test_the_server_s_own_switches_do_not_count(monkeypatch: pytest.MonkeyPatch, dials: list[object]) -> None:
    for name in ("LOOPBACK", "LINK_LOCAL", "PRIVATE"):
        monkeypatch.setenv(f"IMGPROXY_ALLOW_{name}_SOURCE_ADDRESSES", "true")
    for address in ("127.0.0.1", "169.254.169.254", "10.0.0.1"):
        with pytest.raises(problems.SourceForbiddenAddress):
            download(f"http://{address}:9/", settings=CLOSED)

    assert dials == []


def test_of_several_addresses_only_the_open_ones_are_dialed(dials: list[object]) -> None:
    with serving(sending(answer(KILOBYTE))) as origin:
        for addresses in (["169.254.169.254", "127.0.0.1"], ["127.0.0.1", "10.0.0.1", "198.18.0.1"]):
            found = download(f"http://two.test:{origin.port}/", settings=OPEN, resolver=Book(two=[addresses]))
            assert found.data == KILOBYTE
        assert dials == [("127.0.0.1", origin.port)] * 2


def test_a_name_that_changes_its_address_is_looked_up_once_for_check_and_connection() -> None:
    book = Book(rebinding=[["127.0.0.1"], ["169.254.169.254"]])
    with serving(sending(answer(KILOBYTE))) as origin:
        url = f"http://rebinding.test:{origin.port}/"
        assert download(url, settings=OPEN, resolver=book).data == KILOBYTE
        with pytest.raises(problems.SourceForbiddenAddress):
            download(url, settings=OPEN, resolver=book)

    assert book.asked == ["rebinding.test"] * 2


def test_a_redirect_to_the_same_name_leads_to_the_address_that_was_checked() -> None:
    book = Book(rebinding=[["127.0.0.1"], ["10.0.0.1"]])
    with serving(redirecting("/1")) as origin:
        assert download(f"http://rebinding.test:{origin.port}/", settings=OPEN, resolver=book).data == b"body"

    assert book.asked == ["rebinding.test"]


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.170.2/v2/credentials",
        "http://[::ffff:10.0.0.1]/",
        "http://[fd00:ec2::254]/",
        "http://inner.test/",
        "http://100.100.100.200/",
        "http://240.0.0.1/",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_an_inner_address_is_refused(dials: list[object], location: str, status: int) -> None:
    book = Book(inner=[["10.0.0.1"]])
    with serving(redirecting("/1", location, status=status)) as origin:
        with pytest.raises(problems.SourceForbiddenAddress):
            download(origin.url, settings=OPEN, resolver=book)
        assert dials == [("127.0.0.1", origin.port)] * 2


@pytest.mark.parametrize(
    "location", ["http://2130706433/", "http://0x7f.1/", "http://[::1", "https://a b/", "http:///"]
)
def test_a_redirect_to_what_is_no_url_is_refused(location: str) -> None:
    with pytest.raises(problems.SourceUnreachable):
        fetched(redirecting(location))


def test_neither_answers_nor_logs_tell_what_lies_inside(caplog: pytest.LogCaptureFixture) -> None:
    """A port that refuses, a name that is none and an address without a way to it are told in the same words."""
    caplog.set_level(logging.DEBUG)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    told = set()
    with serving(sending(b"")) as origin:
        book = Book(silent=[["127.0.0.1"]])
        for host in (f"127.0.0.1:{port}", "nobody.test", f"silent.test:{origin.port}"):
            with pytest.raises(problems.SourceUnreachable) as raised:
                download(f"http://{host}/?secret", settings=OPEN, resolver=book)
            told.add((raised.value.name, raised.value.detail))
    with pytest.raises(problems.SourceForbiddenAddress):
        download("http://10.1.2.3/?secret", settings=CLOSED)

    assert len(told) == 1
    for word in ("127.0.0.1", "10.1.2.3", "secret", ".test", str(port)):
        assert word not in caplog.text + str(told)


# TLS


def test_certificates_are_verified(tmp_path: Path) -> None:
    """The same origin for a process that knows its certificate, for one that does not, and under a wrong name."""
    with serving(sending(answer(b"body")), tls=untrusted_tls(tmp_path)) as origin:
        with pytest.raises(problems.SourceUnreachable):
            download(origin.url, settings=OPEN)
        assert outcome(origin.url, trusted=tmp_path / "untrusted.pem") == "body"
        other = f"https://localhost:{origin.port}/"
        assert outcome(other, trusted=tmp_path / "untrusted.pem") == "SourceUnreachable"

    assert len(origin.heads) == 1


def test_an_origin_that_says_nothing_of_tls_is_given_up_after_three_seconds() -> None:
    """Long before the deadline of the whole."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(problems.SourceUnreachable):
            download(f"https://127.0.0.1:{server.getsockname()[1]}/", settings=opened(seconds=20))
        assert 2 < time.monotonic() - began < 8


# Redirects


def test_three_redirects_are_followed_and_no_fourth() -> None:
    with serving(redirecting("/1", "2", "./3")) as origin:
        assert download(origin.url, settings=OPEN).data == b"body"
        assert origin.connections == 4
    with serving(redirecting("/1", "2", "./3", "/4")) as origin:
        with pytest.raises(problems.SourceRedirects, match="more than 3 times"):
            download(origin.url, settings=OPEN)
        assert origin.connections == 4


def test_a_redirect_loop_ends() -> None:
    with pytest.raises(problems.SourceRedirects):
        fetched(redirecting("/"))


# Statuses


@pytest.mark.parametrize(
    "status", [201, 202, 203, 204, 206, 300, 304, 305, 400, 401, 403, 404, 410, 416, 500, 503, 999]
)
def test_only_status_200_is_a_file(status: int) -> None:
    with pytest.raises(problems.SourceStatus) as raised:
        fetched(sending(answer(b"" if status in (204, 304) else KILOBYTE, status=b"%d No" % status)))

    assert raised.value.detail == f"The source answered with status {status} instead of 200."
    assert raised.value.document()["source_status"] == status


def test_a_switch_of_protocols_and_a_redirect_to_nowhere_are_no_files() -> None:
    for answered in (
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx",
        answer(b"", status=b"302 Found"),
        answer(b"", b"Location:", status=b"302 Found"),
    ):
        with pytest.raises(problems.SourceStatus):
            fetched(sending(answered))


# Sizes and wrong bodies


@pytest.mark.parametrize(
    "script",
    [
        stalling(answer(b"", announced=1_000_001)),
        stalling(answer(b"", GZIP, announced=1_000_001)),
        endless(answer(b"", is_sized=False), bytes(65_536)),
        endless(chunked(b"x"), b"10000\r\n" + bytes(65_536) + b"\r\n"),
        sending(answer(gzip.compress(bytes(100_000_000)), GZIP)),
        sending(answer(gzip.compress(bytes(999_999)) + gzip.compress(b"12"), GZIP)),
        endless(answer(b"", GZIP, is_sized=False), gzip.compress(bytes(100_000))),
    ],
    ids=["announced", "announced, gzip", "endless", "endless chunks", "bomb", "two members", "endless members"],
)
def test_a_file_over_the_limit_is_refused_when_that_is_known(script: Script) -> None:
    """An announced one before a byte of it comes: that origin never sends one."""
    with pytest.raises(problems.SourceTooLarge, match="more than 1,000,000 bytes") as raised:
        fetched(script, settings=opened(max_bytes=1_000_000))

    assert raised.value.document()["max_bytes"] == 1_000_000


@pytest.mark.parametrize(
    "answered",
    [
        answer(KILOBYTE, announced=1025),
        answer(b"", announced=5),
        answer(KILOBYTE, announced=1000),
        answer(KILOBYTE, b"Connection: close", announced=1000),
        chunked(KILOBYTE),
        chunked(KILOBYTE)[:-500],
        chunked(KILOBYTE) + b"zz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        answer(gzip.compress(KILOBYTE)[:-9], GZIP),
        answer(gzip.compress(KILOBYTE)[:-9], GZIP, announced=5000),
        answer(b"this is no gzip", GZIP),
        answer(b"", GZIP),
        answer(gzip.compress(KILOBYTE) + b"more", GZIP),
        answer(KILOBYTE, b"Content-Encoding: br"),
        answer(KILOBYTE, b"Content-Encoding: deflate"),
        answer(gzip.compress(gzip.compress(KILOBYTE)), b"Content-Encoding: gzip, gzip"),
        answer(gzip.compress(gzip.compress(KILOBYTE)), GZIP, GZIP),
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    ],
    ids=range(22),
)
def test_a_body_that_is_not_what_was_announced_is_incomplete(answered: bytes) -> None:
    with pytest.raises(problems.SourceIncomplete):
        fetched(sending(answered))


def test_an_empty_file_is_a_file() -> None:
    """That it is none is for the inspection to say."""
    assert fetched(sending(answer(b""))).data == b""


# Time


SLOW = {
    "a byte at a time in the head": endless(b"HTTP/1.1 200 OK\r\nX: ", b"x", pause_seconds=0.02),
    "a byte at a time in the body": endless(answer(b"", is_sized=False), b"x", pause_seconds=0.02),
    "a byte at a time in gzip": endless(answer(b"", GZIP, is_sized=False), gzip.compress(b""), pause_seconds=0.02),
    "nothing": stalling(b""),
    "nothing after the head": stalling(answer(b"", announced=5)),
    "endless informational answers": endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 100),
    "an endless chunk extension": endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 1000),
    "endless gzip without a byte": endless(answer(b"", GZIP, is_sized=False), gzip.compress(b"") * 1000),
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW.keys())
def test_the_deadline_holds_for_the_whole(script: Script) -> None:
    began = time.monotonic()
    with pytest.raises(problems.SourceTimeout, match=r"within 0\.5 seconds"):
        fetched(script, settings=opened(seconds=0.5))

    assert time.monotonic() - began < 4


def test_the_deadline_holds_for_all_redirects_together() -> None:
    pause = threading.Event()

    def script(peer: socket.socket, _target: str) -> None:
        pause.wait(0.2)
        peer.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")

    with pytest.raises(problems.SourceTimeout):
        fetched(script, settings=opened(seconds=0.5))


@pytest.mark.parametrize("piece", [b"X-A: b\r\n" * 100, b"x" * 1000], ids=["many", "one"])
def test_endless_headers_are_refused(piece: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(problems.SourceIncomplete):
        fetched(endless(b"HTTP/1.1 200 OK\r\n", piece), settings=opened(seconds=10))

    assert time.monotonic() - began < 5


class StuckResolver(Book):
    """A name server that does not answer: the thread that asks it cannot be called back."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Waits in a thread of the loop, as the system's look-up does."""
        await asyncio.get_running_loop().run_in_executor(None, self.release.wait)
        return await super().resolve(host, port, family)


def test_a_name_server_that_does_not_answer_holds_nobody_up() -> None:
    resolver = StuckResolver()
    began = time.monotonic()
    try:
        with pytest.raises(problems.SourceTimeout):
            download("https://name.test/", settings=opened(seconds=0.5), resolver=resolver)
        assert time.monotonic() - began < 3
    finally:
        resolver.release.set()


def test_nothing_stays_open_after_failures() -> None:
    """Neither descriptors nor threads."""

    def fail() -> None:
        with pytest.raises(problems.SourceTimeout):
            fetched(stalling(answer(b"x", announced=5)), settings=opened(seconds=0.05))

    fail()
    before = descriptors(), threading.active_count()
    for _ in range(10):
        fail()

    assert (descriptors(), threading.active_count()) == before


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_large_file_takes_its_size_of_memory_and_not_twice() -> None:
    """64 MiB in a process of its own, whose peak is 100 MiB higher at most."""
    code = (
        "import pathlib, re, sys; from api.urls.downloads import download; from api.settings import UploadSettings\n"
        "settings = UploadSettings(allow_addresses=('loopback',), allow_http=True)\n"
        # ru_maxrss would be inherited from the process that starts this one.
        "def peak(): return int(re.search('VmHWM:[^0-9]*(.*) kB', pathlib.Path('/proc/self/status').read_text())[1])\n"
        "download(sys.argv[1] + '/small', settings=settings)\n"
        "before = peak()\n"
        "found = download(sys.argv[1] + '/large', settings=settings)\n"
        "print(len(found.data), peak() - before)"
    )
    body = bytes(64 << 20)

    def script(peer: socket.socket, target: str) -> None:
        peer.sendall(answer(body if target == "/large" else b"x", is_sized=False))

    with serving(script) as origin:
        size, grown_kilobytes = map(int, in_process(code, origin.url).split())

    assert size == 64 << 20
    assert 60 << 10 < grown_kilobytes < 100 << 10


def outcome(url: str, *, trusted: Path, allow_http: bool = False) -> str:
    """The file, or the kind of problem, in a process that believes a certificate."""
    code = (
        "import json, sys; from api.urls.downloads import download; from api.settings import UploadSettings;"
        "from api.problems import Problem\n"
        "url, changes = json.loads(sys.argv[1])\n"
        "try: print(download(url, settings=UploadSettings(**changes)).data.decode())\n"
        "except Problem as problem: print(type(problem).__name__)"
    )
    changes = {"allow_addresses": ["loopback"], "allow_http": allow_http}
    return in_process(code, json.dumps([url, changes]), SSL_CERT_FILE=str(trusted))


def in_process(code: str, *arguments: str, **variables: str) -> str:
    """What a Python of its own prints."""
    root = str(Path(__file__).parents[2])
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": root, **variables},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()
