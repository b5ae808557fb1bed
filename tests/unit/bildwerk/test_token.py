"""`bildwerk token`: a token, and the entry that lets it in."""

from __future__ import annotations

import json

import pytest

from api.access.principal import Principal, Scope
from api.access.token_list import read_tokens
from bildwerk.main import main


def made(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    """What the command prints, by the names of its lines."""
    assert main(["token", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    return {name: rest.strip() for name, _, rest in (line.partition(" ") for line in lines)}


def test_the_entry_lets_the_token_in(capsys: pytest.CaptureFixture[str]) -> None:
    """With the rights that were asked for, and by its hash alone."""
    told = made(capsys, "shop", "--scope", "upload", "--scope", "upload", "--prefix", "schuhe/ä/")

    principal = read_tokens(f"[{told['entry']}]").principal(told["token"])
    assert principal == Principal(name="shop", scopes=frozenset({Scope.UPLOAD}), prefix="schuhe/ä/")
    assert told["entry"].isascii()
    assert told["token"] not in told["entry"]
    assert json.loads(told["entry"])["token_sha256"] == told["sha256"]


def test_every_token_is_another_one_and_can_be_found_by_scanners(capsys: pytest.CaptureFixture[str]) -> None:
    """256 random bits behind a mark."""
    tokens = {made(capsys, "a")["token"] for _ in range(20)}
    assert len(tokens) == 20
    assert all(token.startswith("bw_") and len(token) == 46 for token in tokens)


@pytest.mark.parametrize("arguments", [["", "--scope", "upload"], ["ä"], ["a\nb"], ["x" * 65], ["a", "--prefix", "/x"]])
def test_an_entry_that_the_api_would_refuse_is_not_made(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It says why; no token is printed."""
    assert main(["token", *arguments]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(("bildwerk token: `name`: ", "bildwerk token: `prefix`: "))
