"""Large files: a ticket, the arrival, and what its owner is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.problems import StoreUnavailable
from renderer.cache.tags import original_tag
from tests.api.fakes import BUCKET, Application, MemoryIncoming, picture, settings

PNG = picture()
JSON = {"Content-Type": "application/json"}


def application(**variables: str) -> tuple[Application, MemoryIncoming]:
    """An application whose store takes large files."""
    incoming = MemoryIncoming()
    return Application(settings=settings(**variables), further={"incoming": incoming}), incoming


def announced(api: Application, **members: Any) -> dict[str, Any]:
    """The ticket for a file."""
    wanted = {"content_type": "image/png", "bytes": len(PNG), **members}
    status, ticket = api.ask("POST", "/uploads", json.dumps(wanted), headers=JSON)
    assert status == 201
    return ticket


def test_a_ticket_binds_what_was_announced() -> None:
    """Size, type, key, and whose it is: the store checks the first two, the arrival takes the rest from there."""
    api, incoming = application()
    ticket = announced(api, key="é/1.png")

    assert ticket["url"] == "https://store.example/"
    assert (ticket["key"], ticket["max_bytes"], ticket["status"]) == ("é/1.png", len(PNG), f"/uploads/{ticket['id']}")
    assert incoming.tickets[ticket["id"]] == {
        "content_type": "image/png",
        "size": len(PNG),
        "metadata": {"token": "tests", "key": "é/1.png"},
    }
    assert api.ask("GET", ticket["status"])[1]["state"] == "waiting"


@pytest.mark.parametrize("key", ["a/1.png", None])
def test_a_file_that_arrives_is_stored_and_its_owner_told(key: str | None) -> None:
    """A key that was given is purged, one that follows from the content is not."""
    api, incoming = application()
    ticket = announced(api, **({} if key is None else {"key": key}))
    event = incoming.arrive(ticket["id"], PNG)

    assert api.api.arrival(event, None) == {"uploads": {ticket["id"]: "stored"}}
    status, told = api.ask("GET", ticket["status"])
    stored = told["image"]["key"]
    assert (status, told["state"], told["image"]["uploaded_by"]) == (200, "stored", "tests")
    assert stored == (key or stored)
    assert api.originals.objects[stored][0] == PNG
    assert api.queue.tags == ([original_tag(f"s3://{BUCKET}/{key}")] if key else [])
    assert incoming.files == {}
    # S3 may send its event twice.
    assert api.api.arrival(event, None) == {"uploads": {ticket["id"]: "stored"}}


@pytest.mark.parametrize(
    ("data", "problem"), [(b"hello", "not-an-image"), (PNG[:-30], "broken-image"), (picture("jpg"), "type-mismatch")]
)
def test_what_is_no_such_picture_is_refused_and_its_owner_told(data: bytes, problem: str) -> None:
    api, incoming = application()
    ticket = announced(api, key="a/1.png")

    assert api.api.arrival(incoming.arrive(ticket["id"], data), None) == {"uploads": {ticket["id"]: "refused"}}
    told = api.ask("GET", ticket["status"])[1]
    assert (told["state"], told["problem"]["type"]) == ("refused", f"urn:bildwerk:problem:{problem}")
    assert (api.originals.objects, incoming.files, api.queue.sent) == ({}, {}, [])


def test_a_store_that_fails_lets_the_event_come_again() -> None:
    """The file stays until it is dealt with."""
    api, incoming = application()
    ticket = announced(api, key="a/1.png")
    event = incoming.arrive(ticket["id"], PNG)
    api.originals.fails = {"put"}
    with pytest.raises(StoreUnavailable):
        api.api.arrival(event, None)
    assert api.ask("GET", ticket["status"])[1]["state"] == "waiting"
    api.originals.fails = set()

    assert api.api.arrival(event, None) == {"uploads": {ticket["id"]: "stored"}}


@pytest.mark.parametrize(
    ("members", "status", "problem"),
    [
        ({"bytes": 104_857_601}, 413, "too-large"),
        ({"bytes": 0}, 400, "invalid-request"),
        ({"bytes": "5"}, 400, "invalid-request"),
        ({"content_type": "text/html"}, 400, "invalid-request"),
        ({"content_type": "image/x-unheard-of"}, 415, "format-not-allowed"),
        ({"key": "../a"}, 400, "invalid-key"),
        ({"size": 3}, 400, "invalid-request"),
    ],
)
def test_what_could_never_be_stored_gets_no_ticket(members: dict[str, Any], status: int, problem: str) -> None:
    api, incoming = application()
    wanted = {"content_type": "image/png", "bytes": 10, **members}
    answer = api.ask("POST", "/uploads", json.dumps(wanted), headers=JSON)

    assert (answer[0], answer[1]["type"]) == (status, f"urn:bildwerk:problem:{problem}")
    assert (incoming.tickets, incoming.outcomes) == ({}, {})


def test_a_prefix_holds_for_large_files_too() -> None:
    """When the ticket is given out, and when the file arrives."""
    api, incoming = application()
    token = {"token": "shoes", "scopes": "upload", "prefix": "shoes/"}
    for members in ({}, {"key": "hats/1.png"}):
        body = json.dumps({"content_type": "image/png", "bytes": 10, **members})
        assert api.ask("POST", "/uploads", body, headers=JSON, token=token)[1]["type"].endswith(":forbidden-key")

    assert incoming.tickets == {}


def test_nobody_else_learns_what_became_of_a_file() -> None:
    api, _ = application()
    ticket = announced(api)
    other = {"token": "other", "scopes": "upload", "prefix": ""}

    for path, token in ((ticket["status"], other), (f"/uploads/{'0' * 32}", None), ("/uploads/..%2fx", None)):
        assert api.ask("GET", path, token=token)[0] == 404


def test_a_folder_has_no_place_for_large_files() -> None:
    body = json.dumps({"content_type": "image/png", "bytes": 10})

    assert Application().ask("POST", "/uploads", body, headers=JSON)[0] == 501


def test_the_first_file_of_a_ticket_counts() -> None:
    """The form is good for some minutes: whoever sends another file with it changes nothing."""
    api, incoming = application()
    ticket = announced(api, key="a/1.png")
    api.api.arrival(incoming.arrive(ticket["id"], PNG), None)
    api.queue.sent.clear()

    assert api.api.arrival(incoming.arrive(ticket["id"], picture(shade=99)), None) == {
        "uploads": {ticket["id"]: "stored"}
    }
    assert api.originals.objects["a/1.png"][0] == PNG
    assert (incoming.files, api.queue.sent) == ({}, [])
    assert api.ask("GET", ticket["status"])[1]["state"] == "stored"
