"""Requests to the upload API: what is tried again, how long it is waited, and when it is given up."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from bildwerk.api_access import Access
from bildwerk.api_client import ApiClient
from bildwerk.api_requests import Connection, Refused, TokenRefused, Unreachable, opened
from bildwerk.upload_plan import Plan, Upload
from bildwerk.upload_report import Summary, refused_text, summary_text
from bildwerk.uploading import Outcome, uploaded
from tests.http.upload_api import TOKEN, UploadApi, busy, problem


class Pauses(list[float]):
    """Pauses that are written down instead of made."""

    async def sleep(self, seconds: float) -> None:
        """Writes one down."""
        self.append(seconds)


@pytest.fixture
def api() -> UploadApi:
    """The API before anything came in."""
    return UploadApi()


@pytest.fixture
async def access(api: UploadApi) -> AsyncIterator[Access]:
    """The API, served."""
    runner = web.AppRunner(api.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Access(url=f"http://127.0.0.1:{runner.addresses[0][1]}/v1", token=TOKEN)
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections, as the commands have them."""
    nowhere = Access(url="http://127.0.0.1:1", token=TOKEN)
    async with opened(nowhere, connections=4, note=lambda _: None) as connection:
        yield connection._session


@pytest.fixture
def pauses() -> Pauses:
    """None yet."""
    return Pauses()


@pytest.fixture
def client(access: Access, session: aiohttp.ClientSession, pauses: Pauses) -> ApiClient:
    """A client that does not wait."""
    return ApiClient(Connection(access, session, sleep=pauses.sleep))


async def test_pauses_grow_and_the_last_answer_counts(client: ApiClient, api: UploadApi, pauses: Pauses) -> None:
    """Six attempts, five pauses, each about twice the one before."""
    api.troubles["GET /v1/images/a.png"] = [busy() for _ in range(6)]
    with pytest.raises(Refused, match="The store did not answer") as refused:
        await client.look_up("a.png")
    assert (refused.value.status, refused.value.name) == (503, "store-unavailable")
    assert len(pauses) == 5
    for pause, about in zip(pauses, (0.5, 1, 2, 4, 8), strict=True):
        assert 0.75 * about <= pause <= 1.25 * about


@pytest.mark.parametrize(
    ("retry_after", "low", "high"),
    [("7", 7, 7), ("3600", 30, 30), ("0", 0.3, 0.7), ("soon", 0.3, 0.7), ("9" * 400, 0.3, 0.7), ("-5", 0.3, 0.7)],
)
async def test_retry_after_is_kept_within_bounds(
    client: ApiClient, api: UploadApi, pauses: Pauses, retry_after: str, low: float, high: float
) -> None:
    """Half a minute at most; what is no number of seconds counts for nothing."""
    api.troubles["GET /v1/images/a.png"] = [busy(retry_after)]
    assert await client.look_up("a.png") is None
    assert low <= pauses[0] <= high
    assert len(pauses) == 1


async def test_an_api_that_is_away_is_unreachable(
    access: Access, session: aiohttp.ClientSession, pauses: Pauses
) -> None:
    """After six attempts; the text names the address and the reason, and every new failure is noted."""
    notes: list[str] = []
    away = replace(access, url="http://127.0.0.1:1")
    client = ApiClient(Connection(away, session, sleep=pauses.sleep, note=notes.append))
    with pytest.raises(Unreachable) as error:
        await client.look_up("a.png")
    assert str(error.value) == "no answer after 6 attempts: no connection to 127.0.0.1:1: Connection refused"
    assert notes == ["no connection to 127.0.0.1:1: Connection refused"] * 5


async def test_what_cannot_pass_is_not_tried_again(client: ApiClient, api: UploadApi, pauses: Pauses) -> None:
    """A refusal, an unknown token, an error of the API."""
    answers = [
        problem(422, "broken-image", "It is broken."),
        web.json_response({"message": "Unauthorized"}, status=401),
        web.Response(status=500, text="<html>"),
        web.Response(status=302, headers={"Location": "https://elsewhere.example"}),
        web.json_response([1]),
        web.Response(body=bytes(2_000_000)),
    ]
    texts: list[str] = []
    for answer in answers:

        async def trouble(_: web.Request, answer: web.Response = answer) -> web.StreamResponse:
            return answer

        api.troubles["GET /v1/images/a.png"] = [trouble]
        with pytest.raises(Refused) as refused:
            await client.look_up("a.png")
        texts.append(f"{type(refused.value).__name__}: {refused.value}")
    assert texts == [
        "Refused: It is broken.",
        "TokenRefused: Unauthorized",
        "Refused: the answer has status 500",
        "Refused: the answer has status 302",
        "Refused: the answer is not understood: is this the API's address?",
        "Refused: the answer is too long: is this the API's address?",
    ]
    assert pauses == []


async def test_progress_begins_anew_with_every_attempt(client: ApiClient, api: UploadApi) -> None:
    """So that a bar does not run over its end."""
    told: list[int] = []
    api.troubles["PUT /v1/images/a.png"] = [busy()]
    data = bytes(100_000)
    await client.put("a.png", lambda: io.BytesIO(data), {"Content-Type": "image/png"}, told.append)
    assert told.count(0) == 2
    last = len(told) - told[::-1].index(0)
    assert sum(told[last:]) == len(data)


async def test_a_token_that_is_not_known_is_told_of_at_once(
    access: Access, session: aiohttp.ClientSession, pauses: Pauses
) -> None:
    """It is no outcome of one picture."""
    client = ApiClient(Connection(replace(access, token="bw_x" * 8), session, sleep=pauses.sleep))
    with pytest.raises(TokenRefused):
        await uploaded(client, Upload(source="https://example.com/a.png"), lambda _: None)


def test_it_is_given_up_after_pictures_in_a_row_that_found_no_api() -> None:
    """One that got an answer breaks the row; one that was refused here does not count."""
    upload = Upload(source="a.png")
    away = Outcome(upload=upload, state="refused", name="unreachable", detail="no answer")
    summary = Summary(of=100)
    for outcome in (away, away, replace(away, name="broken-image"), away, replace(away, name="local"), away):
        summary.add(outcome)
    assert summary.unreachable == 2
    assert summary_text(summary, Plan()) == "6 refused, 94 not tried"


def test_a_long_list_of_refused_pictures_is_cut() -> None:
    """A folder of the wrong pictures must not fill the screen; --json tells of every one."""
    summary = Summary(of=100)
    for number in range(70):
        summary.add(Outcome(upload=Upload(source=f"{number}.png"), state="refused", name="local", detail="is no file"))
    lines = refused_text(summary).splitlines()
    assert lines[0] == "70 of 100 not stored:"
    assert lines[-1] == "  and 20 more"
    assert len(lines) == 52
