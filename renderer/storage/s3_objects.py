"""Objects in one bucket of S3, or of a server that speaks its language.

A put is seen whole or not at all, and what was put is what the next get and list give: S3 has promised both since 2020.
Deletions go in batches of 1,000. Each method has a deadline over all of the SDK's attempts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # the SDK has no types

from renderer.errors import SourceError
from renderer.settings.s3 import S3Settings
from renderer.storage.object_store import PAGE, StoreError
from renderer.storage.s3_answers import code_of, region_of, status_of
from renderer.storage.s3_clients import S3Clients

_NOT_FOUND: Final = 404
_MOST_BYTES: Final = 512 * 1024 * 1024
"""What is larger is none of ours."""


class S3Objects:
    """The objects of a bucket whose names begin with a prefix; names are given without it.

    Args:
        bucket: its name.
        prefix: without slashes at its ends; empty for none.
        settings: where S3 is and as whom it is asked.
        timeout_seconds: of each request, from connecting to the last byte.

    Raises:
        ConfigurationError: the settings ask for what is not there.
    """

    def __init__(
        self, bucket: str, *, prefix: str = "", settings: S3Settings | None = None, timeout_seconds: float = 10.0
    ) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._timeout_seconds = timeout_seconds
        self._clients = S3Clients(settings or S3Settings(), timeout_seconds=timeout_seconds)

    async def get(self, name: str) -> bytes | None:
        """The object, None if there is none."""
        with _store_errors("read", name):
            async with asyncio.timeout(self._timeout_seconds):
                try:
                    found = await self._ask("get_object", Key=self._prefix + name)
                except ClientError as error:
                    if status_of(error) == _NOT_FOUND and code_of(error) != "NoSuchBucket":
                        return None
                    raise
                async with found["Body"] as body:
                    if found["ContentLength"] > _MOST_BYTES:
                        raise StoreError(f"{name} has more than {_MOST_BYTES} bytes")
                    data: bytes = await body.read()
                    return data

    async def put(self, name: str, data: bytes, *, is_durable: bool = False) -> None:  # noqa: ARG002  it always is
        """Writes an object."""
        with _store_errors("write", name):
            async with asyncio.timeout(self._timeout_seconds):
                await self._ask("put_object", Key=self._prefix + name, Body=data)

    async def delete(self, names: Sequence[str]) -> None:
        """Takes objects away."""
        for start in range(0, len(names), PAGE):
            batch = names[start : start + PAGE]
            with _store_errors("delete", batch[0]):
                async with asyncio.timeout(self._timeout_seconds):
                    objects = [{"Key": self._prefix + name} for name in batch]
                    answer = await self._ask("delete_objects", Delete={"Objects": objects, "Quiet": True})
            if errors := answer.get("Errors"):
                first = errors[0]
                raise StoreError(f"{len(errors)} objects could not be deleted, {first.get('Key')}: {first.get('Code')}")

    async def pages(self, prefix: str) -> AsyncIterator[Sequence[str]]:
        """The names that begin with `prefix`, a page of S3's at a time."""
        more: dict[str, Any] = {}
        while True:
            with _store_errors("list", prefix):
                async with asyncio.timeout(self._timeout_seconds):
                    page = await self._ask("list_objects_v2", Prefix=self._prefix + prefix, MaxKeys=PAGE, **more)
            names = [item["Key"].removeprefix(self._prefix) for item in page.get("Contents", ())]
            if names:
                yield names
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def close(self) -> None:
        """Closes all connections."""
        await self._clients.close()

    async def _ask(self, operation: str, **parameters: object) -> dict[str, Any]:
        """The SDK's answer, from the region that has the bucket: the first one that is asked knows which."""
        region = self._clients.region(self._bucket)
        try:
            return await self._call(region, operation, parameters)
        except ClientError as error:
            other = region_of(error)
            if other is None or other == region:
                raise
        answer = await self._call(other, operation, parameters)
        self._clients.remember(self._bucket, other)
        return answer

    async def _call(self, region: str, operation: str, parameters: dict[str, object]) -> dict[str, Any]:
        client = await self._clients.client(region)
        answer: dict[str, Any] = await getattr(client, operation)(Bucket=self._bucket, **parameters)
        return answer


@contextmanager
def _store_errors(verb: str, name: str) -> Generator[None]:
    try:
        yield
    except ClientError as error:
        raise StoreError(f"S3 would not {verb} {name}: {status_of(error)} {code_of(error)}") from error
    except TimeoutError as error:
        raise StoreError(f"S3 did not {verb} {name} in time") from error
    except (BotoCoreError, aiohttp.ClientError, SourceError, OSError) as error:
        raise StoreError(f"S3 could not {verb} {name}: {type(error).__name__}") from error
