"""`local://` sources that are read without a thread: the same answers as with one."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from renderer.errors import SourceError, SourceIncomplete, SourceTooLarge
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.budget import ByteBudget
from renderer.sources.local import LocalLoader
from renderer.sources.source import NotModified, Source
from renderer.storage.cached_files import MAX_CACHED_BYTES, CachedFile, CachedFiles
from renderer.storage.filesystem import Filesystem, StoredFile
from renderer.storage.held_file import HeldFile, whole_of

P = ParamSpec("P")
T = TypeVar("T")

DATA = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 400
ANY = Conditions()


class Counting(Executor):
    """One that does everything at once and counts it."""

    def __init__(self) -> None:
        self.steps = 0

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Runs the function here and now."""
        self.steps += 1
        future: Future[T] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  whoever waits gets it
            future.set_exception(error)
        return future


def write(path: Path, data: bytes) -> None:
    """A file that was read a moment ago."""
    path.write_bytes(data)
    now = time.time_ns()
    os.utime(path, ns=(now + 1_000_000_000, now - 1_000_000_000))
    path.read_bytes()


TRIES = 50
"""The kernel may say at any time that it would have to wait; in so many tries it does not each time."""


def link(path: Path, target: str) -> None:
    """A link that was followed a moment ago. Without `..`: it makes the kernel say EAGAIN while anybody renames."""
    path.symlink_to(target)
    now = time.time_ns()
    os.utime(path, ns=(now + 1_000_000_000, now - 1_000_000_000), follow_symlinks=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with all kinds of files, links and other things."""
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    write(root / "a.jpg", DATA)
    write(root / "folder" / "icon.png", b"icon")
    write(root / "empty.jpg", b"")
    write(root / "large.jpg", bytes(MAX_CACHED_BYTES + 1))
    write(root / "large.png", b"\x89PNG\r\n\x1a\n" + bytes(MAX_CACHED_BYTES))
    write(root / "large.webp", b"RIFF\0\0\0\0WEBPVP8 " + bytes(MAX_CACHED_BYTES))
    write(root / "photograph", DATA * 20)
    write(root / "unreadable.jpg", b"unreadable")
    (root / "unreadable.jpg").chmod(0)
    write(tmp_path / "secret", b"secret")
    link(root / "in.jpg", "a.jpg")
    (root / "absolute.jpg").symlink_to(root / "a.jpg")
    (root / "detour.jpg").symlink_to("../root/a.jpg")
    (root / "out.jpg").symlink_to("../secret")
    (root / "dangling.jpg").symlink_to("nothing")
    (root / "circle.jpg").symlink_to("circle.jpg")
    os.mkfifo(root / "pipe.jpg")
    return root


@pytest.fixture
def threads() -> Counting:
    """Counts what is done in threads."""
    return Counting()


@pytest.fixture
def cached(root: Path) -> CachedFiles:
    """The files below the root, where this system can read them without a thread."""
    cached = CachedFiles(root)
    cached.learn()
    file = cached.open("a.jpg")
    if file is None:
        pytest.skip(
            "local files are read in threads only: by this system, or on the file system of its temporary files"
        )
    with file:
        return cached


async def fetched(loader: LocalLoader, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified:
    """The answer as a request gets it: at once if there is one, or from threads."""
    answer = loader.at_once(url, conditions=conditions, max_bytes=max_bytes)
    return answer if answer is not None else await loader.fetch(url, conditions=conditions, max_bytes=max_bytes)


async def outcome(loader: LocalLoader, url: str, *, conditions: Conditions = ANY, max_bytes: int = 0) -> object:
    """What comes back, or the error with its text."""
    try:
        answer = await fetched(loader, url, conditions=conditions, max_bytes=max_bytes)
    except SourceError as error:
        return type(error), error.status, str(error)
    if isinstance(answer, NotModified):
        return answer
    told = whole_of(answer.data), answer.url, answer.headers, answer.lease.held_bytes
    answer.release()
    return told


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("key", "steps"),
    [
        ("a.jpg", 0),
        ("folder/icon.png", 0),
        ("nowhere/../a.jpg", 0),
        ("../a.jpg?query", 0),
        ("in.jpg", 0),
        ("absolute.jpg", 2),
        ("detour.jpg", 2),
        ("large.jpg", 2),
        ("large.png", 0),
        ("large.webp", 2),
        ("photograph", 0),
        ("empty.jpg", 1),
        ("out.jpg", 1),
        ("dangling.jpg", 1),
        ("circle.jpg", 1),
        ("../secret", 1),
        ("pipe.jpg", 1),
        ("folder", 1),
        ("", 1),
        ("missing.jpg", 1),
        ("a.jpg/inner", 1),
        ("a\0.jpg", 1),
        ("x" * 300, 1),
        ("unreadable.jpg", None),
    ],
)
async def test_the_answers_are_those_of_a_thread(
    root: Path, cached: CachedFiles, threads: Counting, key: str, steps: int | None
) -> None:
    loader = LocalLoader(Filesystem(root), SourceSettings(), cached=cached, executor=threads)
    in_threads = LocalLoader(Filesystem(root), SourceSettings())
    url = f"local:///{key}"

    for _ in range(TRIES):
        threads.steps = 0
        assert await outcome(loader, url) == await outcome(in_threads, url)
        if steps in {None, threads.steps}:  # the superuser reads what is unreadable
            return
    raise AssertionError(f"{threads.steps} steps in threads")


async def test_a_file_that_the_client_has_is_not_read(root: Path, cached: CachedFiles, threads: Counting) -> None:
    loader = LocalLoader(Filesystem(root), SourceSettings(), cached=cached, executor=threads)
    source = await fetched(loader, "local:///a.jpg", conditions=ANY, max_bytes=0)
    assert isinstance(source, Source)

    async def in_steps(conditions: Conditions) -> int:
        """How many steps in threads a 304 takes."""
        threads.steps = 0
        answer = await outcome(loader, "local:///a.jpg", conditions=conditions, max_bytes=1)
        assert answer == NotModified(headers=source.headers)
        return threads.steps

    for conditions in (
        Conditions(if_none_match=source.headers.etag),
        Conditions(if_modified_since=source.headers.last_modified),
    ):
        assert 0 in [await in_steps(conditions) for _ in range(TRIES)]


@pytest.mark.parametrize(("limit", "passes"), [(len(DATA), True), (len(DATA) - 1, False), (-1, False)])
async def test_the_limit_holds(root: Path, cached: CachedFiles, threads: Counting, limit: int, *, passes: bool) -> None:
    async def in_steps() -> int:
        """How many steps in threads it takes."""
        budget, threads.steps = ByteBudget(0), 0
        loader = LocalLoader(Filesystem(root), SourceSettings(), cached=cached, executor=threads, budget=budget)
        if passes:
            assert isinstance(await fetched(loader, "local:///a.jpg", conditions=ANY, max_bytes=limit), Source)
        else:
            with pytest.raises(SourceTooLarge):
                await fetched(loader, "local:///a.jpg", conditions=ANY, max_bytes=limit)
        assert budget.held_bytes == (len(DATA) if passes else 0)
        return threads.steps

    assert 0 in [await in_steps() for _ in range(TRIES)]


async def test_without_room_the_file_waits_as_in_a_thread(root: Path, cached: CachedFiles, threads: Counting) -> None:
    budget = ByteBudget(len(DATA) * 3 // 2)
    loader = LocalLoader(Filesystem(root), SourceSettings(), cached=cached, executor=threads, budget=budget)
    first = await fetched(loader, "local:///a.jpg", conditions=ANY, max_bytes=0)
    assert isinstance(first, Source)
    second = asyncio.create_task(fetched(loader, "local:///a.jpg", conditions=ANY, max_bytes=0))
    while not budget.waiting:  # noqa: ASYNC110  there is no event of it
        await asyncio.sleep(0)

    first.lease.release()

    assert isinstance(await second, Source)
    assert budget.held_bytes == len(DATA)


async def test_cold_bytes_are_read_in_a_thread(root: Path, cached: CachedFiles, threads: Counting) -> None:
    budget = ByteBudget(0)
    loader = LocalLoader(Filesystem(root), SourceSettings(), cached=cached, executor=threads, budget=budget)
    with (root / "a.jpg").open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    sources = [await fetched(loader, "local:///a.jpg", conditions=ANY, max_bytes=0) for _ in range(2)]

    assert [isinstance(source, Source) and source.data for source in sources] == [DATA, DATA]
    # The first was opened in one step and read in the next.
    assert (threads.steps, budget.held_bytes) == (2, 2 * len(DATA))


async def test_a_large_file_is_open_until_it_is_released(root: Path, cached: CachedFiles) -> None:
    budget = ByteBudget(0)
    loader = LocalLoader(Filesystem(root), SourceSettings(), cached=cached, budget=budget)
    sources = [await fetched(loader, "local:///large.png", conditions=ANY, max_bytes=0) for _ in range(TRIES)]
    held = [source for source in sources if isinstance(source, Source) and isinstance(source.data, HeldFile)]

    assert held
    assert budget.held_bytes == TRIES * (MAX_CACHED_BYTES + 8)
    for source in sources:
        assert isinstance(source, Source)
        source.release()
    assert budget.held_bytes == 0
    for source in held:
        with pytest.raises(SourceIncomplete):
            whole_of(source.data)


def open_descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("limit", [1000, MAX_CACHED_BYTES + 7])
async def test_a_large_file_above_the_limit_is_closed(root: Path, cached: CachedFiles, limit: int) -> None:
    loader = LocalLoader(Filesystem(root), SourceSettings(), cached=cached)
    with pytest.raises(SourceTooLarge):
        await fetched(loader, "local:///large.png", conditions=ANY, max_bytes=limit)
    before = open_descriptors()

    for _ in range(TRIES):
        with pytest.raises(SourceTooLarge):
            await fetched(loader, "local:///large.png", conditions=ANY, max_bytes=limit)

    assert open_descriptors() == before


@pytest.mark.usefixtures("cached")
async def test_the_first_file_is_read_in_a_thread_that_learns_the_mount(root: Path, threads: Counting) -> None:
    async def in_steps() -> int:
        """How many steps in threads the first three fetches take."""
        threads.steps = 0
        loader = LocalLoader(Filesystem(root), SourceSettings(), cached=CachedFiles(root), executor=threads)
        for _ in range(3):
            assert isinstance(await fetched(loader, "local:///folder/icon.png", conditions=ANY, max_bytes=0), Source)
        return threads.steps

    assert min([await in_steps() for _ in range(TRIES)]) == 1


class ShrunkenCache(CachedFiles):
    """Files that lose their second half right after they were opened."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.root = root

    def open(self, key: str) -> CachedFile | None:
        """Opens, then truncates."""
        file = super().open(key)
        if file is not None:
            os.truncate(self.root / key, file.size // 2)
        return file


class Shrunken(Filesystem):
    """The same in a thread."""

    def open(self, key: str) -> StoredFile:
        """Opens, then truncates."""
        file = super().open(key)
        os.truncate(Path(self._root) / key, file.size // 2)
        return file


@pytest.mark.usefixtures("cached")
async def test_a_file_that_shrinks_is_read_anew_in_a_thread(root: Path, threads: Counting) -> None:
    cached = ShrunkenCache(root)
    cached.learn()
    loader = LocalLoader(Filesystem(root), SourceSettings(), cached=cached, executor=threads)

    source = await fetched(loader, "local:///a.jpg", conditions=ANY, max_bytes=0)

    assert isinstance(source, Source)
    assert (source.data, threads.steps) == (DATA[: len(DATA) // 2], 2)


@pytest.mark.usefixtures("cached")
async def test_a_file_that_goes_on_shrinking_is_incomplete(root: Path) -> None:
    cached = ShrunkenCache(root)
    cached.learn()

    with pytest.raises(SourceIncomplete):
        await fetched(
            LocalLoader(Shrunken(root), SourceSettings(), cached=cached), "local:///a.jpg", conditions=ANY, max_bytes=0
        )
