"""Pictures into the store: by body, form and URL, created and replaced, and every refusal leaves nothing behind."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from typing import Any
from urllib.parse import quote

import pytest

from renderer.cache.tags import original_tag
from tests.api.fakes import BUCKET, Application, nothing_stored, picture, settings

PNG = picture()
OTHER = picture(shade=200)
TYPE = {"Content-Type": "image/png"}
SHA = hashlib.sha256(PNG).hexdigest()
OWN_KEY = f"{SHA[:2]}/{SHA}.png"


def form(**fields: bytes) -> bytes:
    """A form with the boundary `b`."""
    parts = (
        f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'.encode() + content + b"\r\n"
        for name, content in fields.items()
    )
    return b"".join(parts) + b"--b--\r\n"


FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def test_a_picture_under_a_key_is_created_and_told_of() -> None:
    """Whatever a client needs to go on: the source URL in both spellings, validators, the tag, and the purge."""
    application = Application()
    answer = application.answer("PUT", "/images/sch%C3%B6n/a%20b.png", PNG, headers=TYPE)
    told = json.loads(answer["body"])

    tag = original_tag(f"s3://{BUCKET}/schön/a b.png")
    etag = f'"{hashlib.md5(PNG, usedforsecurity=False).hexdigest()}"'
    assert answer["statusCode"] == 201
    assert told == {
        "key": "schön/a b.png",
        "bucket": BUCKET,
        "source_url": f"s3://{BUCKET}/schön/a b.png",
        "source_encoded": base64.urlsafe_b64encode(f"s3://{BUCKET}/schön/a b.png".encode()).decode().rstrip("="),
        "content_type": "image/png",
        "bytes": len(PNG),
        "width": 40,
        "height": 30,
        "frames": 1,
        "etag": etag,
        "sha256": SHA,
        "cache_tag": tag,
        "last_modified": "2026-11-18T11:06:40Z",
        "uploaded_by": "tests",
        "file_name": None,
        "purge": {"id": "message-0", "state": "queued"},
    }
    assert answer["headers"]["ETag"] == etag
    assert answer["headers"]["Location"] == f"/images/{quote('schön/a b.png')}"
    assert application.queue.tags == [tag]
    assert application.originals.objects["schön/a b.png"][0] == PNG


def test_replacing_is_200_and_purges() -> None:
    application = Application()
    application.ask("PUT", "/images/a.png", PNG, headers=TYPE)
    status, told = application.ask("PUT", "/images/a.png", OTHER, headers=TYPE)

    assert (status, told["sha256"]) == (200, hashlib.sha256(OTHER).hexdigest())
    assert application.queue.tags == [original_tag(f"s3://{BUCKET}/a.png")] * 2


@pytest.mark.parametrize(
    ("body", "headers"),
    [(PNG, TYPE), (PNG, {"Content-Type": "application/octet-stream"}), (form(file=PNG), FORM)],
)
def test_without_a_key_a_picture_is_named_after_its_content_and_purges_nothing(
    body: bytes, headers: dict[str, str]
) -> None:
    """The second time it is there already."""
    application = Application()
    answers = [application.ask("POST", "/images", body, headers=headers) for _ in range(2)]

    assert [status for status, _ in answers] == [201, 200]
    assert {told["key"] for _, told in answers} == {OWN_KEY}
    assert [told["purge"] for _, told in answers] == [None, None]
    assert application.queue.sent == []


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (PNG, {"headers": TYPE, "query": {"key": "x/é.png"}}),
        (form(key="x/é.png".encode(), file=PNG), {"headers": FORM}),
    ],
)
def test_a_key_may_come_as_a_parameter_or_a_field(body: bytes, more: dict[str, Any]) -> None:
    status, told = Application().ask("POST", "/images", body, **more)

    assert (status, told["key"], told["sha256"]) == (201, "x/é.png", SHA)


def test_the_file_name_of_a_form_is_kept() -> None:
    _, told = Application().ask("POST", "/images", form(file=PNG), headers=FORM)

    assert told["file_name"] == "file"


@pytest.mark.parametrize(
    ("method", "path", "body", "more", "status", "problem"),
    [
        ("PUT", "/images/a/../b", PNG, {"headers": TYPE}, 400, "invalid-key"),
        ("PUT", "/images/a%00b", PNG, {"headers": TYPE}, 400, "invalid-key"),
        ("PUT", f"/images/{'x' * 1025}", PNG, {"headers": TYPE}, 400, "invalid-key"),
        ("PUT", "/images/a%E2%80%AEgnp.exe", PNG, {"headers": TYPE}, 400, "invalid-key"),
        ("PUT", "/images/incoming/a", PNG, {"headers": TYPE}, 400, "invalid-key"),
        ("PUT", f"/images/{OWN_KEY}", OTHER, {"headers": TYPE}, 400, "invalid-key"),
        ("POST", "/images", PNG, {"headers": TYPE, "query": {"key": "../b"}}, 400, "invalid-key"),
        ("PUT", "/images/a", PNG, {"headers": FORM}, 415, "unsupported-media-type"),
        ("PUT", "/images/a", PNG, {"headers": {}}, 415, "unsupported-media-type"),
        ("POST", "/images", b"{}", {"headers": {"Content-Type": "text/html"}}, 415, "unsupported-media-type"),
        ("PUT", "/images/a", b"", {"headers": TYPE}, 422, "empty-file"),
        ("PUT", "/images/a", b"hello", {"headers": TYPE}, 415, "not-an-image"),
        ("PUT", "/images/a", PNG, {"headers": {"Content-Type": "image/jpeg"}}, 415, "type-mismatch"),
        ("PUT", "/images/a", PNG[:-30], {"headers": TYPE}, 422, "broken-image"),
        ("PUT", "/images/a", bytes(4 * 1024 * 1024 + 1), {"headers": TYPE}, 413, "too-large"),
        ("POST", "/images", form(file=bytes(4 * 1024 * 1024 + 1)), {"headers": FORM}, 413, "too-large"),
        ("POST", "/images", b"--b--", {"headers": FORM}, 400, "invalid-request"),
        ("POST", "/images", form(file=PNG), {"headers": FORM, "query": {"key": "a"}}, 400, "invalid-request"),
        ("POST", "/images", form(file=form(file=PNG)), {"headers": FORM}, 415, "not-an-image"),
        ("PUT", "/images/a", PNG, {"headers": {**TYPE, "If-Match": "abc"}}, 400, "invalid-request"),
        ("PUT", "/images/a", PNG, {"headers": {**TYPE, "If-Match": '"abc"'}}, 412, "precondition-failed"),
        ("PUT", "/images/a", PNG, {"headers": {**TYPE, "If-Match": "*"}}, 412, "precondition-failed"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    method: str, path: str, body: bytes, more: dict[str, Any], status: int, problem: str
) -> None:
    """The problem says what it is; the object store and the queue are as before."""
    application = Application()
    with nothing_stored(application):
        answer = application.answer(method, path, body, **more)

    told = json.loads(answer["body"])
    assert (answer["statusCode"], told["type"], told["status"]) == (status, f"urn:bildwerk:problem:{problem}", status)
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert told["detail"].endswith(".")


def test_a_file_that_is_too_large_is_told_where_to_go() -> None:
    _, told = Application().ask("PUT", "/images/a", bytes(4 * 1024 * 1024 + 1), headers=TYPE)

    assert (told["uploads"], told["max_bytes"]) == ("/uploads", 4_194_304)


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("{}", "/url"),
        ('{"url": 5}', "/url"),
        ('{"url": "https://a.example/", "size": 3}', "/size"),
        ("[]", ""),
        ("{", ""),
        ("", ""),
    ],
)
def test_json_that_is_not_what_is_expected_is_told_where(text: str, pointer: str) -> None:
    status, told = Application().ask("POST", "/images", text, headers={"Content-Type": "application/json"})

    assert (status, told["type"]) == (400, "urn:bildwerk:problem:invalid-request")
    assert told["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("scopes", "prefix", "path", "status", "problem"),
    [
        ("delete", "", "/images/a.png", 403, "forbidden-scope"),
        ("", "", "/images/a.png", 403, "forbidden-scope"),
        ("upload", "shoes/", "/images/hats/a.png", 403, "forbidden-key"),
        ("upload", "shoes/", "/images", 403, "forbidden-key"),
    ],
)
def test_a_token_stays_within_its_scope_and_prefix(
    scopes: str, prefix: str, path: str, status: int, problem: str
) -> None:
    """A picture without a key is named after its content, which no prefix covers."""
    application = Application()
    with nothing_stored(application):
        answer = application.ask(
            "POST" if path == "/images" else "PUT",
            path,
            PNG,
            headers=TYPE,
            token={"token": "editor", "scopes": scopes, "prefix": prefix},
        )

    assert (answer[0], answer[1]["type"]) == (status, f"urn:bildwerk:problem:{problem}")


def test_conditions_hold_or_the_picture_stays() -> None:
    application = Application()
    first = application.ask("PUT", "/images/a.png", PNG, headers={**TYPE, "If-None-Match": "*"})
    again = application.ask("PUT", "/images/a.png", OTHER, headers={**TYPE, "If-None-Match": "*"})
    wrong = application.ask("PUT", "/images/a.png", OTHER, headers={**TYPE, "If-Match": '"0"'})
    assert application.originals.objects["a.png"][0] == PNG

    right = application.ask("PUT", "/images/a.png", OTHER, headers={**TYPE, "If-Match": first[1]["etag"]})
    any_ = application.ask("PUT", "/images/a.png", PNG, headers={**TYPE, "If-Match": "*"})

    assert [status for status, _ in (first, again, wrong, right, any_)] == [201, 412, 412, 200, 200]
    assert again[1]["etag"] == first[1]["etag"]


@pytest.mark.parametrize("condition", [{}, {"If-None-Match": "*"}])
def test_of_two_writers_at_once_one_creates_and_the_other_is_told(condition: dict[str, str]) -> None:
    """Both have looked before either writes; without a condition the later one replaces."""
    application = Application()
    together = threading.Barrier(2, timeout=30)
    looks = iter(range(2))

    def before(method: str) -> None:
        if method == "put" and next(looks, None) is not None:
            together.wait()

    application.originals.before = before
    statuses: list[int] = []
    writers = [
        threading.Thread(
            target=lambda data=data: statuses.append(
                application.ask("PUT", "/images/a.png", data, headers={**TYPE, **condition})[0]
            )
        )
        for data in (PNG, OTHER)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert sorted(statuses) == ([201, 412] if condition else [200, 201])
    assert application.originals.objects["a.png"][0] in (PNG, OTHER)


def test_a_store_that_fails_stores_nothing_and_orders_nothing() -> None:
    application = Application()
    application.originals.fails = {"put"}
    with nothing_stored(application):
        answer = application.answer("PUT", "/images/a.png", PNG, headers=TYPE)

    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "5")


def test_a_queue_that_fails_is_told_and_the_same_request_again_orders_the_purge() -> None:
    application = Application()
    application.queue.fails = True
    status, told = application.ask("PUT", "/images/a.png", PNG, headers=TYPE)
    application.queue.fails = False
    again = application.ask("PUT", "/images/a.png", PNG, headers=TYPE)

    tag = original_tag(f"s3://{BUCKET}/a.png")
    assert (status, told["type"]) == (503, "urn:bildwerk:problem:purge-not-queued")
    assert (told["key"], told["cache_tag"]) == ("a.png", tag)
    assert (again[0], application.queue.tags) == (200, [tag])


SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    b'<script>alert(1)</script><rect width="9" height="9"/></svg>'
)


def test_an_svg_is_stored_without_what_acts_or_refused() -> None:
    application = Application()
    status, told = application.ask("PUT", "/images/a.svg", SVG, headers={"Content-Type": "image/svg+xml"})
    stored = application.originals.objects["a.svg"][0]
    strict = Application(settings=settings(BILDWERK_UPLOAD_SVG="refuse"))
    with nothing_stored(strict):
        refused = strict.ask("PUT", "/images/a.svg", SVG, headers={"Content-Type": "image/svg+xml"})

    assert status == 201
    assert b"script" not in stored
    assert told["sha256"] == hashlib.sha256(stored).hexdigest()
    assert (refused[0], refused[1]["type"]) == (422, "urn:bildwerk:problem:unsafe-svg")


def test_an_error_of_ours_tells_nothing_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    application = Application()

    def broken(_: str) -> None:
        raise ZeroDivisionError("secret inside")

    application.originals.before = broken
    status, told = application.ask("PUT", "/images/a.png", PNG, headers=TYPE)

    assert (status, told["type"]) == (500, "urn:bildwerk:problem:internal-error")
    assert "secret" not in json.dumps(told)
    assert "ZeroDivisionError" in caplog.text
