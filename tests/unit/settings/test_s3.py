"""Settings of S3 sources."""

from __future__ import annotations

import pytest

from renderer.errors import ConfigurationError
from renderer.settings.load import load_settings
from renderer.settings.readers import MAP
from renderer.settings.s3 import S3Settings


def test_nothing_is_set() -> None:
    """S3 is off, and nothing is restricted."""
    assert load_settings({}).s3 == S3Settings()
    assert not S3Settings().enabled


def test_every_variable_is_read() -> None:
    """Under imgproxy's names."""
    settings = load_settings(
        {
            "IMGPROXY_USE_S3": "true",
            "IMGPROXY_S3_REGION": "eu-west-1",
            "IMGPROXY_S3_ENDPOINT": "s3.test",
            "IMGPROXY_S3_ENDPOINT_USE_PATH_STYLE": "false",
            "IMGPROXY_S3_ASSUME_ROLE_ARN": "arn:aws:iam::123456789012:role/r",
            "IMGPROXY_S3_ASSUME_ROLE_EXTERNAL_ID": "id",
            "IMGPROXY_S3_ALLOWED_BUCKETS": "a, b",
            "IMGPROXY_S3_DENIED_BUCKETS": "c",
            "IMGPROXY_S3_ACCESS_POINTS": "a=arn:aws:s3:eu-west-1:123456789012:accesspoint/p",
        }
    ).s3

    assert settings == S3Settings(
        enabled=True,
        region="eu-west-1",
        endpoint="s3.test",
        endpoint_uses_path_style=False,
        assume_role_arn="arn:aws:iam::123456789012:role/r",
        assume_role_external_id="id",
        allowed_buckets=("a", "b"),
        denied_buckets=("c",),
        access_points=(("a", "arn:aws:s3:eu-west-1:123456789012:accesspoint/p"),),
    )
    assert "external_id" not in repr(settings)


@pytest.mark.parametrize(
    ("environment", "is_enabled"),
    [
        ({"IMGPROXY_S3_DECRYPTION_CLIENT_ENABLED": "true"}, True),
        ({"IMGPROXY_S3_USE_DECRYPTION_CLIENT": "true"}, True),
        ({"IMGPROXY_S3_USE_DECRYPTION_CLIENT": "false", "IMGPROXY_S3_DECRYPTION_CLIENT_ENABLED": "true"}, False),
    ],
)
def test_the_documented_name_goes_first(environment: dict[str, str], *, is_enabled: bool) -> None:
    """Documentation and binary of imgproxy have different names for decryption."""
    assert load_settings(environment).s3.decryption_client_enabled is is_enabled


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a=b", (("a", "b"),)),
        (" a=b ; c=d=e ;; ", (("a", "b"), ("c", "d=e"))),
        ("a=b;a=c", (("a", "c"),)),
        (";", ()),
    ],
)
def test_maps(text: str, pairs: tuple[tuple[str, str], ...]) -> None:
    """Pairs are trimmed as a whole, empty ones are skipped, the last of a name counts."""
    assert MAP.read(text) == pairs


@pytest.mark.parametrize("text", ["a", "=b", "a=", "a=b;c"])
def test_what_is_no_map(text: str) -> None:
    """Named with its variable."""
    with pytest.raises(ConfigurationError, match="IMGPROXY_S3_ACCESS_POINTS: expected name=value pairs"):
        load_settings({"IMGPROXY_S3_ACCESS_POINTS": text})
