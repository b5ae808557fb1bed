"""Settings of `gs://`, `abs://` and `swift://`: what is refused, and what is missing for a store that is enabled."""

from __future__ import annotations

import json

import pytest

from renderer.errors import ConfigurationError
from renderer.settings.load import load_settings

ACCOUNT = {"type": "service_account", "client_email": "reader@tests.example", "private_key": "secret words"}
SWIFT = {
    "IMGPROXY_USE_SWIFT": "true",
    "IMGPROXY_SWIFT_USERNAME": "reader",
    "IMGPROXY_SWIFT_API_KEY": "secret words",
    "IMGPROXY_SWIFT_AUTH_URL": "http://swift/auth/v1.0",
}


def problems(environment: dict[str, str]) -> list[str]:
    """What is wrong with an environment, a line for each."""
    with pytest.raises(ConfigurationError) as refused:
        load_settings(environment)
    return refused.value.problems


@pytest.mark.parametrize(
    "key",
    [
        "secret words",
        "[]",
        json.dumps({**ACCOUNT, "type": "authorized_user"}),
        json.dumps({**ACCOUNT, "client_email": ""}),
        json.dumps({**ACCOUNT, "private_key": 1}),
    ],
)
def test_a_google_key_is_that_of_a_service_account(key: str) -> None:
    """Anything else is refused, and the message does not show it."""
    assert problems({"IMGPROXY_GCS_KEY": key}) == ["IMGPROXY_GCS_KEY: expected the JSON key of a service account"]


def test_a_google_key_that_is_one_is_taken() -> None:
    key = json.dumps(ACCOUNT)

    assert load_settings({"IMGPROXY_GCS_KEY": key}).gcs.key == key


def test_an_account_key_is_base64() -> None:
    assert load_settings({"IMGPROXY_ABS_KEY": "a2V5"}).abs.key == b"key"
    assert problems({"IMGPROXY_ABS_KEY": "secret words"}) == ["IMGPROXY_ABS_KEY: expected an account key in base64"]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://store.example", "https://store.example"),
        ("http://127.0.0.1:4443/", "http://127.0.0.1:4443"),
        ("store.example/account", "https://store.example/account"),
    ],
)
def test_an_endpoint_is_a_url(text: str, url: str) -> None:
    assert load_settings({"IMGPROXY_GCS_ENDPOINT": text}).gcs.endpoint == url
    assert load_settings({"IMGPROXY_ABS_ENDPOINT": text}).abs.endpoint == url
    assert load_settings({"IMGPROXY_SWIFT_AUTH_URL": text}).swift.auth_url == url


@pytest.mark.parametrize("text", ["ftp://store.example", "https://", "https://store:x", "https://store?a=1"])
def test_what_is_no_url_is_refused(text: str) -> None:
    assert problems({"IMGPROXY_GCS_ENDPOINT": text})[0].startswith("IMGPROXY_GCS_ENDPOINT: expected an http(s) URL")


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"IMGPROXY_USE_ABS": "1"}, ["IMGPROXY_ABS_NAME"]),
        (
            {"IMGPROXY_USE_ABS": "1", "IMGPROXY_ABS_NAME": "a", "IMGPROXY_ABS_ENDPOINT": "http://store"},
            ["IMGPROXY_ABS_ENDPOINT"],
        ),
        (
            {"IMGPROXY_USE_SWIFT": "1"},
            ["IMGPROXY_SWIFT_USERNAME", "IMGPROXY_SWIFT_API_KEY", "IMGPROXY_SWIFT_AUTH_URL"],
        ),
        ({**SWIFT, "IMGPROXY_SWIFT_AUTH_URL": "http://keystone"}, ["IMGPROXY_SWIFT_AUTH_VERSION"]),
        ({**SWIFT, "IMGPROXY_SWIFT_AUTH_VERSION": "3"}, ["IMGPROXY_SWIFT_TENANT"]),
        ({**SWIFT, "IMGPROXY_SWIFT_AUTH_VERSION": "4"}, ["IMGPROXY_SWIFT_AUTH_VERSION"]),
    ],
)
def test_what_is_missing_for_an_enabled_store_is_named(environment: dict[str, str], names: list[str]) -> None:
    assert [problem.partition(":")[0] for problem in problems(environment)] == names


@pytest.mark.parametrize(
    ("url", "setting", "version"),
    [
        ("http://swift/auth/v1.0", "0", 1),
        ("http://keystone/v2.0", "0", 2),
        ("http://keystone/v3", "0", 3),
        ("http://keystone/v3/v1", "0", 3),
        ("http://keystone/v3", "2", 2),
    ],
)
def test_the_version_is_set_or_in_the_url(url: str, setting: str, version: int) -> None:
    settings = {"IMGPROXY_SWIFT_AUTH_URL": url, "IMGPROXY_SWIFT_AUTH_VERSION": setting}

    assert load_settings({**SWIFT, **settings, "IMGPROXY_SWIFT_TENANT": "site"}).swift.version == version


def test_the_misspelt_names_of_the_documentation_are_read() -> None:
    """The documentation of imgproxy has `IMGRPOXY_`; its binary reads the right spelling, which wins."""
    names = {"IMGRPOXY_SWIFT_TIMEOUT_SECONDS": "7", "IMGRPOXY_SWIFT_CONNECT_TIMEOUT_SECONDS": "3"}

    swift = load_settings({**names, "IMGPROXY_SWIFT_CONNECT_TIMEOUT_SECONDS": "2"}).swift

    assert (swift.timeout_seconds, swift.connect_timeout_seconds) == (7, 2)
