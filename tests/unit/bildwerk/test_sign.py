"""`bildwerk sign`: what it prints is what the server accepts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from bildwerk.main import main
from bildwerk.sign import signed
from renderer.request.path import split_path
from renderer.security.signature import SigningKeys, verify
from renderer.settings.load import load_settings

Run = Callable[..., subprocess.CompletedProcess[bytes]]

KEYS = {"IMGPROXY_KEY": "736563726574,aa", "IMGPROXY_SALT": "68656c6c6f,bb"}
PATH = "rs:fill:300:400:0/g:sm/aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn.png"
SIGNED = f"/oKfUtW34Dvo2BGQehJFR4Nr0_rIjOtdtzJ3QFsUcXH8/{PATH}"
"""The example of imgproxy's documentation."""


@pytest.fixture
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_keys")
@pytest.mark.parametrize(
    "arguments",
    [
        [PATH],
        [f"/{PATH}"],
        ["--replace", f"/unsafe/{PATH}"],
        ["--replace", f"unsafe/{PATH}"],
        ["--replace", SIGNED],
        ["--pair", "1", PATH],
    ],
)
def test_a_path_is_printed_behind_its_signature(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With or without a slash before it, and in place of an old signature."""
    assert main(["sign", *arguments]) == 0
    assert capsys.readouterr() == (f"{SIGNED}\n", "")


@pytest.mark.usefixtures("_keys")
def test_several_paths_are_several_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """In their order."""
    assert main(["sign", PATH, "w:1/plain/x"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == SIGNED
    assert lines[1].endswith("/w:1/plain/x")


@pytest.mark.parametrize(
    "path",
    [
        "w:1/plain/local:///a.jpg@png",
        "w%3A1/plain/http:/x.test/a.jpg",
        "plain/local:/a.jpg",
        "a:/b:/c/plain/a:/b:/c",  # repairing this path twice gives another path than repairing it once
        "/w:1/plain/http://x.test/a",
        "w:1/plain/http://x.test/\u00fc",
    ],
)
def test_the_server_accepts_what_was_signed(path: str) -> None:
    """Also where it repairs the path first; the path itself is printed as it was given."""
    settings = load_settings(KEYS)

    result = signed(path, settings)

    sent = split_path(result)
    verify(sent.signature, sent.signed, SigningKeys.from_settings(settings.security))
    assert result.endswith(f"/{path.removeprefix('/')}")


def test_another_pair_signs_with_its_own_key() -> None:
    """Pairs are counted from 1."""
    both, second = load_settings(KEYS), load_settings({"IMGPROXY_KEY": "aa", "IMGPROXY_SALT": "bb"})

    assert signed(PATH, both, pair=2) == signed(PATH, second)
    assert signed(PATH, both, pair=2) != signed(PATH, both, pair=1)


def test_the_signature_has_the_length_of_the_setting() -> None:
    """Eight bytes are eleven characters of base64."""
    settings = load_settings({**KEYS, "IMGPROXY_SIGNATURE_SIZE": "8"})

    assert signed(PATH, settings) == f"/oKfUtW34Dvo/{PATH}"


def test_a_prefix_of_all_routes_stands_before_the_signature() -> None:
    """It is not signed, and an old one is not doubled."""
    settings = load_settings({**KEYS, "IMGPROXY_PATH_PREFIX": "/img"})

    assert signed(PATH, settings) == f"/img{SIGNED}"
    assert signed(f"/img/unsafe/{PATH}", settings, replaces=True) == f"/img{SIGNED}"


def test_paths_come_from_stdin_too(bildwerk: Run) -> None:
    """One a line, blank lines aside, and bytes that are no UTF-8 stay what they are."""
    result = bildwerk("sign", "-", stdin=f"{PATH}\n\n  \nw:1/plain/x/\udcff\n".encode(errors="surrogateescape"), **KEYS)

    lines = result.stdout.split(b"\n")
    assert (result.returncode, result.stderr) == (0, b"")
    assert lines[0] == SIGNED.encode()
    assert lines[1].endswith(b"/w:1/plain/x/\xff")
    assert lines[2:] == [b""]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([""], "there is nothing to sign: ''"),
        (["/"], "there is nothing to sign: '/'"),
        (["--replace", "/unsafe/"], "there is nothing to sign behind its signature: '/unsafe/'"),
        (["--replace", "unsafe"], "there is nothing to sign behind its signature: 'unsafe'"),
        (["plain/http://x/a?b=c"], "`?` ends a path; in a source it is written %3F: plain/http://x/a?b=c"),
        (["https://x.test/unsafe/w:1/plain/x"], "expected a path, got a URL: https://x.test/unsafe/w:1/plain/x"),
        (["--pair", "3", "w:1/plain/x"], "there is no pair 3 (IMGPROXY_KEY lists 2)"),
        (["--pair", "0", "w:1/plain/x"], "there is no pair 0 (IMGPROXY_KEY lists 2)"),
    ],
)
@pytest.mark.usefixtures("_keys")
def test_what_cannot_be_signed_is_an_error(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, with the reason."""
    assert main(["sign", *arguments]) == 1
    assert capsys.readouterr() == ("", f"bildwerk sign: {text}\n")


def test_without_keys_the_error_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    """There is no signature that means nothing."""
    assert main(["sign", PATH]) == 1
    assert "set IMGPROXY_KEY and IMGPROXY_SALT" in capsys.readouterr().err


def test_the_first_bad_line_ends_the_work(bildwerk: Run) -> None:
    """What was signed before it is there."""
    result = bildwerk("sign", "-", stdin=b"w:1/plain/x\nplain/a?b\nw:2/plain/x\n", **KEYS)

    assert result.returncode == 1
    assert result.stdout.endswith(b"/w:1/plain/x\n")
    assert result.stderr.startswith(b"bildwerk sign: `?` ends a path")


def test_settings_that_cannot_be_used_stop_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key without a salt would sign what no server accepts."""
    monkeypatch.setenv("IMGPROXY_KEY", "aa")

    assert main(["sign", PATH]) == 1
    assert "IMGPROXY_KEY, IMGPROXY_SALT: expected as many keys as salts" in capsys.readouterr().err
