"""The local gateway: events as API Gateway sends them, its authorizer, its limits, and its own errors."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession
from yarl import URL

from api.local.access import verdict_of
from api.local.calls import Malformed
from api.local.gateway import Gateway, Limits
from api.local.proxy import answer_of
from tests.api.local_functions import AUTHORIZED, READER, TOKEN, FakeFunctions, answered, listening, policy

HEAD = f"Host: here\r\nAuthorization: Bearer {TOKEN}\r\n"


@dataclass(frozen=True, kw_only=True)
class Served:
    """A gateway on a port, and a client."""

    port: int
    client: ClientSession

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer; the path goes out as it is."""
        options.setdefault("headers", AUTHORIZED)
        url = URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)
        async with self.client.request(method, url, **options) as answer:
            return answer.status, dict(answer.headers), await answer.read()

    async def problem(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Status and name of a problem."""
        status, headers, body = await self.ask(method, path, **options)
        document = json.loads(body)
        assert headers["Content-Type"] == "application/problem+json"
        assert document["status"] == status
        assert document["request_id"] == headers["x-amzn-RequestId"]
        return status, document["type"].removeprefix("urn:bildwerk:problem:")

    async def raw(self, *parts: bytes | None) -> bytes:
        """What comes back for bytes; None among them waits for the head of an answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        received = b""
        try:
            for part in parts:
                if part is None:
                    received += await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
                else:
                    writer.write(part)
                    await writer.drain()
            return received + await asyncio.wait_for(_everything(reader), 10)
        finally:
            writer.close()


async def _everything(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


@asynccontextmanager
async def served(functions: FakeFunctions, **options: Any) -> AsyncIterator[Served]:
    """A gateway over functions."""
    async with listening(Gateway(functions, **options)) as port, ClientSession() as client:
        yield Served(port=port, client=client)


@pytest.fixture
def functions() -> FakeFunctions:
    """Functions that know two tokens and answer with their names."""
    return FakeFunctions()


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        ("POST", "/images", "upload"),
        ("PUT", "/images/a/b.jpg", "upload"),
        ("GET", "/images/a/b.jpg", "read"),
        ("DELETE", "/images/a/b.jpg", "delete"),
        ("POST", "/uploads", "presign"),
        ("GET", "/uploads/17", "presign"),
        ("GET", "/openapi.json", "read"),
    ],
)
async def test_each_route_has_its_function(functions: FakeFunctions, method: str, path: str, function: str) -> None:
    """The table of routes decides."""
    functions.answers["presign"] = lambda _: answered({"function": "presign"})
    async with served(functions) as api:
        status, _, body = await api.ask(method, path)

    assert (status, json.loads(body)) == (200, {"function": function})


async def test_event_is_what_api_gateway_sends(functions: FakeFunctions) -> None:
    """Path as sent, query and key decoded, every header once and all its values beside it."""
    request = (
        b"PUT /images/a%20b/%C3%BC.jpg?versions=all&x=1&x=%C3%A4+2&empty= HTTP/1.1\r\n"
        + HEAD.encode()
        + b"X-Twice: one\r\nx-twice: two\r\nConnection: close\r\nContent-Type: image/jpeg\r\nContent-Length: 3\r\n\r\n"
        + b"\xff\xd8\x00"
    )
    async with served(functions) as api:
        assert (await api.raw(request)).startswith(b"HTTP/1.1 200 OK\r\n")

    event = functions.only("upload")
    context = event["requestContext"]
    assert event["resource"] == context["resourcePath"] == "/images/{key+}"
    assert event["path"] == context["path"] == "/images/a%20b/%C3%BC.jpg"
    assert event["httpMethod"] == context["httpMethod"] == "PUT"
    assert event["pathParameters"] == {"key": "a b/ü.jpg"}
    assert event["queryStringParameters"] == {"versions": "all", "x": "ä 2", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"versions": ["all"], "x": ["1", "ä 2"], "empty": [""]}
    assert event["headers"]["X-Twice"] == "two"
    assert event["multiValueHeaders"]["X-Twice"] == ["one", "two"]
    assert "Connection" not in event["headers"]
    assert event["stageVariables"] is None
    assert base64.b64decode(event["body"]) == b"\xff\xd8\x00"
    assert event["isBase64Encoded"] is True
    assert context["stage"] == "local"
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    latency = context["authorizer"].pop("integrationLatency")
    assert isinstance(latency, int)
    assert context["authorizer"] == {"principalId": "me", "token": "me", "age": "3", "is_admin": "false"}
    json.dumps(event)


