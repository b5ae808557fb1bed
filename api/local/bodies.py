"""Bodies of requests on their way into events, under the limits of API Gateway and Lambda; never more is in memory."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import StreamReader, web

from api.local.proxy import is_binary
from api.problems import InvalidRequest, TooLarge
from api.requests.event import MOST_BYTES

PAYLOAD_BYTES: Final = 10_485_760
"""10 MB: what API Gateway takes of a body."""


async def read_body(request: web.BaseRequest, event: dict[str, Any], seconds: float) -> None:
    """Puts the body into the event, as base64 if its type is a binary one.

    Raises:
        TooLarge: it is larger than what API Gateway takes, or than what a Lambda event holds.
        InvalidRequest: it does not come whole, or not within so many seconds.
    """
    if not request.can_read_body:
        return
    room, is_base64 = MOST_BYTES - _json_bytes(event), is_binary(request.headers.get("Content-Type", ""))
    most = max(0, min(PAYLOAD_BYTES, room // 4 * 3 if is_base64 else room))
    declared = request.content_length
    if declared is not None and declared > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(seconds):
            await _ask_for_body(request)
            data = await _read_most(request.content, most)
    except TimeoutError as error:
        raise InvalidRequest(f"The body did not come within {seconds:g} s.") from error
    except web.RequestPayloadError as error:
        raise InvalidRequest("The body did not come whole.") from error
    if not data:
        return
    text = base64.b64encode(data).decode("ascii") if is_base64 else data.decode("utf-8", "replace")
    if not is_base64 and _json_bytes(text) > room:
        raise _too_large(most)
    event["body"], event["isBase64Encoded"] = text, is_base64


async def _ask_for_body(request: web.BaseRequest) -> None:
    """Lets a client begin that waits for a word (RFC 9110 section 10.1.1); other expectations are none that we know."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= (1, 1):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # aiohttp takes what was written for the beginning of an answer.
        request.writer.output_size = 0


async def _read_most(content: StreamReader, most: int) -> bytes:
    data = bytearray()
    while chunk := await content.readany():
        if len(data) + len(chunk) > most:
            raise _too_large(most)
        data += chunk
    return bytes(data)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"A request carries at most {most:,} bytes. Larger files go by POST /uploads.", uploads="/uploads")


def _json_bytes(value: Mapping[str, Any] | str) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
