"""Which region has a bucket, and settings that cannot be used."""

from __future__ import annotations

import pytest

from renderer.errors import ConfigurationError
from renderer.settings.s3 import S3Settings
from renderer.settings.sources import SourceSettings
from renderer.sources.registry import open_sources
from renderer.storage.s3_clients import S3Clients


def _clients() -> S3Clients:
    return S3Clients(S3Settings(enabled=True, region="here"), timeout_seconds=1)


def test_regions_of_buckets_are_remembered_within_bounds() -> None:
    """The bucket that was asked for longest ago is forgotten first."""
    clients = _clients()
    for number in range(1024):
        clients.remember(f"bucket-{number}", "there")
    assert clients.region("bucket-0") == "there"

    clients.remember("one-more", "there")

    assert [clients.region(f"bucket-{number}") for number in range(3)] == ["there", "here", "there"]
    assert clients.region("never-seen") == "here"


async def test_decryption_is_refused_at_start() -> None:
    """It would hand out encrypted bytes for pictures."""
    settings = S3Settings(enabled=True, decryption_client_enabled=True)
    with pytest.raises(ConfigurationError, match="IMGPROXY_S3_USE_DECRYPTION_CLIENT: expected false"):
        open_sources(SourceSettings(), check_source=lambda _: None, s3=settings)
