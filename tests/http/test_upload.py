"""`bildwerk upload` and `bildwerk delete` as processes against a small upload API with troubles."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from PIL import Image

from tests.http.upload_api import TOKEN, UploadApi, busy, cut, problem


@dataclass(frozen=True, slots=True)
class Ended:
    """How the command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines of `--json`, by their sources."""
        return sorted(map(json.loads, self.out.splitlines()), key=lambda record: str(record.get("source")))


@dataclass(frozen=True, slots=True)
class Bildwerk:
    """Runs the command against an API."""

    url: str

    def environment(self, **variables: str) -> dict[str, str]:
        """That of the command."""
        others = {name: value for name, value in os.environ.items() if not name.startswith(("IMGPROXY_", "BILDWERK_"))}
        return {**others, "BILDWERK_API_URL": self.url, "BILDWERK_API_TOKEN": TOKEN, **variables}

    async def start(self, *arguments: str | Path, **variables: str) -> asyncio.subprocess.Process:
        """A process under way."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bildwerk.main", *map(str, arguments)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment(**variables),
        )

    async def __call__(self, *arguments: str | Path, **variables: str) -> Ended:
        """A process to its end."""
        return await ended(await self.start(*arguments, **variables))


async def ended(process: asyncio.subprocess.Process) -> Ended:
    """Its end; no word of it may hold the token."""
    try:
        out, err = await asyncio.wait_for(process.communicate(), 30)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert TOKEN.encode() not in out + err
    return Ended(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
def api() -> UploadApi:
    """The API before anything came in."""
    return UploadApi()


@pytest.fixture
async def bildwerk(api: UploadApi) -> AsyncIterator[Bildwerk]:
    """The API served, and the command that knows where."""
    runner = web.AppRunner(api.app(), handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Bildwerk(f"http://127.0.0.1:{runner.addresses[0][1]}/v1/")
    await runner.cleanup()


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Writes a picture whose content belongs to its name; with `more` zeros behind it."""

    def write(name: str, *, more: int = 0) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = io.BytesIO()
        Image.new("RGB", (60, 40), tuple(hashlib.sha256(name.encode()).digest()[:3])).save(data, "PNG")
        path.write_bytes(data.getvalue() + bytes(more))
        return path

    return write


Picture = Callable[..., Path]


async def test_a_picture_is_stored_under_its_key(bildwerk: Bildwerk, api: UploadApi, picture: Picture) -> None:
    """Its type is that of the content; key and source are printed, and what a second picture replaces is named."""
    path = picture("a b.jpg")
    answer = await bildwerk("upload", path, "--key", "schuhe/ä b%#?.png".replace("?", ""))

    key = "schuhe/ä b%#.png"
    assert api.images == {key: path.read_bytes()}
    assert "PUT /v1/images/schuhe/%C3%A4%20b%25%23.png" in api.requests
    assert api.types == ["image/png"]
    source = api.stored(key, b"")["source_encoded"]
    assert answer == Ended(0, f"stored         {key}  60 x 40  {path.stat().st_size} bytes  {source}\n", "")

    again = await bildwerk("upload", picture("other.png"), "--key", key)
    assert again.out.startswith("replaced ")


async def test_a_picture_without_a_key_keeps_its_name(bildwerk: Bildwerk, api: UploadApi, picture: Picture) -> None:
    """It goes as a form; the key follows from the content."""
    path = picture('größe "1".png')
    answer = await bildwerk("upload", path, "--json")

    assert api.names == ['größe "1".png']
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    [record] = answer.records
    assert (record["source"], record["state"]) == (str(path), "stored")
    assert record["key"] == record["image"]["key"] == f"{digest[:2]}/{digest}.png"
    assert record["source_encoded"] == record["image"]["source_encoded"]


async def test_a_folder_keeps_its_order(bildwerk: Bildwerk, api: UploadApi, picture: Picture, tmp_path: Path) -> None:
    """Keys are prefix and path; hidden files and what is no picture by its name are passed over and counted."""
    for name in (
        "in/a.png",
        "in/sub/b.PNG",
        "in/sub/cafe\u0301.webp",
        "in/.hidden.png",
        "in/.git/c.png",
        "in/notes.txt",
    ):
        picture(name)
    answer = await bildwerk("upload", tmp_path / "in", "--prefix", "shoes/")

    assert set(api.images) == {"shoes/a.png", "shoes/sub/b.PNG", "shoes/sub/caf\u00e9.webp"}
    assert answer.status == 0
    assert len(answer.out.splitlines()) == 3
    assert "3 stored; " in answer.err
    assert "passed over: 2 hidden, 1 not pictures by name" in answer.err


async def test_what_is_there_is_not_sent_again(
    bildwerk: Bildwerk, api: UploadApi, picture: Picture, tmp_path: Path
) -> None:
    """With a key or without one; another content is sent."""
    for name in ("in/a.png", "in/b.png"):
        picture(name)
    alone = picture("alone.png")
    await bildwerk("upload", tmp_path / "in", "--prefix", "x/")
    await bildwerk("upload", alone)
    picture("in/c.png").rename(tmp_path / "in/b.png")
    api.requests.clear()

    answer = await bildwerk("upload", tmp_path / "in", "--prefix", "x/")
    single = await bildwerk("upload", alone)

    assert [request for request in api.requests if not request.startswith("GET ")] == ["PUT /v1/images/x/b.png"]
    assert "1 replaced, 1 already there" in answer.err
    assert single.out.startswith("already there ")


async def test_an_interrupted_run_is_begun_again(
    bildwerk: Bildwerk, api: UploadApi, picture: Picture, tmp_path: Path
) -> None:
    """The second run sends what the first one did not."""
    for number in range(6):
        picture(f"in/{number}.png")
    arrived = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await request.read()
        await asyncio.Event().wait()
        return web.Response()

    api.troubles["PUT /v1/images/x/3.png"] = [hang]
    process = await bildwerk.start("upload", tmp_path / "in", "--prefix", "x/", "--jobs", "1")
    try:
        await asyncio.wait_for(arrived.wait(), 20)
        process.send_signal(signal.SIGINT)
    finally:
        first = await ended(process)
    assert first.status == 130
    assert "interrupted: 3 stored, 3 not tried" in first.err
    assert "The same command again sends only what is missing." in first.err
    assert set(api.images) == {"x/0.png", "x/1.png", "x/2.png"}
    api.requests.clear()

    second = await bildwerk("upload", tmp_path / "in", "--prefix", "x/")
    assert second.status == 0
    assert sorted(request for request in api.requests if request.startswith("PUT ")) == [
        f"PUT /v1/images/x/{number}.png" for number in (3, 4, 5)
    ]
    assert "3 stored, 3 already there" in second.err


@pytest.mark.parametrize("trouble", [busy(), busy(status=429), busy(status=504), cut])
async def test_what_may_pass_is_tried_again(bildwerk: Bildwerk, api: UploadApi, picture: Picture, trouble: Any) -> None:
    """A store that is away, a throttle, a connection that breaks; the user learns why it takes longer."""
    api.troubles["PUT /v1/images/a.png"] = [trouble]
    answer = await bildwerk("upload", picture("a.png"), "--key", "a.png")

    assert answer.status == 0
    assert api.requests.count("PUT /v1/images/a.png") == 2
    address = bildwerk.url.split("/")[2]
    # aiohttp itself asks again at once when a connection breaks.
    assert answer.err == ("" if trouble is cut else f"{address} says: The store did not answer; trying again\n")


async def test_a_refused_picture_does_not_stop_the_others(
    bildwerk: Bildwerk, api: UploadApi, picture: Picture, tmp_path: Path
) -> None:
    """The end lists every one with its reason; control characters of a name or a reason stay harmless."""
    for name in ("in/a.png", "in/b.png", "in/c.png", "in/bad\x1b[31m.png", "in/\u202ename.png"):
        picture(name)
    api.refused["x/b.png"] = "The PNG ends too early.\x1b[0m"
    missing = tmp_path / "missing.png"
    answer = await bildwerk("upload", tmp_path / "in", missing, "--prefix", "x/")

    assert answer.status == 1
    assert set(api.images) == {"x/a.png", "x/c.png"}
    assert "2 stored, 4 refused" in answer.err
    assert "bildwerk upload: 4 of 6 not stored:" in answer.err
    assert f"{tmp_path}/in/b.png  " in answer.err
    assert "The PNG ends too early.\\x1b[0m (broken-image)" in answer.err
    assert f"{missing}  " in answer.err
    assert "No such file or directory" in answer.err
    assert "A key must not contain U+001B." in answer.err
    assert "\x1b" not in answer.out + answer.err


async def test_one_refused_picture_is_one_line(bildwerk: Bildwerk, api: UploadApi, picture: Picture) -> None:
    """With its name for programs under `--json`."""
    api.refused["a.png"] = "The PNG ends too early."
    path = picture("a.png")
    answer = await bildwerk("upload", path, "--key", "a.png")
    assert answer == Ended(1, "", f"bildwerk upload: {path}: The PNG ends too early. (broken-image)\n")

    told = await bildwerk("upload", path, "--key", "a.png", "--json")
    assert told.records == [
        {
            "source": str(path),
            "state": "refused",
            "key": "a.png",
            "problem": {"name": "broken-image", "detail": "The PNG ends too early."},
        }
    ]


async def test_a_large_file_goes_by_the_form(bildwerk: Bildwerk, api: UploadApi, picture: Picture) -> None:
    """Straight to the store, which never sees the token; the command waits until it is inspected."""
    path = picture("large.png", more=5_000_000)
    answer = await bildwerk("upload", path, "--key", "large.png", "--progress")

    assert answer.status == 0
    assert api.images["large.png"] == path.read_bytes()
    assert api.tickets["0" * 32]["content_type"] == "image/png"
    assert api.polls["0" * 32] > 1
    assert not [request for request in api.requests if request.startswith("PUT ")]
    assert "5.00M/5.00M" in answer.err

    again = await bildwerk("upload", path, "--key", "large.png")
    assert again.out.startswith("already there ")
    assert len(api.tickets) == 1


async def test_a_large_file_without_a_key_is_found_again_too(
    bildwerk: Bildwerk, api: UploadApi, picture: Picture
) -> None:
    """Its key follows from the content, here as well as there."""
    path = picture("large.png", more=5_000_000)
    assert (await bildwerk("upload", path)).out.startswith("stored ")
    assert (await bildwerk("upload", path)).out.startswith("already there ")
    assert len(api.tickets) == 1


@pytest.mark.parametrize("trouble", [busy(status=503), cut])
async def test_a_form_that_does_not_arrive_gets_a_new_ticket(
    bildwerk: Bildwerk, api: UploadApi, picture: Picture, trouble: Any
) -> None:
    """The first one may be used up or too old."""
    path = picture("large.png", more=5_000_000)
    api.troubles["POST /bucket"] = [trouble]
    assert (await bildwerk("upload", path, "--key", "x.png")).status == 0
    assert len(api.tickets) == 2
    assert api.images["x.png"] == path.read_bytes()


async def test_a_large_file_may_be_refused_at_each_step(bildwerk: Bildwerk, api: UploadApi, picture: Picture) -> None:
    """Before it is sent, by the store, and after the inspection."""
    path = picture("large.png", more=5_000_000)

    async def too_large(_: web.Request) -> web.StreamResponse:
        return problem(413, "too-large", "A file has at most 5,000,000 bytes.")

    async def expired(request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")

    api.troubles["POST /v1/uploads"] = [too_large]
    api.troubles["POST /bucket"] = [expired]
    api.refused["x.png"] = "The PNG is a ZIP as well."
    texts = [(await bildwerk("upload", path, "--key", "x.png")).err for _ in range(3)]
    assert texts == [
        f"bildwerk upload: {path}: A file has at most 5,000,000 bytes. (too-large)\n",
        f"bildwerk upload: {path}: the store refused the file with status 403 (store-refused)\n",
        f"bildwerk upload: {path}: The PNG is a ZIP as well. (broken-image)\n",
    ]


async def test_an_api_that_takes_less_in_a_request_gets_the_form(
    bildwerk: Bildwerk, api: UploadApi, picture: Picture
) -> None:
    """Its own limit may be lower than the gateway's."""
    api.max_bytes = 10
    path = picture("a.png")
    assert (await bildwerk("upload", path, "--key", "a.png")).status == 0
    assert api.images["a.png"] == path.read_bytes()
    assert len(api.tickets) == 1


async def test_a_url_is_fetched_by_the_api(bildwerk: Bildwerk, api: UploadApi) -> None:
    """With a key of the prefix and the name in its path, if there is a prefix."""
    url = "https://example.com/a/gr%C3%BC%C3%9Fe.jpg?x=1"
    answer = await bildwerk("upload", url, "--prefix", "found/")
    assert api.fetched == [url]
    assert "found/grüße.jpg" in answer.out


async def test_no_more_are_sent_at_once_than_wanted(
    bildwerk: Bildwerk, api: UploadApi, picture: Picture, tmp_path: Path
) -> None:
    """Two of ten."""
    for number in range(10):
        picture(f"in/{number}.png")
    assert (await bildwerk("upload", tmp_path / "in", "--jobs", "2")).status == 0
    assert len(api.images) == 10
    assert api.most_at_once <= 2


async def test_a_token_that_is_not_known_ends_it_at_once(
    bildwerk: Bildwerk, api: UploadApi, picture: Picture, tmp_path: Path
) -> None:
    """It would be the same with every other picture."""
    for number in range(10):
        picture(f"in/{number}.png")
    answer = await bildwerk("upload", tmp_path / "in", BILDWERK_API_TOKEN="bw_wrong-0123456789abcdefghij")
    assert answer.status == 1
    assert "bildwerk upload: the API does not know the token: There is no such token." in answer.err
    assert len(api.requests) <= 4


async def test_the_token_may_be_in_a_file(bildwerk: Bildwerk, picture: Picture, tmp_path: Path) -> None:
    """It goes before that of the environment."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    answer = await bildwerk(
        *("upload", picture("a.png"), "--key", "a.png", "--token-file", tmp_path / "token"), BILDWERK_API_TOKEN="x"
    )
    assert answer.status == 0


async def test_something_else_at_the_address_is_told(bildwerk: Bildwerk, picture: Picture) -> None:
    """An answer that is none of the API's."""
    path = picture("a.png")
    answer = await bildwerk("upload", path, "--key", "a.png", "--api", bildwerk.url.replace("/v1/", "/v2"))
    assert answer.status == 1
    assert "status 404" in answer.err


async def test_keys_are_deleted_with_their_renditions(bildwerk: Bildwerk, api: UploadApi) -> None:
    """The purge's id is printed; versions go on demand."""
    api.images |= {"a b.png": b"1", "c.png": b"2", "d.png": b"3"}
    answer = await bildwerk("delete", "a b.png", "c.png", "--versions", "all")
    assert set(api.images) == {"d.png"}
    assert api.requests[0] == "DELETE /v1/images/a%20b.png?versions=all"
    assert answer.status == 0
    assert answer.out.splitlines()[0] == f"deleted    a b.png  o-{'0' * 32}  purge purge-2"

    told = await bildwerk("delete", "d.png", "--json")
    assert [(record["state"], record["key"]) for record in told.records] == [("deleted", "d.png")]


async def test_a_key_that_names_nothing_is_told(bildwerk: Bildwerk, api: UploadApi) -> None:
    """The others are deleted, and its purge is queued as well."""
    api.images["b.png"] = b"2"
    answer = await bildwerk("delete", "a.png", "b.png", "/c.png")
    assert answer.status == 1
    assert not api.images
    assert answer.out.splitlines()[0].startswith("not there  a.png  o-")
    assert "2 of 3 not deleted:" in answer.err
    assert "a.png   there was no picture under this key; its purge is queued all the same" in answer.err
    assert "/c.png  A key must not begin or end with a slash" in answer.err


async def test_a_deletion_whose_answer_was_lost_was_one(bildwerk: Bildwerk, api: UploadApi) -> None:
    """The second attempt finds nothing: that is what the first one was for."""
    api.images["a.png"] = b"1"

    async def deleted_and_gone(request: web.Request) -> web.StreamResponse:
        await api.delete(request)
        return await cut(request)

    api.troubles["DELETE /v1/images/a.png"] = [deleted_and_gone]
    answer = await bildwerk("delete", "a.png")
    assert answer.status == 0
    assert answer.out.startswith("deleted ")
