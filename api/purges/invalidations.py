"""Invalidations of CloudFront by cache tag.

Facts of CloudFront's documentation: an item `#tag` drops every object that has the tag, in all its variants; tags are
compared without case, have 256 characters at the most and no wildcard; each counts as one path, and 3,000 paths may be
in progress for a distribution at a time. A caller reference that comes again with the same items answers the
invalidation that it made the first time, and makes none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from botocore.exceptions import (  # type: ignore[import-untyped]  # the SDK has no types
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  the SDK's own, which is no OSError
    HTTPClientError,
)

MOST_TAGS: Final = 3000
"""In one invalidation: CloudFront's quota for what is in progress."""

ATTEMPT_SECONDS: Final = 10.0
"""What has to be left for an attempt: 2 s for connecting and 8 s for reading (`api.stores.aws`). Where the SDK itself
tries a second time because nothing came, the function may be timed out; then the batch comes again."""

REMAINING_SECONDS: Final = 45.0
"""For whoever does not say."""

_WAITS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds after each attempt but the last, 31.5 together: invalidations by tag are done within 25 s (P95, AWS)."""

_BUSY_CODES: Final = frozenset(
    {
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyInvalidationsInProgress",
        "TooManyRequestsException",
    }
)
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500


class InvalidationFailed(Exception):
    """CloudFront will not make the invalidation; the text is for the log."""


class CloudFrontBusy(InvalidationFailed):
    """CloudFront does not take more at present, or is out of reach: the same may work later."""


class Invalidations:
    """The invalidations of one distribution.

    Args:
        client: of boto3 for CloudFront; an attempt of it has to end within `ATTEMPT_SECONDS`.
        distribution_id: which one.
        clock: seconds.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401  the SDK makes its clients' classes at run time
        distribution_id: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._distribution_id = distribution_id
        self._now = clock
        self._sleep = sleep

    def invalidate(self, tags: Sequence[str], reference: str, *, remaining_seconds: float = REMAINING_SECONDS) -> str:
        """Has everything under the tags dropped; the id of the invalidation, which takes some seconds more.

        Args:
            tags: 1 to `MOST_TAGS` different ones.
            reference: the same for the same tags in the same order, and then no second invalidation is made.
            remaining_seconds: for all attempts.

        Raises:
            CloudFrontBusy: it still was after the last attempt, or there is no time for another.
            InvalidationFailed: it says no.
            ValueError: too many tags, or none.
        """
        if not 0 < len(tags) <= MOST_TAGS:
            raise ValueError(f"an invalidation has 1 to {MOST_TAGS:,} tags, not {len(tags):,}")
        deadline = self._now() + remaining_seconds
        if remaining_seconds < ATTEMPT_SECONDS:
            raise CloudFrontBusy("there is no time left to ask CloudFront")
        for wait in _WAITS:
            try:
                return self._made(tags, reference)
            except CloudFrontBusy:
                if self._now() + wait + ATTEMPT_SECONDS > deadline:
                    raise
            self._sleep(wait)
        return self._made(tags, reference)

    def _made(self, tags: Sequence[str], reference: str) -> str:
        items = [f"#{tag}" for tag in tags]
        batch = {"Paths": {"Quantity": len(items), "Items": items}, "CallerReference": reference}
        try:
            answer = self._client.create_invalidation(DistributionId=self._distribution_id, InvalidationBatch=batch)
        except ClientError as error:
            raise _refusal(error) from error
        except (ConnectionError, HTTPClientError) as error:
            raise CloudFrontBusy(f"CloudFront is out of reach: {type(error).__name__}") from error
        except BotoCoreError as error:
            raise InvalidationFailed(f"CloudFront cannot be asked: {type(error).__name__}") from error
        return str(answer["Invalidation"]["Id"])


def _refusal(error: Any) -> InvalidationFailed:  # noqa: ANN401  the SDK has no types
    code = str(error.response.get("Error", {}).get("Code", "?"))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    is_busy = code in _BUSY_CODES or status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR
    return (CloudFrontBusy if is_busy else InvalidationFailed)(f"CloudFront makes no invalidation: {status} {code}")
