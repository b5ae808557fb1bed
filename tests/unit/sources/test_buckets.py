"""Which buckets may be read."""

from __future__ import annotations

import pytest

from renderer.errors import SourceError
from renderer.sources.buckets import check_bucket


@pytest.mark.parametrize(
    ("allowed", "denied", "is_open"),
    [
        ((), (), True),
        (("pictures",), (), True),
        (("other", "pictures"), ("other",), True),
        (("picture",), (), False),
        (("Pictures",), (), False),
        ((), ("pictures",), False),
        (("pictures",), ("pictures",), False),
        (("",), (), False),
    ],
)
def test_a_bucket_must_be_allowed_and_not_denied(
    allowed: tuple[str, ...], denied: tuple[str, ...], *, is_open: bool
) -> None:
    """Exact names; denied ones win; nothing named is nothing restricted."""
    if is_open:
        check_bucket("pictures", allowed, denied)
        return
    with pytest.raises(SourceError) as raised:
        check_bucket("pictures", allowed, denied)
    assert raised.value.status == 404
