"""Pictures that are read from an open file: the results are those of their bytes in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from renderer.errors import BildwerkError, SourceIncomplete
from renderer.storage.held_file import HeldFile
from tests.images.conftest import Drawing, Picture

Render = Callable[..., Picture]

HEAD_BYTES = 4096


@contextmanager
def held(path: Path, data: bytes) -> Iterator[HeldFile]:
    """A new file with these bytes, open."""
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    status = os.fstat(descriptor)
    file = HeldFile(descriptor, data[:HEAD_BYTES], size=status.st_size, modified_ns=status.st_mtime_ns)
    try:
        yield file
    finally:
        file.close()


@pytest.fixture(scope="module")
def files(draw: Drawing) -> dict[str, bytes]:
    """One picture in every way that a decoder reads piece by piece."""
    scene = draw.scene(500, 400)
    return {
        "baseline": scene.jpegsave_buffer(Q=90),
        "progressive": scene.jpegsave_buffer(Q=90, interlace=True),
        "grey": scene.colourspace("b-w").jpegsave_buffer(),
        "png": scene.pngsave_buffer(),
        "interlaced png": scene.pngsave_buffer(interlace=True),
        "png with alpha": scene.bandjoin(scene[0]).pngsave_buffer(),
        "16-bit png": scene.colourspace("rgb16").pngsave_buffer(),
        "palette png": scene.pngsave_buffer(palette=True),
    }


NAMES = [
    "baseline",
    "progressive",
    "grey",
    "png",
    "interlaced png",
    "png with alpha",
    "16-bit png",
    "palette png",
]


@pytest.mark.parametrize("options", ["rs:fit:40:40", "rs:fit:200:200", "rs:fill:90:90/rot:90", "t:10", "skp:jpg:png"])
@pytest.mark.parametrize("name", NAMES)
def test_results_are_the_same(
    rendered: Render, files: dict[str, bytes], tmp_path: Path, name: str, options: str
) -> None:
    with held(tmp_path / "file", files[name]) as file:
        assert rendered(options, file).data == rendered(options, files[name]).data


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("name", NAMES)
def test_broken_files_are_told_alike(
    rendered: Render, files: dict[str, bytes], tmp_path: Path, name: str, share: float
) -> None:
    data = files[name][: round(len(files[name]) * share)]

    def outcome(source: bytes | HeldFile, **settings: str) -> object:
        try:
            return rendered("rs:fit:100:100", source, **settings).data
        except BildwerkError as error:
            return type(error), str(error)

    with held(tmp_path / "file", data) as file:
        assert outcome(file) == outcome(data)
        strict = {"BILDWERK_STRICT_SOURCES": "1"}
        assert outcome(file, **strict) == outcome(data, **strict)


@pytest.mark.parametrize("name", ["baseline", "png"])
def test_several_renders_read_one_file(rendered: Render, files: dict[str, bytes], tmp_path: Path, name: str) -> None:
    sides = [40, 90, 130, 200] * 3
    expected = [rendered(f"rs:fit:{side}:{side}", files[name]).data for side in sides]

    with held(tmp_path / "file", files[name]) as file, ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda side: rendered(f"rs:fit:{side}:{side}", file).data, sides)) == expected


@pytest.mark.parametrize("written", ["other bytes", "fewer bytes"])
@pytest.mark.parametrize("name", ["baseline", "progressive", "png"])
def test_a_file_that_was_written_to_is_neither_shown_nor_called_broken(
    rendered: Render, files: dict[str, bytes], tmp_path: Path, name: str, written: str
) -> None:
    with held(tmp_path / "file", files[name]) as file:
        data = bytearray(files[name])
        data[-1000:-500] = bytes(500)
        (tmp_path / "file").write_bytes(data if written == "other bytes" else data[:HEAD_BYTES])
        os.utime(tmp_path / "file", ns=(0, 1_750_000_000_000_000_000))

        with pytest.raises(SourceIncomplete):
            rendered("rs:fit:100:100", file)


def test_no_descriptor_is_left_behind(rendered: Render, files: dict[str, bytes], tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    for name in NAMES:
        with held(tmp_path / "file", files[name]) as file:
            rendered("rs:fit:100:100", file)
        with held(tmp_path / "file", files[name][:3000]) as file, suppress(BildwerkError):
            rendered("rs:fit:100:100", file)

    assert descriptors() == before
