"""What commands make of the process environment."""

from __future__ import annotations

import pytest

from bildwerk.environment import load_or_complain, read_environment


@pytest.mark.parametrize(
    ("variables", "bind"),
    [
        ({}, None),
        ({"PORT": "9000"}, ":9000"),
        ({"PORT": "9000", "IMGPROXY_BIND": " "}, ":9000"),
        ({"PORT": "9000", "IMGPROXY_BIND": "127.0.0.1:80"}, "127.0.0.1:80"),
        ({"PORT": " "}, None),
    ],
)
def test_port_stands_in_for_the_address(
    variables: dict[str, str], bind: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where no address is set."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert read_environment().get("IMGPROXY_BIND") == bind


def test_good_settings_are_loaded_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed about them."""
    settings = load_or_complain({"IMGPROXY_QUALITY": "70"})

    assert settings is not None
    assert settings.formats.quality == 70
    assert capsys.readouterr() == ("", "")


def test_every_bad_setting_is_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, each on its line."""
    settings = load_or_complain({"IMGPROXY_QUALITY": "x", "IMGPROXY_TTL": "-1"})

    lines = capsys.readouterr().err.splitlines()
    assert settings is None
    assert lines[0] == "These settings cannot be used:"
    assert {line.split(":")[0] for line in lines[1:]} == {"  IMGPROXY_QUALITY", "  IMGPROXY_TTL"}
