"""`local://` sources: whole files and raw answers."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from renderer.errors import SourceIncomplete, SourceStatus, SourceTimeout, SourceTooLarge
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.local import LocalLoader
from renderer.sources.source import NotModified, RawRequest, RawSource, Source
from renderer.storage.filesystem import Filesystem, StoredFile

MODIFIED_NS = 1_750_000_000_000_000_000
LAST_MODIFIED = "Sun, 15 Jun 2025 15:06:40 GMT"
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4000
ANY = Conditions()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a picture of about a megabyte, some other files and a way out."""
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "a.jpg").write_bytes(JPEG)
    (root / "a%20b?.jpg").write_bytes(b"percent")
    (root / "a%20b").write_bytes(b"before the question mark")
    (root / "html.jpg").write_bytes(b"<!doctype html><html><body>nope</body></html>")
    (root / "empty.jpg").write_bytes(b"")
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "out.jpg").symlink_to(tmp_path / "secret")
    for path in root.rglob("*"):
        os.utime(path, ns=(MODIFIED_NS, MODIFIED_NS), follow_symlinks=False)
    return root


@pytest.fixture
def loader(root: Path) -> LocalLoader:
    """A loader with the default settings."""
    return LocalLoader(Filesystem(root), SourceSettings())


async def fetched(loader: LocalLoader, url: str, *, max_bytes: int = 0) -> Source:
    """The whole file."""
    source = await loader.fetch(url, conditions=ANY, max_bytes=max_bytes)
    assert isinstance(source, Source)
    return source


async def body(raw: RawSource) -> bytes:
    """All of a raw answer."""
    async with raw:
        return b"".join([chunk async for chunk in raw.chunks])


def open_descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("url", ["local:///a.jpg", "local://any-host/a.jpg", "local:////a.jpg", "local:///a.jpg?v=2"])
async def test_the_key_alone_names_the_file(loader: LocalLoader, url: str) -> None:
    source = await fetched(loader, url)

    assert (source.data, source.url) == (JPEG, url)
    assert source.headers.last_modified == LAST_MODIFIED


async def test_a_key_is_literal_and_the_separator_is_configurable(root: Path) -> None:
    with_separator = LocalLoader(Filesystem(root), SourceSettings())
    without = LocalLoader(Filesystem(root), SourceSettings(source_url_query_separator=""))

    assert (await fetched(with_separator, "local:///a%20b?.jpg")).data == b"before the question mark"
    assert (await fetched(without, "local:///a%20b?.jpg")).data == b"percent"


async def test_the_etag_belongs_to_the_spelling(loader: LocalLoader) -> None:
    plain = await fetched(loader, "local:///a.jpg")
    detour = await fetched(loader, "local:///folder/../a.jpg")

    assert plain.data == detour.data
    assert plain.headers.etag != detour.headers.etag


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("local:///missing.jpg", "/missing.jpg doesn't exist"),
        ("local:///out.jpg", "/out.jpg doesn't exist"),
        ("local:///../secret", "/../secret doesn't exist"),
        ("local:///folder", "/folder is directory"),
        ("local:///", "/ is directory"),
        ("local://a.jpg", "/ is directory"),
        ("local:///a.jpg/inner", "/a.jpg/inner can't be read"),
        ("local:///" + "x" * 300, "can't be read"),
        ("local:///a%20b%3F.jpg", "/a%20b%3F.jpg doesn't exist"),
        ("local:///a\0.jpg", "doesn't exist"),
    ],
)
async def test_what_is_no_file_below_the_root_is_404(loader: LocalLoader, url: str, text: str) -> None:
    with pytest.raises(SourceStatus) as raised:
        await fetched(loader, url)

    assert raised.value.status == 404
    assert text in str(raised.value)


@pytest.mark.timeout(5)
async def test_a_pipe_is_404_at_once(root: Path, loader: LocalLoader) -> None:
    os.mkfifo(root / "pipe.jpg")

    with pytest.raises(SourceStatus, match="can't be read"):
        await fetched(loader, "local:///pipe.jpg")