async def test_nothing_is_null_and_not_empty(functions: FakeFunctions) -> None:
    """What is not there is null."""
    async with served(functions) as api:
        await api.ask("POST", "/images")

    event = functions.only("upload")
    assert [event[name] for name in ("queryStringParameters", "multiValueQueryStringParameters")] == [None, None]
    assert (event["pathParameters"], event["body"], event["isBase64Encoded"]) == (None, None, False)


@pytest.mark.parametrize(
    ("media_type", "is_base64"),
    [
        ("image/png", True),
        ("IMAGE/webp; q=1", True),
        ("multipart/form-data; boundary=x", True),
        ("application/octet-stream", True),
        ("application/json", False),
        ("text/plain", False),
        ("imagex/png", False),
    ],
)
async def test_binary_media_types_arrive_as_base64(functions: FakeFunctions, media_type: str, is_base64: bool) -> None:
    """Others arrive as text, in which bytes that are no UTF-8 are lost."""
    async with served(functions) as api:
        await api.ask("POST", "/images", data=b'{"\xff":1}', headers={**AUTHORIZED, "Content-Type": media_type})

    event = functions.only("upload")
    expected = base64.b64encode(b'{"\xff":1}').decode() if is_base64 else '{"\ufffd":1}'
    assert (event["isBase64Encoded"], event["body"]) == (is_base64, expected)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (401, "unauthorized")),
        ({"Authorization": " "}, (401, "unauthorized")),
        ({"Authorization": "Bearer wrong"}, (401, "unauthorized")),
        ({"Authorization": f"Bearer {READER}"}, (403, "forbidden-scope")),
    ],
)
async def test_who_may_not_is_refused_before_the_function(
    functions: FakeFunctions, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    """Without a token the authorizer is not even asked."""
    async with served(functions) as api:
        problem = await api.problem("PUT", "/images/a.jpg", headers=headers, data=b"x")

    assert problem == expected
    assert "upload" not in functions.events
    assert ("authorize" in functions.events) == bool(headers.get("Authorization", "").strip())


async def test_unauthorized_answer_names_the_scheme(functions: FakeFunctions) -> None:
    """A 401 says how to authenticate (RFC 9110 section 11.6.1)."""
    async with served(functions) as api:
        _, headers, _ = await api.ask("GET", "/images/a.jpg", headers={})

    assert headers["WWW-Authenticate"] == "Bearer"


async def test_two_tokens_are_none(functions: FakeFunctions) -> None:
    """Whoever is asked might take another one than the next."""
    request = f"GET /images/a HTTP/1.1\r\n{HEAD}Authorization: Bearer other\r\nConnection: close\r\n\r\n"
    async with served(functions) as api:
        answer = await api.raw(request.encode())

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert "authorize" not in functions.events


async def test_authorizer_is_asked_once_for_a_token(functions: FakeFunctions) -> None:
    """Its policy holds for other routes, too; a token that it does not know is asked about each time."""
    async with served(functions) as api:
        headers = {"Authorization": f"Bearer {READER}"}
        statuses = [(await api.ask(method, "/images/a", headers=headers))[0] for method in ("GET", "DELETE", "GET")]
        for _ in range(2):
            await api.ask("GET", "/images/a", headers={"Authorization": "Bearer wrong"})

    assert statuses == [200, 403, 200]
    assert [event["headers"]["Authorization"] for event in functions.events["authorize"]] == [
        f"Bearer {READER}",
        "Bearer wrong",
        "Bearer wrong",
    ]


async def test_authorizer_gets_no_body(functions: FakeFunctions) -> None:
    """As API Gateway's REQUEST authorizers."""
    async with served(functions) as api:
        await api.ask("PUT", "/images/a%20b.jpg", data=b"x", headers={**AUTHORIZED, "Content-Type": "image/png"})

    event = functions.only("authorize")
    assert event["type"] == "REQUEST"
    assert event["methodArn"].endswith(":local/local/PUT/images/a%20b.jpg")
    assert event["body"] is None


@pytest.mark.parametrize("answer", [None, {}, {"principalId": "x"}, {"principalId": "x", "policyDocument": {}}])
async def test_broken_authorizer_is_our_fault(functions: FakeFunctions, answer: object) -> None:
    """What is no policy lets nobody in."""
    functions.answers["authorize"] = lambda _: answer
    async with served(functions) as api:
        assert await api.problem("GET", "/images/a") == (500, "internal-error")


ARN = "arn:aws:execute-api:local:000000000000:local/local/GET/images/a/b.jpg"


@pytest.mark.parametrize(
    ("answer", "is_allowed"),
    [
        (policy("*"), True),
        (policy("arn:aws:execute-api:*:*:local/local/GET/images/*"), True),
        (policy(ARN.replace("b.jpg", "?.jpg")), True),
        (policy("arn:aws:execute-api:*:*:local/local/GET/images/[a]*"), False),
        (policy("arn:aws:execute-api:*:*:local/local/PUT/*"), False),
        (policy("*", effect="Deny"), False),
        (policy(), False),
        (
            {
                "principalId": "x",
                "policyDocument": {
                    "Statement": [
                        {"Action": ["execute-api:Invoke"], "Effect": "Allow", "Resource": "*"},
                        {"Action": "*", "Effect": "Deny", "Resource": ["*/GET/images/a/*"]},
                    ]
                },
            },
            False,
        ),
        (
            {
                "principalId": "x",
                "policyDocument": {"Statement": {"Action": "s3:*", "Effect": "Allow", "Resource": "*"}},
            },
            False,
        ),
    ],
)
def test_policy_decides_as_iam_does(answer: dict[str, Any], is_allowed: bool) -> None:
    """Nothing is allowed that is not, and a denial counts more."""
    assert verdict_of(answer).allows(ARN) is is_allowed


def test_context_of_an_authorizer_is_flat() -> None:
    """API Gateway takes no objects in it."""
    with pytest.raises(Malformed):
        verdict_of(policy("*", nested={"a": 1}))


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", (404, "not-found")),
        ("GET", "/nothing", (404, "not-found")),
        ("PUT", "/images/", (404, "not-found")),
        ("GET", "//images/a", (404, "not-found")),
        ("GET", "/uploads/1/2", (404, "not-found")),
        ("GET", "/images", (405, "method-not-allowed")),
        ("PATCH", "/images/a", (405, "method-not-allowed")),
        ("TRACE", "/images/a", (405, "method-not-allowed")),
        ("PROPFIND", "/images/a", (405, "method-not-allowed")),
        ("OPTIONS", "/images/a", (405, "method-not-allowed")),
    ],
)
async def test_what_has_no_route_is_told(
    functions: FakeFunctions, method: str, path: str, expected: tuple[int, str]
) -> None:
    """Without a token as well."""
    async with served(functions) as api:
        assert await api.problem(method, path, headers={}) == expected


