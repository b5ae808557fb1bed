"""Every rule of the env file's grammar (spec 03 section 1.13)."""

from __future__ import annotations

import time

import pytest

from renderer.settings.env_file import MAX_CHARACTERS, parse_env_file

ENVIRONMENT = {"HOME": "/home/a", "KEY": "outer", "A_1": "digits"}

LINES = [
    ("", None),
    ("   ", None),
    ("# KEY=a", None),
    ("  # KEY=a", None),
    ("KEY=a", "a"),
    ("KEY=", ""),
    ("KEY = a ", "a"),
    ("  KEY=a", "a"),
    ("\tKEY=a", "a"),
    ("KEY=a\r", "a"),
    ("KEY=a b  c", "a b  c"),
    ("export KEY=a", "a"),
    ("export   KEY=a", "a"),
    ("KEY: a", "a"),
    ("KEY:a", "a"),
    ("KEY: a=b", "a=b"),
    ("KEY=a:b", "a:b"),
    ("KEY=http://h:1/p?q=r", "http://h:1/p?q=r"),
    ("KEY=a # comment", "a"),
    ("KEY=a\t# comment", "a"),
    ("KEY= # comment", ""),
    ("KEY=a#b", "a#b"),
    ("KEY=#fff", "#fff"),
    ("KEY='a # b'", "a # b"),
    ("KEY='a # b' # c", "a # b"),
    ('KEY="a # b" # c', "a # b"),
    (r'KEY="a \" # b" # c', 'a " # b'),
    ("KEY='a # b", "'a"),
    ("KEY=a 'b # c' # d", "a 'b # c'"),
    ("KEY='a'", "a"),
    ("KEY='$HOME'", "$HOME"),
    (r"KEY='\n'", r"\n"),
    ("KEY=' a '", " a "),
    ("KEY='a'b'", "a'b"),
    ("KEY='", "'"),
    ("KEY=''", ""),
    ('KEY="a"', "a"),
    ('KEY=""', ""),
    ('KEY="', '"'),
    ('KEY=" a "', " a "),
    (r'KEY="a\nb"', "a\nb"),
    (r'KEY="a\rb"', "a\rb"),
    (r'KEY="a\tb"', "atb"),
    (r'KEY="a\"b"', 'a"b'),
    (r'KEY="a\\b"', r"a\b"),
    (r'KEY="a\\n"', r"a\n"),
    (r'KEY="\$HOME"', "$HOME"),
    (r"KEY=a\nb", r"a\nb"),
    (r"KEY=\$HOME", "$HOME"),
    ("KEY=$HOME", "/home/a"),
    ("KEY=${HOME}/b", "/home/a/b"),
    ('KEY="$HOME/b"', "/home/a/b"),
    ("KEY=$A_1", "digits"),
    ("KEY=$NOWHERE.", "."),
    ("KEY=$KEY+", "outer+"),
    ("KEY=$home", "$home"),
    ("KEY=${home}", "${home}"),
    ("KEY=${HOME", "${HOME"),
    ("KEY=$(id)", "$(id)"),
    ('KEY="$(id)"', "$(id)"),
    ("KEY=a$", "a$"),
    ("KEY=ä", "ä"),
]


@pytest.mark.parametrize(("line", "value"), LINES)
def test_a_line_means_one_variable_or_none(line: str, value: str | None) -> None:
    """None of these lines means another variable."""
    assert parse_env_file(line, ENVIRONMENT) == ({} if value is None else {"KEY": value})


def test_later_lines_see_and_replace_earlier_ones() -> None:
    """The file goes before the environment."""
    text = "\ufeffKEY=a\nB=$KEY\r\n\nKEY=c\nD='$KEY'\nE=${KEY}$B"

    assert parse_env_file(text, ENVIRONMENT) == {"KEY": "c", "B": "a", "D": "$KEY", "E": "ca"}


@pytest.mark.parametrize(
    "line",
    ["SECRET", "export SECRET", "=SECRET", ": SECRET", "SECRET # a=b", '{"SECRET": "a"}', "MY SECRET=a", "SECRET=\0"],
)
def test_what_is_no_variable_is_refused_by_its_number(line: str) -> None:
    """Its text is not told: it may be a secret."""
    with pytest.raises(ValueError, match="^line 3 is not KEY=VALUE$"):
        parse_env_file(f"A=b\n\n{line}", {})


def test_values_that_double_and_double_again_are_refused() -> None:
    """By the line that makes them too long."""
    text = "\n".join(["A=" + "a" * 1000, *(f"A=$A$A # {number}" for number in range(100))])

    with pytest.raises(ValueError, match="^line [0-9]+ makes the values longer"):
        parse_env_file(text, {})


@pytest.mark.parametrize(
    "unit",
    ["'", '"', "\\", '"\\', "#", " #", "$", "${", "${A", "\\$", "=", ":", "'\"", "a'b # ", "export ", "\n", "\r"],
)
def test_hostile_text_takes_no_time(unit: str) -> None:
    """A megabyte of anything is read in one pass; a pass that starts over at each place would take minutes."""
    text = "KEY=" + unit * (MAX_CHARACTERS // len(unit))
    started = time.process_time()

    parse_env_file(text, {})

    assert time.process_time() - started < 5
