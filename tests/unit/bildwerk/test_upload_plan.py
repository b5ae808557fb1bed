"""What is to be uploaded under which keys, and where the API is: decided before anything is sent."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

from bildwerk.api_access import Access, access
from bildwerk.main import main
from bildwerk.upload_plan import planned

TOKEN = "bw_test-0123456789abcdefghij"


def keys(*sources: str | Path, prefix: str = "", key: str = "") -> list[str | None]:
    """The keys in their order; what is refused shows why."""
    plan = planned([str(source) for source in sources], prefix=prefix, key=key)
    return [upload.problem or upload.key for upload in plan.uploads]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with small files."""
    for name in ("b.jpg", "a.jpg", "sub/c.jpeg", "x.txt", ".h.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    return tmp_path


def test_keys_follow_from_what_is_given(files: Path) -> None:
    """A file by name has any name; a folder's files are sorted."""
    assert keys(files / "a.jpg") == [None]
    assert keys(files / "x.txt", key="k.jpg") == ["k.jpg"]
    assert keys(files / "x.txt", files / "a.jpg", prefix="p-") == ["p-x.txt", "p-a.jpg"]
    assert keys(files) == ["a.jpg", "b.jpg", "sub/c.jpeg"]
    assert keys(files, prefix="p/") == ["p/a.jpg", "p/b.jpg", "p/sub/c.jpeg"]
    assert keys("https://example.com/d/e.jpg?f") == [None]
    assert keys("HTTPS://example.com/d/e%20f.jpg?f", prefix="p/") == ["p/e f.jpg"]


def test_sizes_are_known_before(files: Path) -> None:
    """For the progress bar."""
    assert [upload.size for upload in planned([str(files)]).uploads] == [5, 5, 5]


def test_two_files_never_get_one_key(files: Path) -> None:
    """Also where only the form of Unicode differs; the same file twice is no harm."""
    (files / "sub/a.jpg").write_bytes(b"1")
    assert keys(files / "a.jpg", files / "sub/a.jpg", prefix="p/") == [
        "p/a.jpg",
        f"would get the key of {files}/a.jpg: p/a.jpg",
    ]
    for name in ("\u00e9.png", "e\u0301.png"):
        (files / "sub" / name).write_bytes(b"1")
    assert keys(files / "sub")[2:] == [
        "\u00e9.png",
        f"would get the key of {files}/sub/e\u0301.png: \u00e9.png",
    ]


def test_what_cannot_be_uploaded_says_why(files: Path) -> None:
    """And stays in the list, so that it is counted."""
    os.mkfifo(files / "pipe.jpg")
    (files / "dangling.jpg").symlink_to("nowhere")
    assert keys(files / "none.jpg", files / "dangling.jpg", files / "pipe.jpg") == [
        *["No such file or directory"] * 2,
        "is no file",
    ]
    assert keys(files / "a.jpg", key="../x") == [
        "A key must not begin or end with a slash, and no part of it may be empty, `.` or `..`."
    ]
    assert keys("https://example.com/", prefix="p/")[0] is not None


def test_links_to_folders_are_not_followed(files: Path) -> None:
    """They may lead around in circles."""
    (files / "sub/loop").symlink_to(files)
    assert keys(files) == ["a.jpg", "b.jpg", "sub/c.jpeg"]


def test_one_key_is_for_one_picture(files: Path) -> None:
    """A folder is not one."""
    for sources in ((files,), (files / "a.jpg", files / "b.jpg")):
        with pytest.raises(ValueError, match="--key names one picture"):
            keys(*sources, key="k")


def given(**variables: str) -> Access:
    """The access of these options (lower case) and variables."""
    options = {
        "api": variables.pop("api", ""),
        "token_file": Path(variables.pop("file")) if "file" in variables else None,
    }
    return access(argparse.Namespace(**options), variables)


def test_access_comes_from_the_environment_or_the_options(tmp_path: Path) -> None:
    """By default from the API of this machine; the token is not shown."""
    (tmp_path / "t").write_text(f" {TOKEN}\n")
    found = given(BILDWERK_API_TOKEN=TOKEN)
    assert found == Access(url="http://127.0.0.1:8090", token=TOKEN)
    assert TOKEN not in repr(found)
    assert given(BILDWERK_API_URL="https://a/b/", BILDWERK_API_TOKEN=TOKEN).url == "https://a/b"
    assert given(BILDWERK_API_URL="https://a", api="https://c", file=str(tmp_path / "t")).url == "https://c"


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({}, "there is no token: set BILDWERK_API_TOKEN or name a --token-file"),
        ({"BILDWERK_API_TOKEN": "secret!"}, "what BILDWERK_API_TOKEN holds is no token of this API"),
        ({"file": "/dev/null"}, "there is no token"),
        ({"file": "/nowhere"}, "/nowhere: No such file or directory"),
        ({"BILDWERK_API_URL": "example.com", "BILDWERK_API_TOKEN": TOKEN}, "the API's address is no http"),
        ({"api": "https://a?b", "BILDWERK_API_TOKEN": TOKEN}, "the API's address is no http"),
        ({"api": "https://user:word@a", "BILDWERK_API_TOKEN": TOKEN}, "the API's address is no http"),
    ],
)
def test_access_that_is_none_says_why(variables: dict[str, str], text: str) -> None:
    """Without showing what may be a token."""
    with pytest.raises(ValueError, match="^" + text) as refused:
        given(**variables)
    assert "secret!" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "is_warned"),
    [
        ("http://api.example.com", True),
        ("http://10.0.0.1:8090/x", True),
        ("https://api.example.com", False),
        ("http://localhost:8090", False),
        ("http://127.0.0.1", False),
        ("http://[::1]:8090", False),
    ],
)
def test_an_open_line_is_warned_of(url: str, is_warned: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Except within this machine."""
    given(api=url, BILDWERK_API_TOKEN=TOKEN)
    assert ("without encryption" in capsys.readouterr().err) is is_warned


def test_nothing_to_upload_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what was passed over."""
    monkeypatch.setenv("BILDWERK_API_TOKEN", TOKEN)
    (tmp_path / "x.txt").touch()
    assert main(["upload", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        "bildwerk upload: there is no picture to upload (passed over: 1 not pictures by name)\n"
    )