async def test_wrong_method_is_told_the_right_ones(functions: FakeFunctions) -> None:
    """RFC 9110 section 15.5.6."""
    async with served(functions) as api:
        _, headers, _ = await api.ask("PATCH", "/images/a")

    assert headers["Allow"] == "PUT, GET, HEAD, DELETE"


async def test_document_needs_no_token(functions: FakeFunctions) -> None:
    """It is public."""
    async with served(functions) as api:
        status, _, _ = await api.ask("GET", "/openapi.json", headers={})

    assert status == 200
    assert "authorizer" not in functions.only("read")["requestContext"]


async def test_preflight_passes_the_authorizer_where_origins_are_set(functions: FakeFunctions) -> None:
    """And what the gateway itself refuses can be read by the page, too."""
    origin = {"Origin": "https://editor.example"}
    async with served(functions, origins=("https://editor.example",)) as api:
        status, _, _ = await api.ask("OPTIONS", "/images/a", headers=origin)
        _, refusal, _ = await api.ask("GET", "/images/a", headers=origin)
        _, strangers, _ = await api.ask("GET", "/images/a", headers={"Origin": "https://other.example"})

    assert status == 200
    assert "authorize" not in functions.events
    assert refusal["Access-Control-Allow-Origin"] == "https://editor.example"
    assert "Access-Control-Allow-Origin" not in strangers