@pytest.mark.parametrize("spare", [0, 1])
async def test_a_file_of_the_limit_or_less_passes(loader: LocalLoader, spare: int) -> None:
    assert (await fetched(loader, "local:///a.jpg", max_bytes=len(JPEG) + spare)).data == JPEG


@pytest.mark.parametrize("limit", [len(JPEG) - 1, 1, -1])
async def test_a_larger_file_is_too_large(loader: LocalLoader, limit: int) -> None:
    with pytest.raises(SourceTooLarge):
        await fetched(loader, "local:///a.jpg", max_bytes=limit)


async def test_without_a_limit_the_memory_s_bound_holds(root: Path) -> None:
    loader = LocalLoader(Filesystem(root), SourceSettings(), max_bytes_in_memory=len(JPEG) - 1)

    with pytest.raises(SourceTooLarge):
        await fetched(loader, "local:///a.jpg")


async def test_a_file_that_the_client_has_is_not_read(loader: LocalLoader) -> None:
    etag = (await fetched(loader, "local:///a.jpg")).headers.etag

    for conditions in (Conditions(if_none_match=etag), Conditions(if_modified_since=LAST_MODIFIED)):
        answer = await loader.fetch("local:///a.jpg", conditions=conditions, max_bytes=1)
        assert isinstance(answer, NotModified)
        assert (answer.headers.etag, answer.headers.last_modified) == (etag, LAST_MODIFIED)


