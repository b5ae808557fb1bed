"""`bildwerk api` as processes over a real S3 server, with moto's CloudFront and a proxy that has trouble on demand."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import pytest

from api.problems import TYPE_PREFIX
from api.stores.facts import Facts, facts_of
from benchmarks.load.s3 import ACCESS_KEY, SECRET_KEY, S3Server, writer
from renderer.cache.tags import original_tag
from tests.api.queued import aws, client, invalidated, new_distribution

PATIENCE_SECONDS = 30.0
ROOT = Path(__file__).parents[2]
TOKEN = "bw_token-of-the-tests-0123456789abcdef"
TOKENS = json.dumps([{"name": "editor", "token": TOKEN, "scopes": ["upload", "delete"]}])


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body; empty if there is none."""
        found: dict[str, Any] = json.loads(self.body or b"{}")
        return found

    @property
    def outcome(self) -> tuple[int, str]:
        """The status, and the name of the problem; empty if it is none."""
        kind = self.headers.get("content-type", "")
        name = str(self.json["type"]).removeprefix(TYPE_PREFIX) if kind == "application/problem+json" else ""
        return self.status, name


def ask(
    port: int,
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    token: str = TOKEN,
) -> Reply:
    """Asks a server on this machine, with a token unless it is empty."""
    sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)) as connection:
        connection.request(method, target, body, sent)
        return _reply(connection.getresponse())


def spoken(port: int, request: bytes) -> Reply:
    """The answer to bytes that no client would send."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)) as peer:
        # Whoever is refused early is sent the answer while there is more to send.
        with suppress(OSError):
            peer.sendall(request)
        answer = HTTPResponse(peer)
        with closing(answer):
            answer.begin()
            return _reply(answer)


def put(port: int, key: str, data: bytes, **headers: str) -> Reply:
    """Uploads a picture; underscores in names of headers are dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(port, "PUT", f"/images/{key}", data, {"Content-Type": "application/octet-stream", **named})


def sha256(data: bytes) -> str:
    """As facts have it."""
    return hashlib.sha256(data).hexdigest()


def state_of(reply: Reply) -> str:
    """What became of a ticket; a store that has no time for a moment (503) has not told it yet."""
    if reply.status == 503:
        return "waiting"
    assert reply.status == 200, (reply.status, reply.body)
    return str(reply.json["state"])


def sent_by_form(ticket: Mapping[str, Any], data: bytes) -> int:
    """The status of the store's answer to a large file, sent as its ticket says."""
    fields = {**ticket["fields"], "file": data}
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        % (name.encode(), b'; filename="f"' if name == "file" else b"", value if name == "file" else value.encode())
        for name, value in fields.items()
    ]
    url = urlsplit(ticket["url"])
    content_type = {"Content-Type": "multipart/form-data; boundary=b"}
    return ask(url.port or 80, "POST", url.path or "/", b"".join([*parts, b"--b--\r\n"]), content_type, token="").status


def eventually(holds: Callable[[], object], what: str) -> None:
    """Waits for what another process is about to do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s: {what}"
        time.sleep(0.02)


@dataclass
class Store:
    """A bucket, as its owner sees it."""

    s3: Any
    bucket: str

    def tag(self, key: str) -> str:
        """The cache tag of an original."""
        return original_tag(f"s3://{self.bucket}/{key}")

    def seed(self, key: str, data: bytes) -> None:
        """Puts a PNG of 40 x 30 there as an upload does, without its purge."""
        facts = Facts(format="png", width=40, height=30, frames=1, sha256=sha256(data))
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data, ContentType="image/png", Metadata=facts.metadata())

    def keys(self) -> set[str]:
        """Of the originals that are there."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", ())
        return {item["Key"] for item in listed if not item["Key"].startswith("incoming/")}

    def whole(self) -> dict[str, str]:
        """The sha256 of every original; see `digest`."""
        return {key: self.digest(key) for key in self.keys()}

    def digest(self, key: str) -> str:
        """The sha256 of an original, once it is certain that its facts are there and are those of its bytes."""
        answer = self.s3.get_object(Bucket=self.bucket, Key=key)
        with closing(answer["Body"]) as body:
            digest = sha256(body.read())
        facts = facts_of(answer["Metadata"])
        assert facts is not None, f"{key} has no facts"
        assert facts.sha256 == digest, f"{key} has the facts of another picture"
        assert answer["ContentType"] == f"image/{facts.format}"
        return digest


