"""`bildwerk purge`: results of an original are gone, and the table says how many."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bildwerk.main import main
from renderer.cache.opened import open_results
from renderer.cache.tags import original_tag
from renderer.settings.load import load_settings
from tests.unit.cache.entries import PICTURE, TAG, key, result


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three results of a picture and one of another."""
    variables = {"IMGPROXY_CACHE_USE": "fs", "IMGPROXY_CACHE_FS_ROOT": str(tmp_path)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    async def fill() -> None:
        results = open_results(load_settings(variables).results)
        assert results is not None
        for number in range(3):
            results.keep(key(number), result())
        results.keep(key(3), result(originals=("local:///b.jpg",)))
        await results.close(30)

    asyncio.run(fill())
    return tmp_path


def results_in(store: Path) -> int:
    """How many are left."""
    return sum(file.is_file() for file in (store / "results").rglob("*"))


def test_results_of_originals_are_deleted(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By source URL or by tag; none is not an error."""
    other = original_tag("local:///b.jpg")
    none = original_tag("local:///none.jpg")
    assert main(["purge", PICTURE, "local:///none.jpg", "--tag", other]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "deleted  tag                                 original",
        f"3        {TAG}  {PICTURE}",
        f"0        {none}  local:///none.jpg",
        f"1        {other}  {other}",
    ]
    assert results_in(store) == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--tag", "v-1.0"], "v-1.0 is no tag of an original: expected o- and 32 hexadecimal digits"),
        (["--tag", ""], " is no tag of an original"),
    ],
)
def test_what_is_no_tag_deletes_nothing(
    store: Path, arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of a tag would be half of the store."""
    assert main(["purge", PICTURE, *arguments]) == 1
    assert text in capsys.readouterr().err
    assert results_in(store) == 4


def test_nothing_to_purge_from_is_an_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever purges believes that results are kept."""
    monkeypatch.delenv("IMGPROXY_CACHE_USE", raising=False)

    assert main(["purge", PICTURE]) == 1
    assert "no store of results is configured (IMGPROXY_CACHE_USE)" in capsys.readouterr().err


def test_no_original_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """It is no way to purge everything."""
    with pytest.raises(SystemExit) as ended:
        main(["purge"])

    assert ended.value.code == 2
    assert "expected a source URL, or --tag" in capsys.readouterr().err


def test_a_folder_that_cannot_be_used_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its path."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("IMGPROXY_CACHE_USE", "fs")
    monkeypatch.setenv("IMGPROXY_CACHE_FS_ROOT", str(tmp_path / "file"))

    assert main(["purge", PICTURE]) == 1
    assert f"{tmp_path / 'file'}: expected a folder for results that can be written" in capsys.readouterr().err
