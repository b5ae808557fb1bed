"""The store of originals over a real S3 server."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from api.problems import InvalidKey, PreconditionFailed, Problem, StoreUnavailable
from api.settings import StoreSettings
from api.stores.aws import Clients
from api.stores.facts import Facts
from api.stores.originals import Condition, Original
from api.stores.s3_originals import S3Originals
from api.stores.s3_versions import delete_versions
from benchmarks.load.s3 import Moto, S3Server
from tests.api.stores import KEYS, canned, clients, facts_for, store
from tests.servers.s3 import aws_credentials, own_s3, shared_s3

__all__ = ["aws_credentials", "clients", "own_s3", "shared_s3", "store"]

DATA = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
OTHER = b"\x89PNG\r\n\x1a\n another"


@pytest.fixture
def originals(store: StoreSettings, clients: Clients) -> S3Originals:
    """Over an empty bucket."""
    return S3Originals(store, clients)


def _write(originals: S3Originals, key: str, data: bytes = DATA, condition: Condition | None = None) -> Original:
    return originals.put(key, data, facts_for(data), condition or Condition())


def _body(originals: S3Originals, clients: Clients, key: str) -> bytes:
    bucket = originals.source_url("").split("/")[2]
    return bytes(clients.s3.get_object(Bucket=bucket, Key=key)["Body"].read())


@pytest.mark.parametrize("key", KEYS)
def test_every_character_of_a_key_comes_back(originals: S3Originals, clients: Clients, key: str) -> None:
    """Written, looked up, read by another, deleted: one object all the time."""
    written = _write(originals, key)
    found = originals.head(key)

    assert found is not None
    assert replace(found, modified_at=written.modified_at) == written
    assert abs(found.modified_at - written.modified_at) < 10
    assert (found.size, found.content_type, found.facts) == (len(DATA), "image/png", facts_for(DATA))
    assert _body(originals, clients, key) == DATA
    assert originals.delete(key, all_versions=True)
    assert originals.head(key) is None


@pytest.mark.parametrize(
    "name",
    ["", "a.jpg", "a  b.jpg", " a ", "ä;b=c.jpg", '"\\%', "=?utf-8?q?x?=", "日本" * 200, "\t", "a,b", "$(x)`'"],
)
def test_facts_come_back_as_they_were(originals: S3Originals, name: str) -> None:
    """Names and tokens in any script; a name that is too long comes back shorter."""
    facts = facts_for(DATA, uploaded_by=f"editor {name[:8]}", file_name=name)
    originals.put("a.png", DATA, facts)

    found = originals.head("a.png")

    assert found is not None
    assert isinstance(found.facts, Facts)
    assert name.startswith(found.facts.file_name)
    assert replace(found.facts, file_name=name) == facts
    assert len(name) > 80 or found.facts.file_name == name


def test_what_somebody_else_has_put_there_has_no_facts(
    originals: S3Originals, clients: Clients, store: StoreSettings
) -> None:
    """It is an original all the same."""
    clients.s3.put_object(Bucket=store.bucket, Key="a.gif", Body=b"GIF89a", ContentType="image/gif")

    found = originals.head("a.gif")

    assert found is not None
    assert (found.size, found.content_type, found.facts) == (6, "image/gif", None)


def test_a_condition_holds_at_the_moment_of_the_write(originals: S3Originals) -> None:
    """`If-None-Match: *`, `If-Match` with a tag, and with `*`; an object that is not there matches nothing."""
    absent, any_one = Condition(is_absent=True), Condition(etag="*")
    with pytest.raises(PreconditionFailed):
        _write(originals, "a.png", DATA, any_one)
    with pytest.raises(PreconditionFailed):
        _write(originals, "a.png", DATA, Condition(etag='"0123"'))
    assert originals.head("a.png") is None

    first = _write(originals, "a.png", DATA, absent)
    with pytest.raises(PreconditionFailed):
        _write(originals, "a.png", OTHER, absent)
    second = _write(originals, "a.png", OTHER, Condition(etag=first.etag))
    with pytest.raises(PreconditionFailed):
        _write(originals, "a.png", DATA, Condition(etag=first.etag))
    found = originals.head("a.png")
    assert found is not None
    assert found.etag == second.etag
    assert _write(originals, "a.png", DATA, any_one).etag == first.etag


def test_of_many_that_create_one_wins(originals: S3Originals, clients: Clients) -> None:
    """Eight writers of a new key under `If-None-Match: *`: seven hear that they came late."""
    bodies = [bytes([number]) * 100_000 for number in range(8)]
    start = threading.Barrier(len(bodies))

    def create(data: bytes) -> bool:
        start.wait()
        try:
            _write(originals, "a.png", data, Condition(is_absent=True))
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(len(bodies)) as threads:
        won = [data for data, is_winner in zip(bodies, threads.map(create, bodies), strict=True) if is_winner]

    assert won == [_body(originals, clients, "a.png")]


def test_two_writers_are_never_mixed(originals: S3Originals, clients: Clients) -> None:
    """Without conditions one of them stays, whole, with its own facts."""
    bodies = [bytes([number]) * (1_000_000 + number) for number in range(2)]
    with ThreadPoolExecutor(2) as threads:
        for _ in range(10):
            list(threads.map(lambda data: _write(originals, "a.png", data), bodies))
            found = originals.head("a.png")

            data = _body(originals, clients, "a.png")
            assert data in bodies
            assert found is not None
            assert found.facts == facts_for(data)


def test_a_body_that_is_not_what_was_inspected_is_refused(originals: S3Originals, shared_s3: S3Server) -> None:
    """S3 compares the body with the sha256 of the facts: nothing is stored."""
    if isinstance(shared_s3, Moto):
        pytest.skip("moto's server does not compare checksums")
    with pytest.raises(StoreUnavailable):
        originals.put("a.png", DATA, facts_for(OTHER))

    assert originals.head("a.png") is None


def test_deleting_tells_whether_there_was_one(originals: S3Originals) -> None:
    """S3 itself says 204 to both; what begins with the same name stays."""
    _write(originals, "a.png")
    _write(originals, "a.png2")

    assert originals.delete("a.png")
    assert not originals.delete("a.png")
    assert not originals.delete("a.png", all_versions=True)
    assert originals.head("a.png2") is not None


def _versions(clients: Clients, bucket: str) -> list[tuple[str, bool]]:
    page = clients.s3.list_object_versions(Bucket=bucket)
    kinds = (("Versions", False), ("DeleteMarkers", True))
    return sorted((entry["Key"], is_mark) for kind, is_mark in kinds for entry in page.get(kind, ()))


def test_a_delete_leaves_the_versions_before_it(originals: S3Originals, clients: Clients, store: StoreSettings) -> None:
    """And one mark over them, not two; asked for all versions, they go, although there was no picture any more."""
    clients.s3.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
    for data in (DATA, OTHER):
        _write(originals, "a.png", data)

    assert originals.delete("a.png")
    assert not originals.delete("a.png")
    assert _versions(clients, store.bucket) == [("a.png", False), ("a.png", False), ("a.png", True)]
    assert not originals.delete("a.png", all_versions=True)
    assert _versions(clients, store.bucket) == []


def test_all_versions_are_those_of_exactly_one_key(
    originals: S3Originals, clients: Clients, store: StoreSettings
) -> None:
    """What begins with the same name stays."""
    clients.s3.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a b+%&.png", "a b+%&.png", "a b+%&.png.jpg"):
        _write(originals, key)

    assert originals.delete("a b+%&.png", all_versions=True)
    assert _versions(clients, store.bucket) == [("a b+%&.png.jpg", False)]


def test_versions_are_listed_and_deleted_in_batches(
    originals: S3Originals, clients: Clients, store: StoreSettings
) -> None:
    """S3 takes a thousand at a time, here three; beyond the bound, the caller is told that some are left."""
    clients.s3.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(8):
        _write(originals, "a.png")
    _write(originals, "a.png.jpg")
    originals.delete("a.png")

    with pytest.raises(StoreUnavailable):
        delete_versions(clients.s3, store.bucket, "a.png", batch=3, most=3)
    left = _versions(clients, store.bucket)
    assert ("a.png", True) in left
    assert len(left) == 10 - 2
    delete_versions(clients.s3, store.bucket, "a.png", batch=3)
    assert _versions(clients, store.bucket) == [("a.png.jpg", False)]


@pytest.mark.parametrize("key", ["a/b.png", "folder", "x" * 256 + ".png"])
def test_a_key_that_the_store_cannot_have_is_the_clients_fault(
    originals: S3Originals, shared_s3: S3Server, key: str
) -> None:
    """Servers whose objects are files have no picture below a picture, and no names of more than 255 bytes."""
    if isinstance(shared_s3, Moto):
        pytest.skip("moto's server has every key")
    _write(originals, "a")
    _write(originals, "folder/b")
    with pytest.raises(InvalidKey):
        _write(originals, key)
    with contextlib.suppress(InvalidKey):
        assert originals.head(key) is None


def _refused(caplog: pytest.LogCaptureFixture, call: Callable[[], object]) -> tuple[str, list[str]]:
    """Detail and log lines of a call that the store does not do."""
    caplog.clear()
    with caplog.at_level(logging.INFO), pytest.raises(StoreUnavailable) as raised:
        call()
    return raised.value.detail, [record.getMessage() for record in caplog.records if record.name.startswith("api.")]


@pytest.mark.usefixtures("aws_credentials")
def test_a_store_that_fails_is_503_and_one_line(
    store: StoreSettings, clients: Clients, own_s3: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    """No bucket, no server: the detail and the log name no address; a server that is back is used again."""
    detail, lines = _refused(caplog, lambda: _write(S3Originals(StoreSettings(bucket="none-there"), clients), "a.png"))
    assert lines[0].startswith("S3 answers NoSuchBucket to PutObject")
    assert len(lines) == 1

    endpoint = f"http://127.0.0.1:{own_s3.port}"
    own = Clients(replace(store, s3_endpoint=endpoint))
    with contextlib.closing(own):
        own.s3.create_bucket(Bucket=store.bucket)
        originals = S3Originals(store, own)
        own_s3.stop()
        for call in (
            lambda: originals.head("a.png"),
            lambda: _write(originals, "a.png"),
            lambda: originals.delete("a.png"),
        ):
            detail, lines = _refused(caplog, call)
            assert lines == ["S3 cannot be asked: EndpointConnectionError"]
            assert "127.0.0.1" not in detail
        own_s3.start()
        assert _write(originals, "a.png").etag


@pytest.mark.usefixtures("aws_credentials")
def test_a_forbidden_object_is_not_a_missing_one(
    store: StoreSettings, monkeypatch: pytest.MonkeyPatch, shared_s3: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    """403 says nothing about whether there is one."""
    if isinstance(shared_s3, Moto):
        pytest.skip("moto's server lets everybody in")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    other = Clients(replace(store, s3_endpoint=f"http://127.0.0.1:{shared_s3.port}"))
    with contextlib.closing(other):
        _, lines = _refused(caplog, lambda: S3Originals(store, other).head("a.png"))
    assert lines[0].startswith("S3 answers 403 to HeadObject")


@pytest.mark.parametrize(
    ("answers", "problem", "asked"),
    [
        ([(409, "ConditionalRequestConflict"), (200, "")], None, 2),
        ([(409, "ConditionalRequestConflict"), (409, "ConditionalRequestConflict")], PreconditionFailed, 2),
        ([(412, "PreconditionFailed")], PreconditionFailed, 1),
        ([(404, "NoSuchKey")], PreconditionFailed, 1),
        ([(404, "NoSuchBucket")], StoreUnavailable, 1),
        ([(403, "AccessDenied")], StoreUnavailable, 1),
        ([(503, "SlowDown"), (200, "")], None, 2),
        ([(503, "SlowDown")], StoreUnavailable, 2),
        ([(500, "InternalError")], StoreUnavailable, 2),
        ([(400, "KeyTooLongError")], InvalidKey, 1),
    ],
)
@pytest.mark.usefixtures("aws_credentials")
def test_what_a_store_answers_to_a_write(
    answers: list[tuple[int, str]], problem: type[Problem] | None, asked: int
) -> None:
    """What can be tried again is tried once more; a word on the condition is no failure of the store."""
    with canned(*answers) as (settings, methods), contextlib.closing(Clients(settings)) as own:
        originals = S3Originals(settings, own)
        with pytest.raises(problem) if problem else contextlib.nullcontext():
            assert _write(originals, "a.png", DATA, Condition(etag='"4567"')).etag == '"0123"'
        assert methods == ["PUT"] * asked


@contextlib.contextmanager
def _losing_first_answer(port: int) -> Iterator[int]:
    """The port of a proxy that cuts its first connection when the server's answer has come."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        done = threading.Event()
        thread = threading.Thread(target=_relay, args=(listening, port, done))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            done.set()
            thread.join()


