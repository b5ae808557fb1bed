"""`bildwerk explain`: what the server would make of a URL."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bildwerk.main import main
from renderer.cache.key import cache_key
from renderer.cache.tags import original_tag
from renderer.request.parse import Grammar, parse_request

KEYS = {"IMGPROXY_KEY": "aa,736563726574", "IMGPROXY_SALT": "bb,68656c6c6f"}
PATH = "rs:fill:300:400:0/g:sm/aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn.png"
SIGNED = f"/oKfUtW34Dvo2BGQehJFR4Nr0_rIjOtdtzJ3QFsUcXH8/{PATH}"
PRESETS = {"IMGPROXY_PRESETS": "default=sharpen:0.3,soft=blur:2,thumb=resize:fill:200:100/preset:soft"}


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Explains a URL as JSON under settings; gives status and facts."""

    def explain(*arguments: str, **settings: str) -> tuple[int, dict[str, Any]]:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        status = main(["explain", "--json", *arguments])
        return status, json.loads(capsys.readouterr().out)

    return explain


@pytest.mark.parametrize(
    "given",
    [
        "/unsafe/w:300/plain/http://x.test/a.jpg@webp",
        "unsafe/w:300/plain/http://x.test/a.jpg@webp",
        "https://images.test/unsafe/w:300/plain/http://x.test/a.jpg@webp",
        "HTTP://images.test:8080/unsafe/w%3A300/plain/http:/x.test/a.jpg@webp?utm=1",
    ],
)
def test_a_url_or_a_path_is_understood(given: str, facts: Any) -> None:
    """Repaired as the server does it."""
    status, said = facts(given)

    assert status == 0
    assert "refused" not in said
    assert said["path"] == "/unsafe/w:300/plain/http://x.test/a.jpg@webp"
    assert said["source"] == "http://x.test/a.jpg"
    assert said["format"] == "webp"
    assert said["results"] == {"any": "webp"}


def test_key_and_tag_are_those_of_the_server(facts: Any) -> None:
    """So that an entry of a cache can be found."""
    _, said = facts("/unsafe/w:300/plain/http://x.test/a.jpg@webp")

    request = parse_request("w:300/plain/http://x.test/a.jpg@webp", Grammar(now=lambda: 0.0))
    assert said["cache_key"] == cache_key(request)
    assert said["cache_tags"] == [original_tag("http://x.test/a.jpg")]


def test_every_option_says_where_it_comes_from(facts: Any) -> None:
    """The URL, a preset in a preset, the default preset, a setting, or nowhere."""
    _, said = facts(
        "/unsafe/preset:thumb/padding:10/height:50/plain/http://x.test/a.jpg@png",
        **PRESETS,
        IMGPROXY_STRIP_METADATA="false",
    )

    expected = {
        "padding": ("10:10:10:10", "URL"),
        "height": ("50", "URL"),
        "format": ("png", "URL"),
        "width": ("200", "preset thumb"),
        "resizing_type": ("fill", "preset thumb"),
        "blur": ("2", "preset thumb > preset soft"),
        "sharpen": ("0.3", "default preset"),
        "strip_metadata": ("false", "IMGPROXY_STRIP_METADATA"),
        "auto_rotate": ("true", "IMGPROXY_AUTO_ROTATE"),
        "max_src_resolution": ("50", "IMGPROXY_MAX_SRC_RESOLUTION"),
        "dpr": ("1", "default"),
    }
    options = {name: (option["value"], option["from"]) for name, option in said["options"].items()}
    assert {name: options[name] for name in expected} == expected


def test_the_text_leaves_out_what_nobody_chose(capsys: pytest.CaptureFixture[str]) -> None:
    """Unless it is asked for."""
    path = "/unsafe/w:300/plain/http://x.test/a.jpg@jpg"
    main(["explain", path])
    short = capsys.readouterr().out
    main(["explain", "--all", path])
    everything = capsys.readouterr().out

    assert short.startswith("understood\n\n  signature  not checked: ")
    assert "  width    300   URL\n" in short
    assert "strip_metadata" not in short
    assert "(--all shows the defaults too)" in short
    assert "  strip_metadata " in everything
    assert "--all" not in everything


