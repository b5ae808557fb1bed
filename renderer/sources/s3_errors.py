"""What the SDK raises -> what a request can end with (spec 03 section 4.7).

An answer of S3 counts as the source's status. Without one it is 502, no credentials or a name that no bucket can have
is 404, and a body that ends early or does not match its checksum is incomplete.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

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
from renderer.storage.s3_answers import OPERATIONS, status_of


@contextmanager
def answer_errors() -> Generator[None]:
    """Around the wait for an answer."""
    try:
        yield
    except (TimeoutError, ConnectTimeoutError, ReadTimeoutError) as error:
        raise SourceTimeout(f"Source timed out: {brief(error)}") from error
    except ClientError as error:
        text = f"Can't download source image: status: {status_of(error)}; {brief(error)}"
        if error.operation_name not in OPERATIONS:
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