def _relay(listening: socket.socket, port: int, done: threading.Event) -> None:
    is_first = True
    while not done.is_set():
        listening.settimeout(0.1)
        try:
            client, _ = listening.accept()
        except TimeoutError:
            continue
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            client.settimeout(0.05)
            server.settimeout(0.05)
            while not done.is_set():
                answer = _moved(client, server, server, client if not is_first else None)
                if answer is None or (is_first and b" 200 OK" in answer):
                    break
        is_first = False


def _moved(*ends: socket.socket | None) -> bytes | None:
    """Moves what is there, both ways; what the server said, None where an end is closed."""
    client, to_server, server, to_client = ends
    said = b""
    for source, target in ((client, to_server), (server, to_client)):
        assert source is not None
        try:
            data = source.recv(65_536)
        except TimeoutError:
            continue
        if not data:
            return None
        if target is not None:
            target.sendall(data)
        if source is server:
            said += data
    return said


@pytest.mark.usefixtures("aws_credentials")
def test_a_write_whose_answer_is_lost_is_no_refusal(store: StoreSettings, shared_s3: S3Server) -> None:
    """The SDK asks again, and the condition refuses what it has written itself: that is still a success."""
    with _losing_first_answer(shared_s3.port) as port:
        through = Clients(replace(store, s3_endpoint=f"http://127.0.0.1:{port}"))
        with contextlib.closing(through):
            originals = S3Originals(store, through)
            written = _write(originals, "a.png", DATA, Condition(is_absent=True))
            assert written == originals.head("a.png")
            with pytest.raises(PreconditionFailed):
                _write(originals, "a.png", OTHER, Condition(is_absent=True))