def test_a_setting_that_was_chosen_is_in_the_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its variable."""
    monkeypatch.setenv("IMGPROXY_AUTO_ROTATE", "false")
    main(["explain", "/unsafe/plain/http://x.test/a.jpg@png"])

    assert "auto_rotate  false  IMGPROXY_AUTO_ROTATE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "settings", "verdict"),
    [
        ("/unsafe/plain/http://x", {}, "not checked: IMGPROXY_KEY and IMGPROXY_SALT are not set"),
        (SIGNED, KEYS, "valid, made with key pair 2"),
        (
            f"/open/{PATH}",
            {**KEYS, "IMGPROXY_TRUSTED_SIGNATURES": "open"},
            "trusted: it is one of IMGPROXY_TRUSTED_SIGNATURES",
        ),
    ],
)
def test_the_signature_has_a_verdict(target: str, settings: dict[str, str], verdict: str, facts: Any) -> None:
    """Also which of several keys made it."""
    status, said = facts(target, **settings)

    assert (status, said["signature"]) == (0, verdict)


@pytest.mark.parametrize(
    ("target", "settings", "status", "public", "reason", "part"),
    [
        ("/", {}, 404, "Invalid URL", "Invalid path: ; a processing path is /SIGNATURE/OPTIONS/SOURCE", ""),
        ("/unsafe/a b", {}, 400, "Bad Request", "no URL may hold ' ' as it stands here", " "),
        ("/unsafe/%zz", {}, 400, "Bad Request", "no URL may hold '%' as it stands here", "%"),
        (
            "/unsafe/plain/x",
            {"IMGPROXY_PATH_PREFIX": "/img"},
            404,
            "",
            "the path is not below IMGPROXY_PATH_PREFIX, /img",
            "",
        ),
        (
            f"/AAAA/{PATH}",
            KEYS,
            403,
            "Forbidden",
            "Invalid signature; `bildwerk sign --replace PATH` signs a path anew",
            "AAAA",
        ),
        (
            "/unsafe/q:1/widht:300/plain/http://x",
            {},
            404,
            "Invalid URL",
            "Unknown processing option widht; is `width` meant?",
            "widht:300",
        ),
        (
            "/unsafe/w:1/msr:1/plain/http://x",
            {},
            403,
            "Invalid URL",
            "Security processing options are not allowed; IMGPROXY_ALLOW_SECURITY_OPTIONS is off",
            "msr:1",
        ),
        ("/unsafe/w:1/exp:1/plain/http://x", {}, 404, "Invalid URL", "Expired URL", "exp:1"),
        ("/unsafe/w:1/plain/", {}, 404, "Invalid URL", "Image URL is empty", "plain/"),
        ("/unsafe/w:1/!!", {}, 404, "Invalid URL", "Invalid url encoding: !!", "!!"),
        (
            "/unsafe/w:1/plain/http://x@tif",
            {},
            404,
            "Invalid URL",
            "Invalid format: tif (expected supported image format)",
            "tif",
        ),
        (
            "/unsafe/w:1/aHR0cDovL3g.tif",
            {},
            404,
            "Invalid URL",
            "Invalid format: tif (expected supported image format)",
            "tif",
        ),
        (
            "/unsafe/f:heic/w:1/plain/http://x",
            {},
            422,
            "Invalid URL",
            "Resulting image format is not supported: heic",
            "f:heic",
        ),
        (
            "/unsafe/w:1/plain/http://x@heic",
            {},
            422,
            "Invalid URL",
            "Resulting image format is not supported: heic",
            "heic",
        ),
        (
            "/unsafe/w:1/plain/http://x",
            {"IMGPROXY_PRESETS": "default=f:heic"},
            422,
            "Invalid URL",
            "Resulting image format is not supported: heic",
            "",
        ),
        (
            "/unsafe/w:1/plain/http://evil.test/",
            {"IMGPROXY_ALLOWED_SOURCES": "http://good.test/"},
            404,
            "Invalid source URL",
            "Source URL is not allowed: http://evil.test/",
            "plain/http://evil.test/",
        ),
        (
            "/unsafe/tumb/plain/http://x",
            {"IMGPROXY_PRESETS": "thumb=w:1", "IMGPROXY_ONLY_PRESETS": "true"},
            404,
            "Invalid URL",
            "Unknown preset: tumb; is `thumb` meant?",
            "tumb",
        ),
    ],
)
def test_a_refusal_says_why_and_where(
    target: str, settings: dict[str, str], status: int, public: str, reason: str, part: str, facts: Any
) -> None:
    """As the server would answer."""
    exit_status, said = facts(target, **settings)

    assert exit_status == 1
    assert said["refused"] == {"status": status, "public": public, "reason": reason, "part": part}


def test_a_forgotten_signature_is_recognized(capsys: pytest.CaptureFixture[str]) -> None:
    """The public sentence says it all and is not repeated."""
    assert main(["explain", "/w:300/plain/http://x"]) == 1

    text = capsys.readouterr().out
    assert text.startswith("refused: 403 The signature appears to be a processing option.")
    assert text.count("appears") == 1
    assert text.endswith("  /w:300/plain/http://x\n   ^^^^^\n")


def test_carets_stand_under_what_is_to_blame(capsys: pytest.CaptureFixture[str]) -> None:
    """In the path as the server repaired it."""
    main(["explain", "/unsafe/w%3A1/hight:2/plain/http:/x"])

    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "refused: 404 Invalid URL",
        "  Unknown processing option hight; is `height` meant?",
        "",
        "  /unsafe/w:1/hight:2/plain/http://x",
        "              ^^^^^^^",
    ]


def test_results_follow_the_accept_header(facts: Any) -> None:
    """As far as the settings let it matter."""
    target = "/unsafe/plain/http://x.test/a.jpg"
    settings = {"IMGPROXY_AUTO_WEBP": "true", "IMGPROXY_ENFORCE_AVIF": "true"}

    _, plain = facts(target, **settings)
    _, webp = facts(target, "--accept", "image/webp")
    _, both = facts(f"{target}@png", "--accept", "image/avif,image/webp")

    assert plain["results"]["jpeg, png, gif"] == "the same"
    assert "accepts" not in plain
    assert webp["accepts"] == ["webp"]
    assert "webp" in webp["results"].values()
    assert (both["format"], both["accepts"], both["results"]) == ("png", ["avif", "webp"], {"any": "avif"})


def test_what_the_parser_warns_of_is_part_of_the_answer(facts: Any) -> None:
    """And so is a source that nothing here reads."""
    _, said = facts("/unsafe/el:yes/plain/local:///a.jpg")
    _, other = facts("/unsafe/plain/ftp://x/a.jpg")

    assert "Invalid enlarge: yes is no boolean and counts as false" in said["warnings"]
    assert any("IMGPROXY_LOCAL_FILESYSTEM_ROOT is not set" in text for text in said["warnings"])
    assert other["warnings"] == ["No kind of source has the scheme 'ftp': it will not be found"]


def test_hostile_text_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters of a decoded source are shown as escapes."""
    main(["explain", "/unsafe/plain/http://x.test/%1b%5b31m%ff"])

    text = capsys.readouterr().out
    assert "http://x.test/\\x1b[31m\\udcff" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"IMGPROXY_QUALITY": "x"}, "IMGPROXY_QUALITY: expected a whole number"),
        ({"IMGPROXY_PRESETS": "a=w:x"}, "error in preset `a`: Invalid width: x"),
        ({"IMGPROXY_PRESETS": "a"}, "invalid preset string: a"),
    ],
)
def test_settings_that_stop_a_server_stop_it(
    settings: dict[str, str], text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to explain then."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert main(["explain", "/unsafe/plain/http://x"]) == 1

    output = capsys.readouterr()
    assert output.out == ""
    assert text in output.err
