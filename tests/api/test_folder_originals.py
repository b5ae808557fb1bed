"""The store of originals in a folder, as the API and the server see it."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from api.problems import InvalidKey, PreconditionFailed
from api.stores.folder_originals import FolderOriginals
from api.stores.originals import Condition, Original
from renderer.errors import ConfigurationError
from renderer.storage.filesystem import Filesystem
from tests.api.stores import KEYS, facts_for

PROJECT = Path(__file__).parents[2]
DATA = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
OTHER = b"\x89PNG\r\n\x1a\n another"


@pytest.fixture(params=[True, False], ids=["attributes", "beside"])
def originals(tmp_path: Path, request: pytest.FixtureRequest) -> FolderOriginals:
    """Over an empty folder, with facts in attributes or beside."""
    return FolderOriginals(tmp_path / "root", uses_attributes=request.param)


def _write(originals: FolderOriginals, key: str, data: bytes = DATA, condition: Condition | None = None) -> Original:
    return originals.put(key, data, facts_for(data), condition or Condition())


def _lying(root: Path) -> list[str]:
    """All that is below the root but for the lock and empty folders of the store's own."""
    own = root / ".bildwerk"
    found = [path for path in root.rglob("*") if path.is_file() or own not in path.parents]
    return sorted(str(path.relative_to(root)) for path in found if path not in {own, own / "lock"})


@pytest.mark.parametrize("key", KEYS)
def test_every_character_of_a_key_comes_back(originals: FolderOriginals, tmp_path: Path, key: str) -> None:
    """Written, looked up, read by the server under the same key, deleted without a trace."""
    written = _write(originals, key)

    assert originals.head(key) == written
    assert (written.size, written.content_type, written.facts) == (len(DATA), "image/png", facts_for(DATA))
    assert written.etag == f'"{hashlib.sha256(DATA).hexdigest()}"'
    assert originals.source_url(key) == f"local:///{key}"
    with Filesystem(tmp_path / "root").open(key) as file:
        assert file.read_at(0, file.size) == DATA
    assert originals.delete(key, all_versions=True)
    assert originals.head(key) is None
    assert not originals.delete(key)
    assert _lying(tmp_path / "root") == []


@pytest.mark.parametrize("name", ["", " a ", "ä;b=c.jpg", '"\\%', "日本.jpg", "\t", "x" * 700])
def test_facts_come_back_as_they_were(originals: FolderOriginals, name: str) -> None:
    """Whatever their characters."""
    facts = facts_for(DATA, file_name=name)
    originals.put("a.png", DATA, facts)

    found = originals.head("a.png")

    assert found is not None
    assert found.facts == facts


@pytest.mark.parametrize(
    ("data", "name", "content_type"),
    [
        (b"GIF89a", "a.jpg", "image/gif"),
        (b"II*\0", "a.tiff", "image/tiff"),
        (b"II*\0", "a.cr2", "application/octet-stream"),
        (b"", "a.jpg", "application/octet-stream"),
    ],
)
def test_a_file_of_somebody_elses_has_no_facts(
    originals: FolderOriginals, tmp_path: Path, data: bytes, name: str, content_type: str
) -> None:
    """It is an original all the same; its content tells its type."""
    (tmp_path / "root" / name).write_bytes(data)

    found = originals.head(name)

    assert found is not None
    assert (found.size, found.content_type, found.facts) == (len(data), content_type, None)
    assert originals.delete(name)


def test_facts_are_those_of_the_content(originals: FolderOriginals, tmp_path: Path) -> None:
    """An editor that writes over the file in its place leaves the attribute there: it is another picture's."""
    before = _write(originals, "a.png")
    (tmp_path / "root" / "a.png").write_bytes(OTHER)

    found = originals.head("a.png")

    assert found is not None
    assert found.facts is None
    assert found.etag != before.etag


