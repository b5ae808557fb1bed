"""A name for each request, from the client, the load balancer or ourselves (spec 03 section 2.5)."""

from __future__ import annotations

import json
import random
import re
from typing import Final

from aiohttp import web

from renderer.scalars import encode_base64url

_VALID: Final = re.compile(r"[A-Za-z0-9_-]+")
_OWN_BYTES: Final = 16
_OWN_LENGTH: Final = 21
_MAX_LENGTH: Final = 200


def request_id(request: web.BaseRequest) -> str:
    """`X-Request-ID` if it is made of letters, digits, `_` and `-`, the gateway's id, or a new one."""
    headers = request.headers
    given = headers.get("X-Request-ID")
    if given and _is_valid(given):
        return given
    context = headers.get("x-amzn-request-context")
    if context:
        try:
            gateways = json.loads(context)
        except ValueError:
            gateways = None
        if isinstance(gateways, dict) and _is_valid(str(gateways.get("requestId", ""))):
            return str(gateways["requestId"])
    # Names need to differ and nothing more; asking the system for randomness each time costs twice as much.
    return encode_base64url(random.getrandbits(8 * _OWN_BYTES).to_bytes(_OWN_BYTES, "little"))[:_OWN_LENGTH]


def _is_valid(text: str) -> bool:
    return len(text) <= _MAX_LENGTH and bool(_VALID.fullmatch(text))
