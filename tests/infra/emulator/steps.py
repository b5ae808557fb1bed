"""Steps that need one right each: what somebody asks, whose refusal a log tells then."""

from __future__ import annotations

import itertools
import secrets
import time
from typing import Any, Final

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # the SDK has no types

from api.purges.orders import PurgeOrder
from api.purges.sqs_queue import message_text
from renderer.cache.tags import original_tag
from tests.infra.emulator.server import secrets_of, task_of
from tests.infra.emulator.walk import Walk, json_of, new_key, new_token

PICTURE: Final = "walk/kept.jpg"
"""An original with stored results, which some steps write over or delete."""

_widths: Final = itertools.count(100)
"""A rendition of each width is asked for once: the next is in no memory and no store."""


def put(walk: Walk, data: bytes) -> None:
    """Writes over the picture."""
    walk.uploaded(PICTURE, data)


def put_new(walk: Walk, data: bytes) -> None:
    """Uploads one under a key that nobody has used."""
    walk.uploaded(new_key(), data)


def rendered(walk: Walk, data: bytes) -> None:
    """The picture with a stored result."""
    changed(walk, data)
    walk.kept_picture(PICTURE)


def changed(walk: Walk, data: bytes) -> None:
    """Writes the picture past the API."""
    walk.s3.put_object(Bucket=walk.originals, Key=PICTURE, Body=data, ContentType="image/jpeg")


def tell_of_a_change(walk: Walk, _data: bytes) -> None:
    """Tells `change` of the picture."""
    walk.invoked("Change", _event(walk, PICTURE))


def purge(walk: Walk, _data: bytes) -> None:
    """Has the picture purged."""
    url = f"s3://{walk.originals}/{PICTURE}"
    order = PurgeOrder(tag=original_tag(url), source_url=url, reason="changed")
    record = {"messageId": secrets.token_hex(8), "body": message_text(order), "eventSource": "aws:sqs"}
    walk.invoked("Purge", {"Records": [{**record, "attributes": {"ApproximateReceiveCount": "1"}}]})


def arrive(walk: Walk, data: bytes) -> None:
    """Sends a large picture and tells `arrival` of it."""
    ticket = json_of(walk.ticket(PICTURE, len(data)))
    walk.posted(ticket, data)
    walk.invoked("Arrival", _event(walk, ticket["fields"]["key"]))


def _event(walk: Walk, key: str) -> dict[str, Any]:
    """EventBridge's of an object that was written (Amazon S3 user guide, "EventBridge event message structure")."""
    detail = {"bucket": {"name": walk.originals}, "object": {"key": key}, "reason": "PutObject"}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def read(walk: Walk, _data: bytes) -> None:
    """Looks the picture up."""
    walk.api("GET", f"/images/{PICTURE}")


def delete(walk: Walk, _data: bytes) -> None:
    """Deletes the picture."""
    walk.deleted(PICTURE)


def delete_versions(walk: Walk, _data: bytes) -> None:
    """Deletes the picture and all that it was."""
    walk.api("DELETE", f"/images/{PICTURE}?versions=all")


def ask_for_a_form(walk: Walk, data: bytes) -> None:
    """Wants to upload a large picture."""
    walk.ticket(PICTURE, len(data))


def ask_after_a_form(walk: Walk, data: bytes) -> None:
    """Asks what became of a large picture."""
    ticket = json_of(walk.ticket(PICTURE, len(data)))
    walk.api("GET", f"/uploads/{ticket['id']}")


def show_a_token_to_a_new_authorizer(walk: Walk, _data: bytes) -> None:
    """One that has read no list yet; any change of its configuration starts it anew."""
    functions = walk.deployment.emulator.client("lambda")
    name = walk.deployment.id_of("Functions/Authorize", "AWS::Lambda::Function")
    functions.update_function_configuration(FunctionName=name, Description="started anew")
    token, _ = new_token()
    walk.api("GET", f"/images/{PICTURE}", token=token)


def look(walk: Walk, _data: bytes) -> None:
    """Asks for a rendition that nobody has seen."""
    walk.picture(PICTURE, options=f"rs:fit:{next(_widths)}:0")


def look_at_a_version(walk: Walk, _data: bytes) -> None:
    """The same of a version of the picture."""
    version = walk.s3.list_object_versions(Bucket=walk.originals, Prefix=PICTURE)["Versions"][0]["VersionId"]
    walk.picture(f"{PICTURE}%3F{version}", options=f"rs:fit:{next(_widths)}:0")


def keeps_a_result(walk: Walk, *, seconds: float) -> bool:
    """Whether a new rendition is in the store soon."""
    tag = original_tag(f"s3://{walk.originals}/{PICTURE}")
    before = walk.kept_results(tag)
    look(walk, b"")
    deadline = time.monotonic() + seconds
    while walk.kept_results(tag) == before:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def refused_secrets(walk: Walk) -> str:
    """What Secrets Manager says to ECS's reading of the task's secrets; empty when it gives them."""
    try:
        task: dict[str, Any] = task_of(walk.deployment)
        secrets_of(walk.deployment, task)
    except ClientError as error:
        return str(error)
    return ""