@pytest.mark.parametrize("attribute", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": "png"}', b"\xff" * 100])
def test_an_attribute_that_is_none_of_ours_is_no_fact(tmp_path: Path, attribute: bytes) -> None:
    """Anybody may write one."""
    originals = FolderOriginals(tmp_path)
    _write(originals, "a.png")
    os.setxattr(tmp_path / "a.png", "user.bildwerk.facts", attribute)

    found = originals.head("a.png")

    assert found is not None
    assert found.facts is None


def test_a_condition_holds_at_the_moment_of_the_write(originals: FolderOriginals, tmp_path: Path) -> None:
    """`If-None-Match: *`, `If-Match` with a tag, and with `*`; a refused write leaves nothing."""
    absent, any_one = Condition(is_absent=True), Condition(etag="*")
    for condition in (any_one, Condition(etag='"0123"')):
        with pytest.raises(PreconditionFailed):
            _write(originals, "new/a.png", DATA, condition)
    assert _lying(tmp_path / "root") == []

    first = _write(originals, "a.png", DATA, absent)
    with pytest.raises(PreconditionFailed):
        _write(originals, "a.png", OTHER, absent)
    second = _write(originals, "a.png", OTHER, Condition(etag=first.etag))
    with pytest.raises(PreconditionFailed):
        _write(originals, "a.png", DATA, Condition(etag=first.etag))
    assert originals.head("a.png") == second
    assert _write(originals, "a.png", DATA, any_one).etag == first.etag


CREATES = """
import sys
from pathlib import Path
from api.stores.folder_originals import FolderOriginals
from api.stores.originals import Condition
from api.problems import PreconditionFailed
from tests.api.stores import facts_for
originals, data = FolderOriginals(Path(sys.argv[1])), sys.argv[2].encode() * 100_000
won = 0
print("ready", flush=True)
sys.stdin.read()
for number in range(40):
    try:
        originals.put(f"{number}/a.png", data, facts_for(data), Condition(is_absent=True))
        won += 1
    except PreconditionFailed:
        pass
print(won)
"""


def _started(program: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def test_of_processes_that_create_one_wins(tmp_path: Path) -> None:
    """Three processes create the same forty keys; each key has one winner."""
    processes = [_started(CREATES, str(tmp_path), letter) for letter in "abc"]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    won = [int(process.communicate()[0]) for process in processes]

    assert sum(won) == 40
    assert [process.returncode for process in processes] == [0, 0, 0]


def test_readers_see_whole_files_with_their_own_facts(originals: FolderOriginals, tmp_path: Path) -> None:
    """While threads write, delete and read one key."""
    bodies = [bytes([number]) * (300_000 + number) for number in range(3)]
    stop = threading.Event()
    filesystem = Filesystem(tmp_path / "root")

    def write(data: bytes) -> None:
        for number in range(20):
            _write(originals, "a/b.png", data)
            if number % 5 == 4:
                originals.delete("a/b.png")

    def read() -> int:
        seen = 0
        while not stop.is_set():
            found = originals.head("a/b.png")
            if found is not None:
                assert found.facts is None or f'"{found.facts.sha256}"' == found.etag
                assert found.etag in etags
            try:
                with filesystem.open("a/b.png") as file:
                    assert file.read_at(0, file.size) in bodies
                    seen += 1
            except FileNotFoundError:
                continue
        return seen

    etags = {f'"{hashlib.sha256(data).hexdigest()}"' for data in bodies}
    with ThreadPoolExecutor(4) as threads:
        reading = threads.submit(read)
        try:
            list(threads.map(write, bodies))
        finally:
            stop.set()
        assert reading.result() > 0


@pytest.mark.parametrize(
    "key",
    [
        "picture/a.png",
        "picture/deeper/a.png",
        "folder",
        "x" * 256,
        "ü" * 128,
        ".bildwerk/lock",
        ".bildwerk",
        ".Bildwerk/staged",
        "link/a.png",
        "leaf",
        "nowhere",
        "../outside/a.png",
        "incoming/a.png",
    ],
)
def test_what_cannot_be_a_file_is_the_clients_fault(originals: FolderOriginals, tmp_path: Path, key: str) -> None:
    """A picture is no folder, names are short, and no link leads anywhere; nothing is left over."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.png").write_bytes(DATA)
    (root / "link").symlink_to(outside)
    (root / "leaf").symlink_to(outside / "kept.png")
    (root / "nowhere").symlink_to(outside / "new.png")
    _write(originals, "picture")
    _write(originals, "folder/a.png")
    before = _lying(root)

    with pytest.raises(InvalidKey):
        _write(originals, key)
    for look in (originals.head, originals.delete):
        try:
            assert not look(key)
        except InvalidKey:
            assert "picture" not in key
    assert _lying(root) == before
    assert [path.name for path in outside.iterdir()] == ["kept.png"]


def test_a_pipe_is_no_picture(originals: FolderOriginals, tmp_path: Path) -> None:
    """Looking at it does not wait for somebody to write into it."""
    os.mkfifo(tmp_path / "root" / "pipe")

    assert originals.head("pipe") is None
    assert not originals.delete("pipe")


def test_empty_folders_go_with_the_last_file(originals: FolderOriginals, tmp_path: Path) -> None:
    """Those above too, as far as they are empty."""
    _write(originals, "a/b/c.png")
    _write(originals, "a/d.png")

    originals.delete("a/b/c.png")
    assert [path.name for path in (tmp_path / "root" / "a").iterdir()] == ["d.png"]
    originals.delete("a/d.png")
    assert not (tmp_path / "root" / "a").exists()
    assert (tmp_path / "root").exists()


def test_the_server_may_be_another_user(originals: FolderOriginals, tmp_path: Path) -> None:
    """Files are as readable as any that this process makes."""
    old = os.umask(0o022)
    try:
        _write(originals, "a/b.png")
    finally:
        os.umask(old)

    root = tmp_path / "root"
    assert stat.S_IMODE((root / "a" / "b.png").stat().st_mode) == 0o644
    assert stat.S_IMODE((root / "a").stat().st_mode) == 0o755


def test_facts_beside_do_not_pile_up(tmp_path: Path) -> None:
    """Of a key that is written again and again one is left, and none after it is gone."""
    originals = FolderOriginals(tmp_path, uses_attributes=False)
    for number in range(5):
        _write(originals, "a.png", DATA + bytes([number]))
    assert len(list((tmp_path / ".bildwerk").rglob("*.json"))) == 1

    _write(FolderOriginals(tmp_path), "a.png")
    found = FolderOriginals(tmp_path).head("a.png")
    assert found is not None
    assert found.facts == facts_for(DATA)
    FolderOriginals(tmp_path).delete("a.png")
    assert not list((tmp_path / ".bildwerk").rglob("*.json"))


WRITES = """
import itertools, sys
from pathlib import Path
from api.stores.folder_originals import FolderOriginals
from tests.api.stores import facts_for
originals = FolderOriginals(Path(sys.argv[1]), uses_attributes=sys.argv[2] == "attributes")
for number in itertools.count():
    data = bytes([number % 256]) * 3_000_000
    originals.put("a/b.png", data, facts_for(data))
    print(number, flush=True)
"""


@pytest.mark.parametrize("kind", ["attributes", "beside"])
def test_a_writer_that_is_killed_leaves_a_whole_file(tmp_path: Path, kind: str) -> None:
    """With its facts; the next writer waits for nobody and cleans up."""
    originals = FolderOriginals(tmp_path, uses_attributes=kind == "attributes")
    for seen in range(3):
        process = _started(WRITES, str(tmp_path), kind)
        assert process.stdout is not None
        for _ in range(seen + 1):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        found = originals.head("a/b.png")
        assert found is not None
        assert found.facts is not None
        assert (found.size, found.etag) == (3_000_000, f'"{found.facts.sha256}"')
    written = _write(originals, "a/b.png")
    assert originals.head("a/b.png") == written
    assert not (tmp_path / ".bildwerk" / "staged").exists()


FILLS = """
import sys
from pathlib import Path
from api.stores.folder_originals import FolderOriginals
from api.problems import StoreUnavailable
from tests.api.stores import facts_for
originals = FolderOriginals(Path(sys.argv[1]), uses_attributes=sys.argv[2] == "attributes")
small, large = b"1" * 300_000, b"2" * 1_500_000
kept = originals.put("kept/a.png", small, facts_for(small))
for key in ("kept/a.png", "new/a.png"):
    try:
        originals.put(key, large, facts_for(large))
    except StoreUnavailable as problem:
        print(problem.detail)
print(originals.head("kept/a.png") == kept)
print(sorted(str(path.relative_to(sys.argv[1])) for path in Path(sys.argv[1]).rglob("*") if path.suffix != ".json"))
"""


@pytest.mark.parametrize("kind", ["attributes", "beside"])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, kind: str) -> None:
    """On a file system of one megabyte: the write is refused, and of it nothing is left."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no `unshare` to make a small file system with")
    mount = f"mount -t tmpfs -o size=1m none {tmp_path}"
    enter = [unshare, "--map-root-user", "--mount", "sh", "-c"]
    tried = subprocess.run([*enter, mount], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no small file system can be mounted here: {tried.stderr.strip()}")
    script = f'{mount} && "$1" -c "$2" {tmp_path} {kind}'
    done = subprocess.run(
        [*enter, script, "sh", sys.executable, FILLS],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )

    *refusals, is_kept, lying = done.stdout.splitlines()
    assert refusals == ["There is no room in the store of originals."] * 2
    assert is_kept == "True"
    assert [name for name in eval(lying) if not name.startswith(".bildwerk/facts")] == [  # noqa: S307  our own print
        ".bildwerk",
        ".bildwerk/lock",
        "kept",
        "kept/a.png",
    ]


def test_a_folder_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    """It says so when the program starts."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ConfigurationError):
        FolderOriginals(tmp_path / "file" / "root")


def test_the_time_of_a_file_is_that_of_its_change(originals: FolderOriginals) -> None:
    """And a look tells the same as the write."""
    written = _write(originals, "a.png")
    found = originals.head("a.png")

    assert found is not None
    assert replace(found, modified_at=written.modified_at) == written
    assert abs(found.modified_at - written.modified_at) < 0.001