async def test_answer_is_mapped_back(functions: FakeFunctions) -> None:
    """Both kinds of headers, and a body in base64."""
    functions.answers["read"] = lambda _: {
        "statusCode": "203",
        "headers": {"X-One": 1, "X-Both": "lost", "Content-Length": "7", "Connection": "close", "Content-Type": "a/b"},
        "multiValueHeaders": {"x-both": ["a", "b"]},
        "body": base64.b64encode(b"\x00\x01").decode(),
        "isBase64Encoded": True,
    }
    async with served(functions) as api:
        answer = await api.raw(f"GET /images/a HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n".encode())

    head, body = answer.split(b"\r\n\r\n", 1)
    lines = head.split(b"\r\n")
    assert lines[0].startswith(b"HTTP/1.1 203 ")
    assert {b"X-One: 1", b"x-both: a", b"x-both: b", b"Content-Length: 2", b"Content-Type: a/b"} < set(lines)
    assert b"lost" not in head
    assert body == b"\x00\x01"


async def test_answer_to_head_has_no_body(functions: FakeFunctions) -> None:
    """Whether the function leaves it out or not; the connection goes on."""
    functions.answers["read"] = lambda event: answered({"long": "x" * 100}, headers={"X-Method": event["httpMethod"]})
    async with served(functions) as api:
        request = f"HEAD /images/a HTTP/1.1\r\n{HEAD}\r\n".encode()
        last = f"HEAD /images/b HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n".encode()
        answer = await api.raw(request + last)

    assert answer.count(b"X-Method: HEAD") == 2
    assert b"xxx" not in answer


def _raising(error: Exception) -> Callable[[object], object]:
    def function(_: object) -> object:
        raise error

    return function


@pytest.mark.parametrize(
    "function",
    [
        lambda _: None,
        lambda _: "text",
        lambda _: {"body": "no status"},
        lambda _: {"statusCode": 99},
        lambda _: {"statusCode": True},
        lambda _: {"statusCode": 200, "body": {"not": "text"}},
        lambda _: {"statusCode": 200, "body": "%%", "isBase64Encoded": True},
        lambda _: {"statusCode": 200, "headers": ["X"]},
        lambda _: {"statusCode": 200, "headers": {"X": ["list"]}},
        lambda _: {"statusCode": 200, "headers": {"X": "a\r\nSet-Cookie: evil"}},
        lambda _: {"statusCode": 200, "headers": {"X: a\r\nY": "b"}},
        lambda _: {"statusCode": 200, "multiValueHeaders": {"X": "text"}},
        lambda _: {"statusCode": 200, "body": "x" * 6_291_457},
        _raising(RuntimeError("secret")),
        _raising(StopIteration()),
    ],
)
async def test_failed_function_is_bad_gateway(
    functions: FakeFunctions, function: Callable[[object], object], caplog: pytest.LogCaptureFixture
) -> None:
    """API Gateway's "Internal server error"; the log knows more than the client."""
    functions.answers["read"] = function
    async with served(functions) as api:
        status, headers, body = await api.ask("GET", "/images/a")

    assert (status, json.loads(body)["type"]) == (502, "urn:bildwerk:problem:function-failed")
    assert b"secret" not in body
    assert "Set-Cookie" not in headers
    assert "The function read failed" in caplog.text


async def test_late_function_is_answered_in_time(functions: FakeFunctions) -> None:
    """Its thread goes on, and takes the slot with it until it ends."""
    going_on, was_late = threading.Event(), threading.Event()

    def slow(_: object) -> object:
        going_on.wait(10)
        was_late.set()
        return answered({})

    functions.answers["upload"] = slow
    async with served(functions, limits=Limits(calls=1, seconds=0.1)) as api:
        assert await api.problem("POST", "/images") == (504, "timeout")
        assert await api.problem("GET", "/images/a") == (504, "timeout")
        going_on.set()
        await asyncio.to_thread(was_late.wait, 10)
        status = 504
        while status == 504:
            status, _, _ = await api.ask("GET", "/images/a")

    assert status == 200


async def test_function_is_told_of_its_call(functions: FakeFunctions) -> None:
    """A context as Lambda's: whose call it is, and what is left of the gateway's 29 s."""
    async with served(functions) as api:
        _, headers, _ = await api.ask("GET", "/images/a")

    (context,) = functions.contexts["read"]
    assert (context.aws_request_id, context.function_name) == (headers["x-amzn-RequestId"], "read")
    assert 0 < context.get_remaining_time_in_millis() <= 29_000
    assert context.invoked_function_arn.endswith(":function:read")


