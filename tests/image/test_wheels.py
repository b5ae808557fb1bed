"""Which locked packages get into the image, here and on arm64."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.image.arm64 import ARM64
from scripts.image.wheels import entries, main, names, normal, requirements_of

ROOT = Path(__file__).parents[2]
PROJECT = '[project.optional-dependencies]\nheif = ["pi-heif>=1"]\notel = ["a>=1", "b>=2"]\n'
LOCK = """\
one==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
Two_Words==2.1 ; python_full_version < '3.12' \\
    --hash=sha256:ba
two-words==2.2 ; python_full_version >= '3.12' \\
    --hash=sha256:bb
"""


def test_entries_of_a_lock_keep_their_hashes() -> None:
    """By name, however it is written."""
    found = entries(LOCK)

    assert list(found) == ["one", "two-words"]
    assert found["one"] == ["one==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:ab"]
    assert len(found["two-words"]) == 2


def test_the_image_has_a_newer_python_than_this_one_may_be() -> None:
    """Markers are judged for the image's Python and are gone then, so that pip does not judge them for its own."""
    (entry,) = ARM64.applicable(entries(LOCK)["two-words"])

    assert entry.split() == ["two-words==2.2", "\\", "--hash=sha256:bb"]


def test_requirements_are_those_of_the_wanted_extras() -> None:
    """In the order in which they were asked for."""
    assert requirements_of(PROJECT, ["otel", "heif"]) == ["a>=1", "b>=2", "pi-heif>=1"]
    assert requirements_of(PROJECT, []) == []


def test_an_unknown_extra_is_named_together_with_those_that_there_are() -> None:
    """A typing error must not build an image that lacks something."""
    with pytest.raises(ValueError, match=r"EXTRAS: no extra is called jlx; there are heif, otel"):
        requirements_of(PROJECT, ["heif", "jlx"])


def test_the_build_stops_at_an_unknown_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before pip is asked for anything."""
    monkeypatch.chdir(ROOT)

    assert main(["--extras", "heif,psd", str(tmp_path)]) == 2
    assert "no extra is called psd" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "expected"), [("heif,jxl", ["heif", "jxl"]), (" heif , ", ["heif"]), ("", [])])
def test_extras_are_a_list_with_commas(text: str, expected: list[str]) -> None:
    """An empty one is the image without extras."""
    assert names(text) == expected


def test_names_are_compared_as_the_index_does() -> None:
    """PyPA's name normalization."""
    assert normal("Typing_Extensions") == normal("typing.extensions") == "typing-extensions"


def test_every_package_of_the_image_has_hashes_on_arm64_too() -> None:
    """One version of each, without markers; `make image` downloads them all."""
    found = ARM64.locked(ROOT, extras="heif,jxl")
    packages = [entry.partition("==")[0] for entry in found]

    assert len(packages) == len(set(packages)) > 30
    assert {"numpy", "pyvips-binary", "pi-heif", "imagecodecs"} <= set(packages)
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) and ";" not in entry for entry in found)
