"""Large files on their way: what a form lets through, over a real S3 server and plain HTTP."""

from __future__ import annotations

import contextlib
import http.client
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from api.problems import InvalidKey, StoreUnavailable, TooLarge
from api.settings import StoreSettings
from api.stores.aws import Clients
from api.stores.incoming import Arrived, S3Incoming
from benchmarks.load.s3 import Moto, S3Server
from tests.api.stores import canned, clients, store
from tests.servers.s3 import aws_credentials, shared_s3

__all__ = ["aws_credentials", "clients", "shared_s3", "store"]

DATA = bytes(range(256)) * 400
METADATA = {"key": "shoes/Größe 1.jpg", "token": "editor", "prefix": "shoes/"}


@pytest.fixture
def incoming(store: StoreSettings, clients: Clients) -> S3Incoming:
    """Into an empty bucket; files of a megabyte at most."""
    return S3Incoming(store, max_bytes=1_000_000, clients=clients)


@pytest.fixture
def id() -> str:
    """A new one."""
    return secrets.token_hex(16)


def _form(incoming: S3Incoming, id: str, **changed: Any) -> tuple[str, dict[str, str]]:
    asked: dict[str, Any] = {"content_type": "image/jpeg", "size": len(DATA), "metadata": METADATA}
    return incoming.presign(id, **{**asked, **changed})


def _sent(url: str, fields: Mapping[str, str], data: bytes = DATA) -> int:
    """The status of a form that is sent as a browser would, byte by byte the same but for the boundary."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    disposition = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
    parts += [disposition.encode(), b"Content-Type: image/jpeg\r\n\r\n", data, f"\r\n--{boundary}--\r\n".encode()]
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    with contextlib.closing(connection):
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        connection.request("POST", address.path, b"".join(parts), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_a_file_arrives_with_what_was_signed(incoming: S3Incoming, id: str) -> None:
    """Bytes, media type and metadata in any script; removed, it is gone, and removing it again is no error."""
    url, fields = _form(incoming, id)

    assert incoming.read(id) is None
    assert _sent(url, fields) == 204
    arrived = incoming.read(id)
    assert isinstance(arrived, Arrived)
    assert (arrived.data, arrived.content_type, arrived.metadata) == (DATA, "image/jpeg", METADATA)
    assert arrived.etag.strip('"')
    incoming.remove(id)
    incoming.remove(id)
    assert incoming.read(id) is None


@pytest.mark.parametrize(
    "text",
    ["", " a  b ", "a+b%20c&d=e;f", "=AAAA", "\"'\\", "日本語/🐈", "ü" * 512, "日" * 341, "%" * 1_000, "a/b" * 300],
)
def test_metadata_come_back_whatever_their_characters(incoming: S3Incoming, id: str, text: str) -> None:
    """Keys of 1,024 bytes in any script fit in what S3 keeps."""
    url, fields = _form(incoming, id, metadata={"key": text, "token": "editor"})

    assert _sent(url, fields) == 204
    arrived = incoming.read(id)
    assert arrived is not None
    assert arrived.metadata == {"key": text, "token": "editor"}


def test_metadata_that_do_not_fit_are_refused_before(incoming: S3Incoming, id: str) -> None:
    """Not by S3 after the file was sent."""
    with pytest.raises(InvalidKey):
        _form(incoming, id, metadata={"key": "日" * 341, "prefix": "日" * 341})


@pytest.mark.parametrize(
    ("changed", "size"),
    [
        ({}, len(DATA) + 1),
        ({}, len(DATA) - 1),
        ({}, 0),
        ({"Content-Type": "text/html"}, len(DATA)),
        ({"Content-Type": None}, len(DATA)),
        ({"key": "shoes/1.jpg"}, len(DATA)),
        ({"key": f"incoming/{'0' * 32}/file"}, len(DATA)),
        ({"x-amz-meta-key": "boots/1.jpg"}, len(DATA)),
        ({"x-amz-meta-key": None}, len(DATA)),
        ({"x-amz-meta-token": "chief"}, len(DATA)),
        ({"x-amz-meta-more": "than was signed"}, len(DATA)),
        ({"acl": "public-read"}, len(DATA)),
        ({"policy": "e30="}, len(DATA)),
        ({"policy": None}, len(DATA)),
        ({"x-amz-signature": "0" * 64}, len(DATA)),
    ],
)
def test_the_store_refuses_what_was_not_signed(
    incoming: S3Incoming,
    clients: Clients,
    store: StoreSettings,
    shared_s3: S3Server,
    id: str,
    changed: dict[str, str | None],
    size: int,
) -> None:
    """Another size, type, key, other or further metadata: a 4xx, and nothing is stored under any key."""
    if isinstance(shared_s3, Moto):
        pytest.skip("moto's server does not check the policies of forms")
    url, fields = _form(incoming, id)
    sent = {name: value for name, value in {**fields, **changed}.items() if value is not None}

    assert 400 <= _sent(url, sent, (DATA + b"x")[:size]) < 500
    assert clients.s3.list_objects_v2(Bucket=store.bucket).get("KeyCount") == 0


def test_a_form_ends_with_its_time(
    store: StoreSettings, clients: Clients, shared_s3: S3Server, id: str, incoming: S3Incoming
) -> None:
    """After five minutes, here at once."""
    if isinstance(shared_s3, Moto):
        pytest.skip("moto's server does not check the policies of forms")
    url, fields = _form(S3Incoming(store, max_bytes=1_000_000, clients=clients, lifetime_seconds=-5), id)

    assert 400 <= _sent(url, fields) < 500
    assert incoming.read(id) is None


def test_a_file_that_is_too_large_is_not_read(store: StoreSettings, clients: Clients, id: str) -> None:
    """A store that does not keep to the form's policy, or a limit that was lowered meanwhile."""
    url, fields = _form(S3Incoming(store, max_bytes=1_000_000, clients=clients), id)
    _sent(url, fields)

    with pytest.raises(TooLarge):
        S3Incoming(store, max_bytes=len(DATA) - 1, clients=clients).read(id)