async def test_too_many_requests_are_refused(functions: FakeFunctions) -> None:
    """Before anything is read of them, so that what waits is bounded."""
    going_on = threading.Event()
    functions.answers["read"] = lambda _: going_on.wait(10) and answered({})
    async with served(functions, limits=Limits(calls=1, waiting=1)) as api:
        asked = {asyncio.create_task(api.ask("GET", f"/images/{number}")) for number in range(6)}
        refused: set[asyncio.Task[tuple[int, dict[str, str], bytes]]] = set()
        while len(refused) < 4:
            done, asked = await asyncio.wait(asked, timeout=10, return_when=asyncio.FIRST_COMPLETED)
            assert done
            refused |= done
        going_on.set()
        statuses = [(await task)[0] for task in asked]

    assert {(task.result()[0], task.result()[1]["Retry-After"]) for task in refused} == {(429, "1")}
    assert statuses == [200, 200]


@pytest.mark.parametrize(
    ("size", "media_type", "status"),
    [
        (4_194_304, "image/jpeg", 200),
        (4_718_592, "image/jpeg", 413),
        (5_000_000, "application/json", 200),
        (6_291_456, "application/json", 413),
        (10_485_761, "image/jpeg", 413),
    ],
)
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_body_is_bounded_by_the_event(
    functions: FakeFunctions, size: int, media_type: str, status: int, is_chunked: bool
) -> None:
    """A Lambda event has 6 MB with its base64, whichever way the length is told."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, 65_536):
            yield b"x" * min(65_536, size - start)

    async with served(functions) as api:
        headers = {**AUTHORIZED, "Content-Type": media_type}
        data = chunks() if is_chunked else io.BytesIO(b"x" * size)
        got, _, body = await api.ask("POST", "/images", data=data, headers=headers)

    assert got == status
    if status == 413:
        assert json.loads(body)["uploads"] == "/uploads"
        assert "upload" not in functions.events


async def test_text_counts_as_json_writes_it(functions: FakeFunctions) -> None:
    """Quotes are two bytes in an event."""
    async with served(functions) as api:
        headers = {**AUTHORIZED, "Content-Type": "application/json"}
        assert (await api.ask("POST", "/images", data=io.BytesIO(b'"' * 4_000_000), headers=headers))[0] == 413


async def test_expectation_is_met_only_for_who_may(functions: FakeFunctions) -> None:
    """A client that waits with its body is told to send it, or that it need not."""
    expecting = "POST /images HTTP/1.1\r\nHost: here\r\n{}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n"
    good = expecting.format(f"Authorization: Bearer {TOKEN}\r\nConnection: close\r\n", 5)
    async with served(functions) as api:
        welcome = await api.raw(good.encode(), None, b"hello")
        stranger = await api.raw(expecting.format("", 5).encode())
        giant = await api.raw(expecting.format(f"Authorization: Bearer {TOKEN}\r\n", 99_999_999).encode())

    assert welcome.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert functions.only("upload")["body"] == "hello"
    assert stranger.startswith(b"HTTP/1.1 401 ")
    assert giant.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in stranger
    assert b"Connection: close" in giant


HOSTILE = [
    ("no HTTP", b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"),
    ("bare line feed in a header", f"GET /images/a HTTP/1.1\r\n{HEAD}X: a\rb\r\n\r\n".encode(), b"400"),
    ("space in a header's name", f"GET /images/a HTTP/1.1\r\n{HEAD}X y: a\r\n\r\n".encode(), b"400"),
    ("folded header", f"GET /images/a HTTP/1.1\r\n{HEAD}X: a\r\n b\r\n\r\n".encode(), b"400"),
    (
        "two lengths",
        f"POST /images HTTP/1.1\r\n{HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx".encode(),
        b"400",
    ),
    (
        "length and chunks",
        f"POST /images HTTP/1.1\r\n{HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(),
        b"400",
    ),
    ("length below zero", f"POST /images HTTP/1.1\r\n{HEAD}Content-Length: -1\r\n\r\n".encode(), b"400"),
    ("length beyond numbers", f"POST /images HTTP/1.1\r\n{HEAD}Content-Length: {'9' * 40}\r\n\r\n".encode(), b"400"),
    (
        "chunk that is none",
        f"POST /images HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n".encode(),
        b"400",
    ),
    (
        "body cut short",
        f"POST /images HTTP/1.1\r\n{HEAD}Connection: close\r\nContent-Length: 9\r\n\r\nhel".encode(),
        b"400",
    ),
    ("unknown method", f"HACK /images/a HTTP/1.1\r\n{HEAD}\r\n".encode(), b"400"),
    ("whole server", f"OPTIONS * HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n".encode(), b"404"),
    ("a proxy's request", f"GET http://other/images/a HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n".encode(), b"200"),
    ("old HTTP", f"GET /images/a HTTP/1.0\r\n{HEAD}\r\n".encode(), b"200"),
    ("bytes in the path", f"GET /images/\xff\xfe HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n".encode("latin-1"), None),
    (
        "bytes in a header",
        f"GET /images/a HTTP/1.1\r\n{HEAD}X: \xff\r\nConnection: close\r\n\r\n".encode("latin-1"),
        b"200",
    ),
]


@pytest.mark.parametrize(("request_bytes", "status"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
async def test_hostile_request_is_answered_or_ended(
    functions: FakeFunctions, request_bytes: bytes, status: bytes | None
) -> None:
    """It reaches no function unless it is HTTP, its event is JSON, and the next request is answered."""
    async with served(functions, limits=Limits(body_seconds=0.3)) as api:
        answer = await api.raw(request_bytes)
        healthy, _, _ = await api.ask("GET", "/openapi.json", headers={})

    got = answer.split(b" ", 2)[1]
    assert got == status if status is not None else got in (b"200", b"400")
    if got != b"200":
        assert "upload" not in functions.events
    json.dumps(functions.events).encode()
    assert healthy == 200


async def test_slow_body_is_not_waited_for(functions: FakeFunctions) -> None:
    """Nor does it reach the function."""
    request = f"POST /images HTTP/1.1\r\n{HEAD}Content-Length: 9\r\n\r\nhel".encode()
    async with served(functions, limits=Limits(body_seconds=0.2)) as api:
        answer = await api.raw(request)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert "upload" not in functions.events


async def test_unread_body_is_no_further_request(functions: FakeFunctions) -> None:
    """A refused request's body does not become the next request of its connection."""
    hidden = f"DELETE /images/a HTTP/1.1\r\n{HEAD}\r\n".encode()
    request = f"POST /images HTTP/1.1\r\nHost: here\r\nContent-Length: {len(hidden)}\r\n\r\n".encode()
    async with served(functions) as api:
        answer = await api.raw(request + hidden)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert functions.events == {}


