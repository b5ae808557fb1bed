"""The command line as a whole: what it lists, what it loads, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from bildwerk.main import SUBCOMMANDS, imgproxy, main
from bildwerk.terminal import INTERRUPTED

HEAVY = ("aiohttp", "pyvips", "numpy", "lxml", "cryptography", "uvloop")


def modules_after(code: str) -> set[str]:
    """What a fresh interpreter has loaded after some code."""
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    environment = {**os.environ, "IMGPROXY_KEY": "aa", "IMGPROXY_SALT": "bb", "IMGPROXY_BIND": "127.0.0.1:1"}
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    return set(result.stdout.split())


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """And gives examples."""
    status = main(["--help"])

    text = capsys.readouterr().out
    assert status == 0
    assert all(f"    {name} " in text for name in SUBCOMMANDS)
    assert "examples:" in text


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_every_command_has_a_help_of_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It begins with how the command is called."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: bildwerk {command}")


@pytest.mark.parametrize("command", ["health", "sign", "url", "render", "explain"])
def test_a_help_shows_examples_that_begin_with_the_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An example is worth more than a description."""
    with pytest.raises(SystemExit):
        main([command, "--help"])

    assert f"examples:\n  bildwerk {command}" in capsys.readouterr().out


def test_without_a_command_the_help_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """It goes to stderr, because nothing was asked for."""
    status = main([])

    output = capsys.readouterr()
    assert (status, output.out) == (2, "")
    assert "commands:" in output.err


@pytest.mark.parametrize(("typed", "meant"), [("sing", "sign"), ("explian", "explain"), ("versoin", "version")])
def test_a_mistyped_command_is_told_the_nearest_one(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the status of wrong usage."""
    status = main([typed])

    assert status == 2
    assert f"there is no command {typed!r}; is `{meant}` meant?" in capsys.readouterr().err


def test_a_command_like_no_other_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a guess."""
    assert main(["xyzzy"]) == 2
    assert "meant" not in capsys.readouterr().err


def test_version_is_an_option_too(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints what `version` prints."""
    main(["version"])
    expected = capsys.readouterr().out

    for option in ("--version", "-V"):
        assert main([option]) == 0
        assert capsys.readouterr().out == expected


def test_imgproxy_version_prints_what_bildwerk_version_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """Containers of imgproxy may be asked with it."""
    main(["version"])
    expected = capsys.readouterr().out

    assert imgproxy(["version"]) == 0
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("arguments", [["sign"], ["health", "now"], ["--version"], ["serve"]])
def test_imgproxy_knows_two_words_only(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Everything else is wrong usage."""
    assert imgproxy(arguments) == 2
    assert capsys.readouterr().err == "usage: imgproxy [health | version]\n"


def test_imgproxy_has_a_help(capsys: pytest.CaptureFixture[str]) -> None:
    """On stdout, with status 0."""
    assert imgproxy(["--help"]) == 0
    assert "usage: imgproxy [health | version]" in capsys.readouterr().out


def test_the_command_line_itself_loads_nothing_heavy() -> None:
    """What a command needs is loaded when it is asked for."""
    loaded = modules_after("import bildwerk.main; bildwerk.main.main(['--help'])")

    assert loaded.isdisjoint(HEAVY)


def test_health_loads_nothing_of_the_renderer() -> None:
    """It runs every few seconds beside the server."""
    loaded = modules_after("from bildwerk.main import main; main(['health'])")

    assert "bildwerk.health" in loaded
    assert not any(name.split(".")[0] in (*HEAVY, "renderer", "argparse") for name in loaded)


def test_sign_loads_no_server_and_no_libvips() -> None:
    """Signing is text."""
    loaded = modules_after("from bildwerk.main import main; main(['sign', 'w:1/plain/x'])")

    assert "renderer.security.signature" in loaded
    assert loaded.isdisjoint(HEAVY)


def started(*arguments: str) -> subprocess.Popen[bytes]:
    """`bildwerk` as a process that can be talked to, with keys and unbuffered."""
    return subprocess.Popen(
        [sys.executable, "-m", "bildwerk.main", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "IMGPROXY_KEY": "aa", "IMGPROXY_SALT": "bb", "PYTHONUNBUFFERED": "1"},
    )


def test_a_reader_that_has_read_enough_is_no_error_text() -> None:
    """`bildwerk sign - | head -1` prints no traceback."""
    with started("sign", "-") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"w:1/plain/x\n")
        process.stdin.flush()
        assert process.stdout.readline().endswith(b"/w:1/plain/x\n")
        process.stdout.close()
        process.stdin.write(b"w:2/plain/x\n")
        process.stdin.close()

        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 1


def test_an_interrupted_command_ends_without_a_traceback() -> None:
    """With the status that shells know."""
    with started("sign", "-") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"w:1/plain/x\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)

        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == INTERRUPTED
