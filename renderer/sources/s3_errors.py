"""What the SDK raises -> what a request can end with (spec 03 section 4.7).

An answer of S3 counts as the source's status. Without one it is 502, no credentials or a name that no bucket can have
is 404, and a body that ends early or does not match its checksum is incomplete.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import aiohttp
from botocore.exceptions import (  # type: ignore[import-untyped]  # the SDK has no types
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from renderer.errors import SourceError, SourceIncomplete, SourceStatus, SourceTimeout, StoreUnreachable
from renderer.sources.http_errors import brief

# Directory buckets answer to the session that the SDK opens before the first request.
_OPERATIONS: Final = ("GetObject", "CreateSession")
_REGION: Final = re.compile(r"[a-z0-9-]{1,63}")
_OTHER_REGION_STATUSES: Final = (301, 307)
_OTHER_REGION_CODES: Final = ("AuthorizationHeaderMalformed", "IllegalLocationConstraintException")


@contextmanager
def answer_errors() -> Generator[None]:
    """Around the wait for an answer."""
    try:
        yield
    except (TimeoutError, ConnectTimeoutError, ReadTimeoutError) as error:
        raise SourceTimeout(f"Source timed out: {brief(error)}") from error
    except ClientError as error:
        text = f"Can't download source image: status: {status_of(error)}; {brief(error)}"
        if error.operation_name not in _OPERATIONS:
            # The role could not be assumed: that is no word about the object.
            raise SourceError(text) from error
        raise SourceStatus(text, source_status=status_of(error)) from error
    except (EndpointConnectionError, ConnectionClosedError) as error:
        # The SDK says so of broken connections too, which are no word about the server.
        text = f"Can't connect to source: {brief(error)}"
        if isinstance(error.kwargs.get("error"), aiohttp.ClientConnectorError):
            raise StoreUnreachable(text) from error
        raise SourceStatus(text, source_status=502) from error
    except BotoCoreError as error:
        raise SourceError(f"Can't download source image: {brief(error)}") from error


@contextmanager
def body_errors() -> Generator[None]:
    """Around the wait for bytes of a body."""
    try:
        yield
    except (TimeoutError, ReadTimeoutError) as error:
        raise SourceTimeout(f"Source timed out: {brief(error)}") from error
    except (BotoCoreError, aiohttp.ClientError) as error:
        raise SourceIncomplete(f"Source response is incomplete: {brief(error)}") from error


def is_answer(error: ClientError) -> bool:
    """Whether this is what S3 says of the object."""
    return error.operation_name in _OPERATIONS and status_of(error) != 0


def status_of(error: ClientError) -> int:
    """The HTTP status of an answer; 0 if it has none."""
    return int(_metadata(error).get("HTTPStatusCode", 0))


def header_of(error: ClientError, name: str) -> str | None:
    """A header of an answer; `name` in lower case."""
    value = _metadata(error).get("HTTPHeaders", {}).get(name)
    return None if value is None else str(value)


def code_of(error: ClientError) -> str:
    """S3's name for what is wrong, for instance `NoSuchKey`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def region_of(error: ClientError) -> str | None:
    """The region that an answer says has the bucket; None if it says no such thing."""
    if status_of(error) not in _OTHER_REGION_STATUSES and code_of(error) not in _OTHER_REGION_CODES:
        return None
    region = header_of(error, "x-amz-bucket-region") or str(error.response.get("Error", {}).get("Region", ""))
    return region if _REGION.fullmatch(region) else None


def _metadata(error: ClientError) -> dict[str, Any]:
    metadata: dict[str, Any] = error.response.get("ResponseMetadata", {})
    return metadata