def test_what_became_of_it_is_kept_beside_it(incoming: S3Incoming, id: str) -> None:
    """The last word counts; it is there when the file is gone; what is no id has none."""
    assert incoming.read_outcome(id) is None
    incoming.write_outcome(id, b'{"state": "waiting"}')
    incoming.write_outcome(id, b'{"state": "stored"}')
    incoming.remove(id)

    assert incoming.read_outcome(id) == b'{"state": "stored"}'
    for other in ("", "..", "../incoming", f"{id}/", id.upper() + "/../" + id, f"{id}\n"):
        assert incoming.read_outcome(other) is None


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("incoming/0123456789abcdef0123456789abcdef/file", "0123456789abcdef0123456789abcdef"),
        ("incoming%2F0123456789abcdef0123456789abcdef/file", "0123456789abcdef0123456789abcdef"),
        ("incoming/0123456789abcdef0123456789abcdef/outcome.json", None),
        ("incoming/0123456789ABCDEF0123456789abcdef/file", None),
        ("incoming/0123456789abcdef0123456789abcdef/file\n", None),
        ("incoming/file", None),
        ("a/incoming/0123456789abcdef0123456789abcdef/file", None),
    ],
)
def test_only_files_have_ids(incoming: S3Incoming, key: str, found: str | None) -> None:
    """Events of outcomes, and of what somebody else put there, are none of a file on its way."""
    assert incoming.id_of(key) == found


@pytest.mark.parametrize(("status", "code"), [(404, "NoSuchBucket"), (403, "AccessDenied"), (500, "InternalError")])
@pytest.mark.usefixtures("aws_credentials")
def test_a_store_that_fails_is_not_a_file_that_is_gone(id: str, status: int, code: str) -> None:
    """An event must come again then."""
    with canned((status, code)) as (settings, _), contextlib.closing(Clients(settings)) as own:
        failing = S3Incoming(settings, max_bytes=1_000, clients=own)
        for call in (failing.read, failing.read_outcome, failing.remove):
            with pytest.raises(StoreUnavailable):
                call(id)
        with pytest.raises(StoreUnavailable):
            failing.write_outcome(id, b"{}")


@pytest.mark.parametrize(
    ("region", "bucket", "expected"),
    [
        ("eu-central-1", "originals", "https://originals.s3.eu-central-1.amazonaws.com/"),
        ("eu-central-1", "with.dots", "https://s3.eu-central-1.amazonaws.com/with.dots"),
        ("cn-north-1", "originals", "https://originals.s3.cn-north-1.amazonaws.com.cn/"),
        (None, "originals", "https://originals.s3.us-east-1.amazonaws.com/"),
    ],
)
@pytest.mark.usefixtures("aws_credentials")
def test_at_aws_the_form_goes_to_the_buckets_region(
    monkeypatch: pytest.MonkeyPatch, id: str, region: str | None, bucket: str, expected: str
) -> None:
    """A form that the global endpoint redirects would be sent twice; the region is the SDK's, as functions have it."""
    if region:
        monkeypatch.setenv("AWS_REGION", region)
    settings = StoreSettings(bucket=bucket)
    with contextlib.closing(Clients(settings)) as own:
        url, fields = _form(S3Incoming(settings, max_bytes=1_000_000, clients=own), id)

    assert url == expected
    assert fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert f"/{region or 'us-east-1'}/s3/" in fields["x-amz-credential"]
