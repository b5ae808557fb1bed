"""Results in a folder that several processes share: killed ones, a limit, a full disk, a new start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from renderer.cache.entry import decoded
from renderer.cache.results import ResultRules, Results
from renderer.cache.tags import original_tag
from renderer.storage.filesystem_objects import FilesystemObjects
from renderer.storage.housekeeping import LEFT_OVER_SECONDS, Housekeeping
from renderer.storage.ledger import Ledger, disk_bytes
from renderer.storage.object_folder import ObjectFolder
from renderer.storage.object_store import StoreBusy, StoreFull
from renderer.storage.threads import BoundedThreads
from tests.stores import write_results

PROGRAM = Path(write_results.__file__)
PROJECT = PROGRAM.parent.parent.parent
UNLIMITED = 1 << 40
LATER = 60.0
SLACK_BYTES = 2 * disk_bytes(31_000)
"""A count may miss what a process writes while it begins: two results, of 31 KB at the most."""


@contextlib.contextmanager
def writing(root: Path, max_bytes: int, first: int, count: int) -> Iterator[subprocess.Popen[str]]:
    """A process that writes; it is killed when the block ends."""
    command = [sys.executable, str(PROGRAM), str(root), str(max_bytes), str(first), str(count)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lying(root: Path) -> list[Path]:
    """Every file of results, finished or not."""
    return [Path(folder, name) for folder, _, names in os.walk(root / "results") for name in names]


def room(files: list[Path]) -> int:
    """What they take."""
    return sum(disk_bytes(file.stat().st_size) for file in files)


def test_a_killed_writer_leaves_whole_results_and_nothing_else_that_counts(tmp_path: Path) -> None:
    """It is killed twelve times at different moments; whatever is there reads whole, and the count is put right."""
    for round_number in range(12):
        with writing(tmp_path, UNLIMITED, round_number * 1000, 100_000) as process:
            assert process.stdout is not None
            for _ in range(1 + 7 * round_number):
                process.stdout.readline()
            process.kill()
            process.wait()
        for file in lying(tmp_path):
            if not file.name.startswith("."):
                decoded(file.read_bytes(), file.name)

    ledger = Ledger(tmp_path / ".usage", UNLIMITED)
    usage = ledger.usage()
    assert usage is not None
    finished = [file for file in lying(tmp_path) if not file.name.startswith(".")]
    assert usage.used >= room(finished) - SLACK_BYTES

    for file in set(lying(tmp_path)) - set(finished):
        os.utime(file, (time.time() - 2 * LEFT_OVER_SECONDS,) * 2)
    Housekeeping(ObjectFolder(tmp_path, ledger), ledger, write_results.rules(UNLIMITED)).sweep()
    counted = ledger.usage()
    assert counted is not None
    assert counted.used == room(lying(tmp_path)) == room(finished)


def test_two_processes_keep_one_limit(tmp_path: Path) -> None:
    """What lies there is counted all the time while both write many times as much; both go on to the end."""
    limit = 2_000_000
    ledger = Ledger(tmp_path / ".usage", limit)
    ledger.count(0, 0)
    peaks = []
    with writing(tmp_path, limit, 0, 800) as one, writing(tmp_path, limit, 5000, 800) as other:
        told: list[list[str]] = [[], []]
        readers = [
            threading.Thread(target=lambda into, process: into.extend(process.stdout), args=pair)
            for pair in zip(told, (one, other), strict=True)
        ]
        for reader in readers:
            reader.start()
        while any(reader.is_alive() for reader in readers):
            readers[0].join(0.01)
            # While it is held nothing is moved to its place and nothing is deleted.
            with ledger.held():
                peaks.append(room(lying(tmp_path)))
        for reader in readers:
            reader.join()
        assert (one.wait(LATER), other.wait(LATER)) == (0, 0)

    assert max(peaks) <= limit + 2 * SLACK_BYTES
    assert max(peaks) > limit * 0.8
    assert len(peaks) > 10
    written = [[line for line in lines if line != "full\n"] for lines in told]
    assert min(len(lines) for lines in written) > 100


async def test_a_new_folder_is_not_swept(tmp_path: Path) -> None:
    """A count beside the first write might miss it, and nothing else is there to be counted."""
    store = FilesystemObjects(tmp_path, write_results.rules(1_000_000))
    began = (tmp_path / ".sweep").stat().st_mtime_ns
    await store.put(write_results.name(1), bytes(3000))
    looking = store._looking
    assert looking is not None
    await asyncio.wrap_future(looking)
    await store.close()

    assert (tmp_path / ".sweep").stat().st_mtime_ns == began
    usage = Ledger(tmp_path / ".usage", 1_000_000).usage()
    assert usage is not None
    assert usage.used == usage.reserved == room(lying(tmp_path))


async def test_results_survive_a_restart(tmp_path: Path) -> None:
    """Another process, later, finds them; the count goes on where it was."""
    made = write_results.entry(5)
    tag = original_tag("local:///a.jpg")
    for is_first in (True, False):
        store = FilesystemObjects(tmp_path, write_results.rules(1_000_000))
        results = Results(ResultRules(timeout_seconds=30), store)
        if is_first:
            results.keep(write_results.key(5), made)
        else:
            assert await results.find(write_results.key(5), tag) == made
        await results.close(30)
    usage = Ledger(tmp_path / ".usage", 1_000_000).usage()
    assert usage is not None
    assert usage.used == room(lying(tmp_path))


def test_a_full_disk_is_a_result_that_is_not_kept(tmp_path: Path) -> None:
    """On a file system of one megabyte: what is there is served, what does not fit is dropped and leaves no trace."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no `unshare` to make a small file system with")
    mount = f"mount -t tmpfs -o size=1m none {tmp_path}"
    enter = [unshare, "--map-root-user", "--mount", "sh", "-c"]
    tried = subprocess.run([*enter, mount], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no small file system can be mounted here: {tried.stderr.strip()}")
    program = [sys.executable, str(PROGRAM), str(tmp_path), str(UNLIMITED), "0", "150"]
    script = f"{mount} && {' '.join(program)} && find {tmp_path} -name '.*.tmp' && {' '.join(program[:-2])} 3 1"
    done = subprocess.run(
        [*enter, script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )

    lines = done.stdout.splitlines()
    assert lines.count("full") > 50
    assert len(lines) == 151
    assert not [line for line in lines if line.endswith(".tmp")]
    assert "Traceback" not in done.stderr


async def test_a_file_system_that_hangs_refuses_what_is_too_much() -> None:
    """A call keeps its thread; the rest is refused instead of waiting without an end."""
    threads = BoundedThreads(1, 3, "read results")
    gate = threading.Event()
    calls = [threads.start(gate.wait)]
    waiting = [asyncio.ensure_future(threads.run(lambda: 1)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(StoreBusy, match="3 calls wait for read results already"):
        await threads.run(lambda: 1)
    gate.set()

    assert [await task for task in waiting] == [1, 1, 1]
    assert await threads.run(lambda: 2) == 2
    assert calls[0].result()
    threads.close()
    with pytest.raises(StoreBusy, match="is closed"):
        await threads.run(lambda: 1)


async def test_a_sweep_that_fails_leaves_one_line_and_the_server_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A lock that cannot be taken, because a folder is in its place."""
    store = FilesystemObjects(tmp_path, write_results.rules(10_000))
    (tmp_path / ".sweep").unlink()
    (tmp_path / ".sweep").mkdir()
    os.utime(tmp_path / ".sweep", (0, 0))
    for number in range(1, 20):
        with contextlib.suppress(StoreFull):
            await store.put(write_results.name(number), bytes(3000))
    looking = store._looking
    assert looking is not None
    await asyncio.wrap_future(looking)
    with contextlib.suppress(StoreFull):
        await store.put(write_results.name(1), bytes(3000))
    await store.close()

    assert [record.getMessage() for record in caplog.records] == ["Keeping results in order failed"]