class Shrunken(Filesystem):
    """A disk on which files lose their second half once they are open."""

    def open(self, key: str) -> StoredFile:
        """Opens the file and cuts it."""
        file = super().open(key)
        path = Path(self._root) / key
        os.truncate(path, file.size // 2)
        return file


async def test_a_file_that_shrinks_while_it_is_read_is_incomplete(root: Path) -> None:
    with pytest.raises(SourceIncomplete):
        await fetched(LocalLoader(Shrunken(root), SourceSettings()), "local:///a.jpg")


async def test_a_raw_file_that_shrinks_breaks_off(root: Path) -> None:
    raw = await LocalLoader(Shrunken(root), SourceSettings()).stream("local:///a.jpg", RawRequest())

    assert raw.content_length == len(JPEG)
    with pytest.raises(SourceIncomplete):
        await body(raw)


class Stuck(Filesystem):
    """A disk that answers when it is told to."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.may_answer = threading.Event()
        self.opened: list[StoredFile] = []

    def open(self, key: str) -> StoredFile:
        """Waits, then opens."""
        self.may_answer.wait(5)
        self.opened.append(super().open(key))
        return self.opened[-1]


async def abandoned(root: Path, ask: Callable[[LocalLoader], asyncio.Future[object]]) -> StoredFile:
    """The file that a stuck disk opened after the request had timed out."""
    disk = Stuck(root)
    with ThreadPoolExecutor(1) as threads:
        loader = LocalLoader(disk, SourceSettings(), executor=threads, timeout_seconds=0.02)
        with pytest.raises(SourceTimeout):
            await ask(loader)
        disk.may_answer.set()
    await asyncio.sleep(0)  # the pool is done; its results reach the loop now
    await asyncio.sleep(0)
    return disk.opened[0]


@pytest.mark.parametrize(
    "ask",
    [
        lambda loader: loader.fetch("local:///a.jpg", conditions=ANY, max_bytes=0),
        lambda loader: loader.stream("local:///a.jpg", RawRequest()),
    ],
    ids=["fetch", "stream"],
)
async def test_a_stuck_disk_times_out_and_leaves_no_file_open(
    root: Path, ask: Callable[[LocalLoader], asyncio.Future[object]]
) -> None:
    file = await abandoned(root, ask)

    with pytest.raises(OSError, match="Bad file descriptor"):
        file.read_at(0, 1)


async def test_a_raw_file_comes_whole_with_its_headers(loader: LocalLoader) -> None:
    raw = await loader.stream("local:///a.jpg", RawRequest())

    assert (raw.status, raw.content_length) == (200, len(JPEG))
    assert list(raw.headers.items()) == [
        ("Content-Type", "image/jpeg"),
        ("Accept-Ranges", "bytes"),
        ("Last-Modified", LAST_MODIFIED),
        ("ETag", raw.caching.etag),
    ]
    assert await body(raw) == JPEG


async def test_raw_html_is_called_html_whatever_its_name_says(loader: LocalLoader) -> None:
    raw = await loader.stream("local:///html.jpg", RawRequest())

    assert raw.headers["Content-Type"] == "text/html; charset=utf-8"
    await raw.aclose()


async def test_an_empty_raw_file_is_an_empty_answer(loader: LocalLoader) -> None:
    raw = await loader.stream("local:///empty.jpg", RawRequest())

    assert (raw.status, raw.content_length, raw.headers["Content-Type"]) == (200, 0, "image/jpeg")
    assert await body(raw) == b""


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [("bytes=0-99", 0, 99), ("bytes=500000-", 500_000, len(JPEG) - 1), ("bytes=7-99999999", 7, len(JPEG) - 1)],
)
async def test_a_raw_part_says_which_part_it_is(loader: LocalLoader, header: str, first: int, last: int) -> None:
    raw = await loader.stream("local:///a.jpg", RawRequest(range=header, if_none_match="*"))

    assert (raw.status, raw.content_length) == (206, last - first + 1)
    assert dict(raw.headers) == {
        "Content-Type": "image/jpeg",
        "Content-Range": f"bytes {first}-{last}/{len(JPEG)}",
        "Accept-Ranges": "bytes",
    }
    assert await body(raw) == JPEG[first : last + 1]


@pytest.mark.parametrize("header", ["bytes=-5", "bytes=9999999-", "nonsense"])
async def test_a_part_that_cannot_be_had_is_416_without_a_body(loader: LocalLoader, header: str) -> None:
    raw = await loader.stream("local:///a.jpg", RawRequest(range=header))

    assert (raw.status, raw.content_length) == (416, 0)
    assert raw.headers["Content-Range"] == f"bytes */{len(JPEG)}"
    assert await body(raw) == b""


async def test_a_raw_file_that_the_client_has_is_304(loader: LocalLoader) -> None:
    raw = await loader.stream("local:///a.jpg", RawRequest(if_modified_since=LAST_MODIFIED))

    assert raw.status == 304
    assert dict(raw.headers) == {"Last-Modified": LAST_MODIFIED, "ETag": raw.caching.etag}
    assert await body(raw) == b""


@pytest.mark.parametrize(
    ("url", "text"),
    [("local:///nope.jpg", b"/nope.jpg doesn't exist"), ("local:///out.jpg", b"/out.jpg doesn't exist")],
)
async def test_a_raw_file_that_is_missing_says_so_in_a_404(loader: LocalLoader, url: str, text: bytes) -> None:
    raw = await loader.stream(url, RawRequest())

    assert (raw.status, raw.content_length, raw.headers) == (404, len(text), {"Content-Type": "text/plain"})
    assert await body(raw) == text


async def test_closing_a_raw_answer_half_way_closes_its_file(root: Path) -> None:
    before = open_descriptors()
    with ThreadPoolExecutor(1) as threads:
        raw = await LocalLoader(Filesystem(root), SourceSettings(), executor=threads).stream(
            "local:///a.jpg", RawRequest()
        )
        assert open_descriptors() == before + 1

        assert await anext(raw.chunks)
        await raw.aclose()
        await raw.aclose()

    assert open_descriptors() == before


async def test_letting_go_of_a_raw_answer_waits_for_nothing(root: Path) -> None:
    """A client that leaves with its last byte would cancel what waits, and a whole answer would count as none."""
    before = open_descriptors()
    may_go_on = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        loader = LocalLoader(Filesystem(root), SourceSettings(), executor=threads)
        raw = await loader.stream("local:///a.jpg", RawRequest())
        threads.submit(may_go_on.wait, 5)

        with pytest.raises(StopIteration):
            raw.aclose().send(None)
        may_go_on.set()

    assert open_descriptors() == before