@dataclass
class Cloud:
    """Moto's services."""

    address: str
    cloudfront: Any
    secrets: Any
    sqs: Any


@dataclass
class Place:
    """A bucket, a distribution and a folder of one test; `variables` are what an API over them is started with."""

    store: Store
    cloud: Cloud
    folder: Path
    distribution: str
    variables: dict[str, str]

    @property
    def journal(self) -> Path:
        """The file of the queue."""
        return Path(self.variables["BILDWERK_API_STATE"])

    def purged(self) -> list[list[str]]:
        """The items of every invalidation, in no order."""
        return [items for _, items in invalidated(self.cloud.cloudfront, self.distribution).values()]

    def waiting(self) -> int:
        """Messages and intents in the queue."""
        with closing(sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True)) as file:
            (count,) = file.execute(
                "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM intents)"
            ).fetchone()
        return int(count)

    def is_purged(self, key: str) -> bool:
        """Whether the CDN was told to drop exactly the tag of an original."""
        return [f"#{self.store.tag(key)}"] in self.purged()


@dataclass
class Api:
    """A running `bildwerk api`."""

    process: subprocess.Popen[bytes]
    port: int
    log_file: Path

    @property
    def log(self) -> str:
        """All that it has written."""
        return self.log_file.read_text()

    def memory_mb(self) -> int:
        """The most that has been resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) // 1024

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running_api(place: Place, *, secrets: tuple[str, ...] = (), **variables: str) -> Iterator[Api]:
    """The process, which must not write a token or another secret anywhere."""
    dropped = ("BILDWERK_", "IMGPROXY_", "AWS_", "PYTEST_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environment = {name: value for name, value in environment.items() if not name.lower().endswith("_proxy")}
    environment |= place.variables | variables | {"PYTHONPATH": str(ROOT)}
    log_file = place.folder / f"{uuid.uuid4().hex}.log"
    with log_file.open("wb") as log:
        command = [sys.executable, "-m", "bildwerk.main", "api"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        api = Api(process, 0, log_file)
        eventually(lambda: "listens on http" in api.log or process.poll() is not None, "a server that listens")
        announced = re.search(r"listens on http://127\.0\.0\.1:(\d+)", api.log)
        assert announced is not None, api.log
        api.port = int(announced[1])
        yield api
    finally:
        process.kill()
        process.wait()
    told = api.log
    assert [secret for secret in (TOKEN, SECRET_KEY, *secrets) if secret in told] == []


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """Moto's server, for all tests of a process."""
    with ExitStack() as stack:
        address = stack.enter_context(aws())
        made = [stack.enter_context(client(name, address)) for name in ("cloudfront", "secretsmanager", "sqs")]
        yield Cloud(address, *made)


@pytest.fixture(scope="session")
def make_place(
    shared_s3: S3Server, cloud: Cloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Place]]:
    """Makes places with nothing in them."""
    s3 = writer(shared_s3)

    def made() -> Place:
        bucket = f"originals-{uuid.uuid4().hex}"
        s3.create_bucket(Bucket=bucket)
        distribution, folder = new_distribution(cloud.cloudfront), tmp_path_factory.mktemp("place")
        variables = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": str(folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_SQS": cloud.address,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": cloud.address,
            "BILDWERK_API_BIND": "127.0.0.1:0",
            "BILDWERK_API_STATE": str(folder / "queue.sqlite3"),
            "BILDWERK_API_TOKENS": TOKENS,
            "BILDWERK_BUCKET": bucket,
            "BILDWERK_S3_ENDPOINT": f"http://127.0.0.1:{shared_s3.port}",
            "BILDWERK_CLOUDFRONT_ENDPOINT": cloud.address,
            "BILDWERK_DISTRIBUTION_ID": distribution,
            "BILDWERK_PURGE_AGAIN_SECONDS": "0",
        }
        return Place(Store(s3, bucket), cloud, folder, distribution, variables)

    yield made
    s3.close()


