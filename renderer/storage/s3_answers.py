"""What an error answer of S3 says, as the SDK's exception has it."""

from __future__ import annotations

import re
from typing import Any, Final

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # the SDK has no types

# Directory buckets answer to the session that the SDK opens before the first request.
OPERATIONS: Final = ("GetObject", "CreateSession")
"""The requests whose answers are words about a source."""

_REGION: Final = re.compile(r"[a-z0-9-]{1,63}")
_OTHER_REGION_STATUSES: Final = (301, 307)
_OTHER_REGION_CODES: Final = ("AuthorizationHeaderMalformed", "IllegalLocationConstraintException")


def is_answer(error: ClientError) -> bool:
    """Whether this is what S3 says of the object."""
    return error.operation_name in OPERATIONS and status_of(error) != 0


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