async def test_no_token_is_in_the_log(functions: FakeFunctions, caplog: pytest.LogCaptureFixture) -> None:
    """Nor a query; what happened is."""
    caplog.set_level(logging.DEBUG)
    async with served(functions) as api:
        await api.ask("GET", "/images/a.jpg?secret=query")
        await api.ask("GET", "/images/b.jpg", headers={"Authorization": "Bearer wrong-one"})
        functions.answers["read"] = _raising(RuntimeError())
        await api.ask("GET", "/images/c.jpg")

    # What a function has answered it has told itself.
    assert "GET /images/b.jpg: 401" in caplog.text
    assert "GET /images/c.jpg: 502" in caplog.text
    for secret in (TOKEN, "wrong-one", "secret=query"):
        assert secret not in caplog.text


async def test_ticket_is_noted_before_the_client_has_it(functions: FakeFunctions) -> None:
    """Whoever watches for arrivals knows of it in any case; the answer to a question about one is none."""
    noted: list[object] = []
    functions.answers["presign"] = lambda event: answered({"id": 1}, 201 if event["httpMethod"] == "POST" else 200)
    async with served(functions, on_ticket=noted.append) as api:
        await api.ask("POST", "/uploads", data=b"{}")
        await api.ask("GET", "/uploads/1")

    assert noted == [{"id": 1}]


def test_answer_without_a_body_is_empty() -> None:
    """A body may be left out."""
    assert answer_of({"statusCode": 204}).body == b""