@pytest.fixture
def place(make_place: Callable[[], Place]) -> Place:
    """A place of this test's own."""
    return make_place()


Kind = Literal["refused", "lost", "held", "held after", "answered"]


@dataclass
class Trouble:
    """What happens to calls.

    Attributes:
        kind: `refused` is an end of the connection instead of the call, `lost` one instead of its answer; `held` and
            `held after` wait before the call and before its answer until the proxy is told to end; `answered` is an
            answer of the proxy's own.
        method: of the calls.
        part: of their decoded target.
        times: how many calls; those after them go well.
        answer: status and body of `answered`.
    """

    kind: Kind
    method: str
    part: str = ""
    times: int = 1_000_000
    answer: tuple[int, bytes] = (503, b"")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def meets(self, method: str, target: str) -> bool:
        """Whether a call is one of them; counts it."""
        with self.lock:
            if method != self.method or self.part not in unquote(target) or self.times <= 0:
                return False
            self.times -= 1
            return True


@dataclass
class Proxy:
    """Passes HTTP on to a server.

    Attributes:
        port: where it listens.
        trouble: what there is now.
        reached: set when a call is held.
        over: set when held calls end.
    """

    port: int = 0
    trouble: Trouble | None = None
    reached: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def clear(self) -> None:
        """Ends held calls and all trouble."""
        self.trouble = None
        self.over.set()

    def until_held(self) -> None:
        """Waits for a call that does not go on."""
        assert self.reached.wait(PATIENCE_SECONDS), "no call came"

    def hold(self) -> None:
        """Has whoever called wait."""
        self.reached.set()
        self.over.wait(PATIENCE_SECONDS)


class _Passing(BaseHTTPRequestHandler):
    """Passes one client's calls on, with the trouble that its server's proxy has."""

    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_SECONDS
    server: _ProxyServer

    def passed(self) -> None:
        """Deals with one call."""
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        trouble = proxy.trouble
        if trouble is None or not trouble.meets(self.command, self.path):
            self._answer(self._forwarded(body))
            return
        if trouble.kind == "answered":
            status, text = trouble.answer
            self._answer(Reply(status, {"content-length": str(len(text))}, text))
            return
        if trouble.kind == "held":
            proxy.hold()
        elif trouble.kind in ("held after", "lost"):
            self._forwarded(body)
            if trouble.kind == "held after":
                proxy.hold()
        self.close_connection = True

    def _forwarded(self, body: bytes) -> Reply:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        connection = HTTPConnection("127.0.0.1", self.server.target_port, timeout=PATIENCE_SECONDS)
        with self.server.serial, closing(connection):
            connection.request(self.command, self.path, body or None, headers)
            return _reply(connection.getresponse())

    def _answer(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            if name not in ("connection", "transfer-encoding", "keep-alive"):
                self.send_header(name, value)
        if "content-length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = passed  # noqa: N815  the base's names


class _ProxyServer(ThreadingHTTPServer):
    """Listens for clients that may be killed at any time."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, proxy: Proxy, target_port: int, serial: AbstractContextManager[object]) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.proxy = proxy
        self.target_port = target_port
        self.serial = serial

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is gone is no error here; everything else is."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # the base's names are its own


@contextmanager
def proxied_to(target_port: int, *, is_serial: bool = False) -> Iterator[Proxy]:
    """A proxy without trouble yet; with `is_serial` one call goes through after the other."""
    proxy = Proxy()
    server = _ProxyServer(proxy, target_port, threading.Lock() if is_serial else nullcontext())
    proxy.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield proxy
    finally:
        proxy.clear()
        server.shutdown()
        thread.join()
        server.server_close()


def _reply(answer: HTTPResponse) -> Reply:
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(answer.status, headers, answer.read())
