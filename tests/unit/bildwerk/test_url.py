"""`bildwerk url`: what it prints reads as what was asked for."""

from __future__ import annotations

import time

import pytest

from bildwerk.main import main
from renderer.app import make_grammar
from renderer.formats import ImageFormat
from renderer.request.parse import parse_request
from renderer.request.path import split_path
from renderer.request.values import RenderRequest
from renderer.security.signature import SigningKeys, verify
from renderer.settings.load import load_settings

ENCRYPTION = {"IMGPROXY_SOURCE_URL_ENCRYPTION_KEY": "1eb5b0e971ad7f45324c1bb15c947cb2"}


def understood(url: str, settings: dict[str, str]) -> RenderRequest:
    """What the server reads."""
    loaded = load_settings(settings)
    path = split_path(url, loaded.server.path_prefix)
    verify(path.signature, path.signed, SigningKeys.from_settings(loaded.security))
    return parse_request(path.signed, make_grammar(loaded))


@pytest.mark.parametrize("encoding", ["plain", "base64", "encrypted"])
@pytest.mark.parametrize(
    "source",
    [
        "local:///a.jpg",
        "http://x.test/a b@2x.jpg?v=1#f",
        "s3://b/100%25.png",
        "local:///:/x",
        "local:///ü",
        "x",
        "a:/b",
    ],
)
def test_a_source_is_read_as_it_was_given(
    encoding: str, source: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever it contains, however it is written."""
    monkeypatch.setenv(*next(iter(ENCRYPTION.items())))

    status = main(["url", source, "--options", "rs:fit:300:200/q:80", "--format", "webp", "--encoding", encoding])

    wanted = understood(capsys.readouterr().out.removesuffix("\n"), ENCRYPTION)
    assert status == 0
    assert wanted.source_url == source
    assert (wanted.pipelines[0].resize.width, wanted.pipelines[0].resize.height) == (300, 200)
    assert (wanted.output.quality, wanted.output.format) == (80, ImageFormat.WEBP)


@pytest.mark.parametrize(
    ("settings", "arguments", "expected"),
    [
        ({}, ["local:///a.jpg"], "/unsafe/plain/local:///a.jpg"),
        ({}, ["local:///a.jpg", "--format", "jpg"], "/unsafe/plain/local:///a.jpg@jpeg"),
        ({}, ["local:///a.jpg", "--options", "/w:1/"], "/unsafe/w:1/plain/local:///a.jpg"),
        ({}, ["x", "--base", "http://h:1"], "http://h:1/unsafe/plain/x"),
        ({}, ["x", "--base", "https://h/"], "https://h/unsafe/plain/x"),
        ({"IMGPROXY_PATH_PREFIX": "/img"}, ["x", "--base", "http://h"], "http://h/img/unsafe/plain/x"),
        (
            {"IMGPROXY_KEY": "aa", "IMGPROXY_SALT": "bb"},
            ["x", "--options", "w:1"],
            "/f-3_vaGFy-75uNc4h-3h5IYlr58TiLeD_8QWbuctxaY/w:1/plain/x",
        ),
        ({"IMGPROXY_PRESETS": "thumb=w:100"}, ["x", "--options", "pr:thumb"], "/unsafe/pr:thumb/plain/x"),
        (
            {"IMGPROXY_PRESETS": "thumb=w:100", "IMGPROXY_ONLY_PRESETS": "1"},
            ["x", "--options", "thumb"],
            "/unsafe/thumb/plain/x",
        ),
        ({"IMGPROXY_ARGUMENTS_SEPARATOR": ","}, ["x", "--options", "rs,fit,1,2"], "/unsafe/rs,fit,1,2/plain/x"),
        ({"IMGPROXY_BASE_URL": "https://cdn.test/"}, ["a.jpg"], "/unsafe/plain/a.jpg"),
    ],
)
def test_the_url_is_written_for_a_server_with_these_settings(
    settings: dict[str, str],
    arguments: list[str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Signature, prefix, separator; options as they were typed, so that presets stay presets."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    status = main(["url", *arguments])

    url = capsys.readouterr().out.removesuffix("\n")
    assert (status, url) == (0, expected)
    assert understood("/" + url.split("/", 3)[3] if "://h" in url else url, settings).source_url.endswith(arguments[0])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("widht:1", "Unknown processing option widht; is `width` meant?\n  widht:1\n  ^^^^^^^"),
        ("q:80/w:x", "Invalid width: x (expected positive number or 0)\n  q:80/w:x\n       ^^^"),
        ("w300", "'w300' is no option: write name:argument, with a slash between options"),
        ("w:1//h:1", "'' is no option: write name:argument, with a slash between options"),
        ("pr:x", "Unknown preset: x; IMGPROXY_PRESETS defines none\n  pr:x\n  ^^^^"),
        ("cb:a?b", "an option in a URL cannot hold '?'"),
        ("cb:a b", "an option in a URL cannot hold ' '"),
        ("cb:%zz", "an option in a URL cannot hold '%'"),
        ("cb:\x1b", "an option in a URL cannot hold '\\\\x1b'"),
        ("exp:1", "Expired URL\n  exp:1\n  ^^^^^"),
    ],
)
def test_a_mistake_in_the_options_is_told_at_once(options: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the place and the nearest name; nothing goes to stdout."""
    assert main(["url", "local:///a.jpg", "--options", options]) == 1
    assert capsys.readouterr() == ("", f"bildwerk url: {text}\n")


@pytest.mark.parametrize(
    ("settings", "arguments", "text"),
    [
        ({}, [""], "Image URL is empty"),
        ({}, ["x", "--encoding", "encrypted"], "set IMGPROXY_SOURCE_URL_ENCRYPTION_KEY"),
        ({"IMGPROXY_ALLOWED_SOURCES": "s3://b/"}, ["http://x/"], "Source URL is not allowed: http://x/"),
        ({"IMGPROXY_PRESETS": "a=w:x"}, ["x"], "error in preset `a`: Invalid width: x"),
        ({"IMGPROXY_QUALITY": "x"}, ["x"], "IMGPROXY_QUALITY: expected"),
    ],
)
def test_a_url_that_the_server_would_refuse_is_not_written(
    settings: dict[str, str],
    arguments: list[str],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The reason is on stderr."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert main(["url", *arguments]) == 1

    output = capsys.readouterr()
    assert output.out == ""
    assert text in output.err


@pytest.mark.parametrize(
    "arguments", [["--format", "tif"], ["--encoding", "rot13"], ["--base", "localhost:8080"], ["another"]]
)
def test_wrong_usage_has_its_own_status(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """2, with the usage."""
    with pytest.raises(SystemExit) as ended:
        main(["url", "x", *arguments])

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: bildwerk url")


def test_a_url_that_expires_later_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Only one that is over already is a mistake."""
    expires = int(time.time()) + 3600

    assert main(["url", "x", "--options", f"exp:{expires}"]) == 0
    assert capsys.readouterr().out == f"/unsafe/exp:{expires}/plain/x\n"
