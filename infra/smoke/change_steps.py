"""Steps of an editor: who may upload, large files, and how soon what is new, replaced or deleted shows at the edge."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from infra.smoke.asking import Reply, ask, require, until
from infra.smoke.steps import Seen, Step
from infra.smoke.visit import AVIF, FORMATS, PURGE_SECONDS, Visit

LARGE: Final = (3200, 2400)
"""Noise of that size is more than the 4 MiB that a request to the API carries."""
DIRECT_BYTES: Final = 4 * 1024 * 1024


def _access(visit: Visit) -> Seen:
    url = f"{visit.commands.api_url}/images/{visit.new_key()}"
    for what, headers in (
        ("without a token", {}),
        ("with an unknown token", {"Authorization": f"Bearer bw_{secrets.token_urlsafe(32)}"}),
    ):
        reply = ask(url, "PUT", {"Content-Type": "image/jpeg", **headers}, b"-")  # no picture: nothing can be stored
        require(reply.status == 401, f"an upload {what} was answered {reply}")
        require("problem+json" in reply.header("Content-Type"), f"the refusal is no problem document: {reply}")
    return Seen(text="without a token and with an unknown one: 401")


def _appear(visit: Visit) -> Seen:
    key = visit.new_key()
    url = visit.url(key)
    before = ask(url, headers={"Accept": AVIF})
    require(before.status == 404, f"before its upload it was answered {before}")
    visit.upload(key)
    seconds = _seen_within(visit, {"a new picture": url}, lambda reply: reply.status == 200)
    return Seen(text=f"{seconds:.1f} s after its upload, although its 404 was cached", figures={"seconds": seconds})


def _replace(visit: Visit) -> Seen:
    key = visit.new_key()
    visit.upload(key)
    url = visit.url(key)
    old = visit.until_hit(url)
    visit.upload(key)
    seconds = _seen_within(visit, {"the new picture": url}, lambda reply: _is_other(reply, old))
    return Seen(text=f"{seconds:.1f} s after it was replaced", figures={"seconds": seconds})


def _bucket_change(visit: Visit) -> Seen:
    key, stage = visit.new_key(), visit.deployed
    visit.upload(key)
    url = visit.url(key)
    old = visit.until_hit(url)
    body = visit.file().read_bytes()
    stage.client("s3", stage.region).put_object(Bucket=visit.bucket, Key=key, Body=body, ContentType="image/jpeg")
    seconds = _seen_within(visit, {"the new picture": url}, lambda reply: _is_other(reply, old))
    return Seen(text=f"{seconds:.1f} s after it was written past the API", figures={"seconds": seconds})


def _delete(visit: Visit) -> Seen:
    key = visit.new_key()
    visit.upload(key)
    url = visit.url(key)
    for accept in FORMATS.values():
        visit.until_hit(url, accept)
    (record,) = visit.commands.deleted([key])
    require(record["state"] == "deleted", f"the API says {record}")
    seconds = 0.0
    for media_type, accept in FORMATS.items():
        seconds += _seen_within(visit, {media_type: url}, lambda reply: reply.status == 404, accept)
    return Seen(text=f"404 in every format {seconds:.1f} s after its deletion", figures={"seconds": seconds})


def _large(visit: Visit) -> Seen:
    key, body = visit.new_key(), visit.file(*LARGE).read_bytes()
    require(len(body) > DIRECT_BYTES, f"the picture for this step has only {len(body):,} bytes")
    ticket = _announced(visit, key, len(body))
    reply = _posted(ticket, body)
    require(reply.status < 300, f"S3 answered {reply}: {reply.body[:300]!r}")
    states: list[dict[str, Any]] = []

    def settled() -> dict[str, Any] | None:
        states.append(json.loads(ask(f"{visit.commands.api_url}/uploads/{ticket['id']}", headers=_bearer(visit)).body))
        return states[-1] if states[-1].get("state") != "waiting" else None

    status, seconds = until(settled, visit.patience_seconds, lambda: f"what was sent is not taken in: {states[-1]}")
    require(status.get("state") == "stored", f"what was sent is refused: {status}")
    shown = ask(visit.url(key), headers={"Accept": AVIF})
    require(shown.status == 200, f"the large picture was answered {shown}")
    text = f"{len(body):,} bytes by a form to S3, looked over and stored after {seconds:.1f} s, and shown"
    return Seen(text=text, figures={"bytes": len(body), "seconds": seconds})


def _large_bound(visit: Visit) -> Seen:
    key, body = visit.new_key(), visit.file().read_bytes()
    reply = _posted(_announced(visit, key, len(body)), body + b"x")
    refusal = f"{reply.status} {reply.body[:300].decode(errors='replace')}"
    require(reply.status == 400 and "EntityTooLarge" in refusal, f"S3 answers a byte too many with {refusal}")
    looked = ask(f"{visit.commands.api_url}/images/{key}", headers=_bearer(visit))
    require(looked.status == 404, f"what S3 refused is there all the same: {looked}")
    return Seen(text="a byte more than announced: EntityTooLarge from S3")


def _announced(visit: Visit, key: str, size: int) -> dict[str, Any]:
    """The form for a large file."""
    visit.keys.append(key)
    asked = json.dumps({"content_type": "image/jpeg", "bytes": size, "key": key}).encode()
    headers = {**_bearer(visit), "Content-Type": "application/json"}
    answer = ask(f"{visit.commands.api_url}/uploads", "POST", headers, asked)
    require(answer.status == 201, f"the announcement was answered {answer}: {answer.body[:300]!r}")
    ticket: dict[str, Any] = json.loads(answer.body)
    return ticket


def _bearer(visit: Visit) -> dict[str, str]:
    return {"Authorization": f"Bearer {visit.commands.token}"}


def _posted(ticket: Mapping[str, Any], body: bytes) -> Reply:
    """The form of a ticket, sent with a file as its last field."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in ticket["fields"].items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n'.encode()
    form = b"".join([*parts, head, body, f"\r\n--{boundary}--\r\n".encode()])
    return ask(ticket["url"], "POST", {"Content-Type": f"multipart/form-data; boundary={boundary}"}, form)


def _is_other(reply: Reply, old: Reply) -> bool:
    return reply.status == 200 and reply.body != old.body


def _seen_within(visit: Visit, urls: Mapping[str, str], shows: Callable[[Reply], bool], accept: str = AVIF) -> float:
    """Seconds until the edge shows it; a minute at the most, or what the run has patience for."""
    ((what, url),) = urls.items()
    seen: list[Reply] = []

    def look() -> bool | None:
        seen.append(ask(url, headers={"Accept": accept}))
        return True if shows(seen[-1]) else None

    longest = min(PURGE_SECONDS, visit.patience_seconds)
    _, seconds = until(look, longest, lambda: f"{what}: the edge still shows {seen[-1]}")
    return seconds


STEPS: Final = (
    Step(name="access", claims="the API lets nobody in without a token that it knows", look=_access),
    Step(name="appear", claims="a new picture shows although its 404 was cached", look=_appear),
    Step(name="replace", claims="a replaced picture is purged at the edge", look=_replace),
    Step(
        name="bucket-change",
        claims="a picture written past the API is purged too",
        look=_bucket_change,
        needs="stage",
    ),
    Step(name="delete", claims="a deleted picture is gone at the edge in every format", look=_delete),
    Step(name="large-upload", claims="a file above 4 MiB gets in by a presigned form", look=_large),
    Step(name="large-upload-bound", claims="S3 refuses a byte more than was announced", look=_large_bound),
)
