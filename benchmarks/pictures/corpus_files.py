"""Photographs -> the files of the corpus, the same from the same photographs each time."""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pyvips

from benchmarks.load.debian import Say
from benchmarks.pictures.corpus_shape import Group, Picture, Sizes
from benchmarks.pictures.drawings import drawing
from benchmarks.pictures.photographs import CAMERA, Found, Photograph
from renderer.vips.metadata import bare

LARGE_MEGAPIXELS: Final = (4.0, 25.0)
HIT_BYTES: Final = 30_000
QUALITY: Final = 85
"""Below 90 libvips halves the resolution of chroma, as cameras and websites do."""
ICON_SIDE: Final = 32
FRAME_MILLISECONDS: Final = 80

_ALL_FILTERS: Final = 0xF8
_HIT_SIDES: Final = range(240, 801, 20)
_STEP: Final = (6, 3)
"""By how much the window of an animation wanders each frame."""
_WORKERS: Final = 2

Files = Iterator[tuple[str, Callable[[Path], None]]]
"""A name in its group's folder, and what writes the file."""


def write_groups(
    folder: Path, found: Found, sizes: Sizes, say: Say
) -> tuple[Mapping[str, tuple[Picture, ...]], tuple[str, ...]]:
    """Writes every group into a folder that is not there yet: the pictures, and sentences about what they are.

    Raises:
        pyvips.Error: this libvips cannot write a format of the corpus.
    """
    photographs = found.photographs
    baseline, progressive = (_large(photographs, sizes, is_progressive=wanted) for wanted in (False, True))
    groups = {
        **_photographs(_sources(photographs, sizes), sizes),
        Group.LARGE: baseline.files(photographs),
        Group.PROGRESSIVE: progressive.files(photographs),
        Group.DETAILED: iter([("1.jpg", lambda path: _write_jpeg(photographs[:1], sizes.detailed, sizes.tile, path))]),
        Group.SVG: ((f"{number}.svg", _drawn(number)) for number in range(sizes.special_count)),
    }
    pictures: dict[str, tuple[Picture, ...]] = {}
    with ThreadPoolExecutor(_WORKERS) as threads:
        for group, files in groups.items():
            say(f"writing {group}")
            (folder / group).mkdir(parents=True)
            paths = threads.map(lambda file, group=group: _written(folder / group, *file), list(files))
            pictures[group] = tuple(_picture(path, folder) for path in paths)
    filled = sizes.count - min(sizes.count, len(photographs))
    notes = (
        f"{sizes.count} of {sizes.side:,} px" + (f", {filled} of them montages" if filled else ""),
        f"large baseline JPEG: {baseline.text}",
        f"large progressive JPEG: {progressive.text}",
    )
    return pictures, notes


def _photographs(sources: Sequence[pyvips.Image], sizes: Sizes) -> dict[Group, Files]:
    """The groups that are made from photographs of one size."""
    frames = [_wandering(image, sizes) for image in sources[: sizes.special_count // 2]]
    faded = [_faded(image, sizes.alpha_side) for image in sources[: sizes.special_count]]
    return {
        Group.JPEG: _encoded(sources, "jpg", lambda image, path: image.jpegsave(path, Q=QUALITY, optimize_coding=True)),
        Group.PNG: _encoded(sources, "png", lambda image, path: image.pngsave(path, filter=_ALL_FILTERS)),
        Group.WEBP: _encoded(sources, "webp", lambda image, path: image.webpsave(path, Q=85, effort=2)),
        Group.AVIF: _encoded(
            sources, "avif", lambda image, path: image.heifsave(path, compression="av1", Q=65, effort=1)
        ),
        Group.ALPHA: _encoded(faded, "png", lambda image, path: image.pngsave(path)),
        Group.GIF: _encoded(frames, "gif", lambda image, path: image.gifsave(path, effort=4)),
        Group.ANIMATED_WEBP: _encoded(frames, "webp", lambda image, path: image.webpsave(path, Q=80, effort=2)),
        Group.ICON: _encoded(_icons(sources, sizes.count), "png", lambda image, path: image.pngsave(path)),
        Group.HIT: iter([("1.jpg", lambda path: _write_hit(sources[len(sources) // 2], path))]),
    }


def _written(folder: Path, name: str, write: Callable[[Path], None]) -> Path:
    path = folder / name
    write(path)
    return path


def _picture(path: Path, folder: Path) -> Picture:
    image = pyvips.Image.new_from_file(str(path))
    format = "jpeg" if path.suffix == ".jpg" else path.suffix[1:]
    return Picture(
        path=str(path.relative_to(folder)),
        format=format,
        width=image.width,
        height=image.height,
        size_bytes=path.stat().st_size,
        is_progressive=format == "jpeg" and bool(image.get_typeof("interlaced")),
    )


@dataclass(frozen=True, slots=True)
class _Large:
    """Large JPEG of one kind: files copied as they are, pictures written anew, and sizes of montages."""

    copied: tuple[Photograph, ...]
    rewritten: tuple[Photograph, ...]
    montages: tuple[tuple[int, int], ...]
    tile: tuple[int, int]
    is_progressive: bool

    @property
    def text(self) -> str:
        """What they are, in words."""
        return f"{len(self.copied)} as found, {len(self.rewritten)} re-encoded, {len(self.montages)} montages"

    def files(self, photographs: Sequence[Photograph]) -> Files:
        """Every file."""
        names = (f"{number}.jpg" for number in itertools.count(1))
        for photograph in self.copied:
            yield next(names), partial(_copy, photograph.path)
        made = [([one], (one.width, one.height)) for one in self.rewritten]
        made += [([*photographs[place:], *photographs[:place]], size) for place, size in enumerate(self.montages)]
        for of, size in made:
            yield next(names), partial(self._write, of, size)

    def _write(self, photographs: Sequence[Photograph], size: tuple[int, int], path: Path) -> None:
        _write_jpeg(photographs, size, self.tile, path, is_progressive=self.is_progressive)


def _copy(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)


def _large(photographs: Sequence[Photograph], sizes: Sizes, *, is_progressive: bool) -> _Large:
    """Large JPEG of one kind, real ones preferred, filled up with montages; the first of these has 24 megapixels.

    A photograph that is written anew as progressive may be among the baseline ones too, as it was found.
    """
    low, high = LARGE_MEGAPIXELS
    real = [one for one in photographs if low <= one.megapixels <= high and one.path.suffix.lower() in CAMERA]
    copied = _spread([one for one in real if one.is_progressive == is_progressive], sizes.real_count)
    others = [one for one in real if not one.is_progressive] if is_progressive else []
    rewritten = _spread(others, sizes.real_count - len(copied))
    missing = sizes.large_count - len(copied) - len(rewritten)
    montages = tuple(itertools.islice(itertools.cycle(sizes.montages), missing))
    return _Large(tuple(copied), tuple(rewritten), montages, sizes.tile, is_progressive)


def _spread(photographs: Sequence[Photograph], count: int) -> list[Photograph]:
    """So many, evenly spread over their sizes."""
    ordered = sorted(photographs, key=lambda one: (one.megapixels, str(one.path)))
    if len(ordered) <= count:
        return ordered
    return [ordered[round(place * (len(ordered) - 1) / max(1, count - 1))] for place in range(count)]


def _sources(photographs: Sequence[Photograph], sizes: Sizes) -> list[pyvips.Image]:
    """Pictures of one length in memory, without metadata: photographs, filled up with montages of them."""
    sources = [_fitted(photograph, sizes.side) for photograph in photographs[: sizes.count]]
    for place in range(sizes.count - len(sources)):
        of = [*photographs[place:], *photographs[:place]]
        # Other parts of the same photographs each time.
        tile = (sizes.side // 3 + 20 * place, sizes.side // 3)
        sources.append(_montage(of, (sizes.side, 2 * sizes.side // 3), tile).copy_memory())
    return sources


def _fitted(photograph: Photograph, side: int) -> pyvips.Image:
    image = pyvips.Image.thumbnail(str(photograph.path), side, height=side, size="both", output_profile="srgb")
    return bare((image.flatten() if image.hasalpha() else image).colourspace("srgb")).copy_memory()


def _encoded(images: Iterable[pyvips.Image], suffix: str, save: Callable[[pyvips.Image, str], None]) -> Files:
    for number, image in enumerate(images, 1):
        yield f"{number:02}.{suffix}", partial(_save, image, save)


def _save(image: pyvips.Image, save: Callable[[pyvips.Image, str], None], path: Path) -> None:
    save(image, str(path))


def _montage(photographs: Sequence[Photograph], size: tuple[int, int], tile: tuple[int, int]) -> pyvips.Image:
    """Parts of photographs at their own resolution, side by side; of a single one that is large enough, its middle."""
    first = photographs[0]
    if len(photographs) == 1 and first.width >= size[0] and first.height >= size[1]:
        tile = size
    across, down = (math.ceil(whole / part) for whole, part in zip(size, tile, strict=True))
    width, height = math.ceil(size[0] / across), math.ceil(size[1] / down)
    chosen = itertools.islice(itertools.cycle(photographs), across * down)
    parts = [_middle(photograph, width, height) for photograph in chosen]
    return pyvips.Image.arrayjoin(parts, across=across).crop(0, 0, *size)


def _middle(photograph: Photograph, width: int, height: int) -> pyvips.Image:
    """The middle of a photograph, enlarged only if it is smaller."""
    image = pyvips.Image.new_from_file(str(photograph.path))
    factor = max(width / image.width, height / image.height, 1.0)
    image = image.resize(factor) if factor > 1 else image
    image = (image.flatten() if image.hasalpha() else image).colourspace("srgb")
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return bare(image.crop(max(0, left), max(0, top), width, height)).copy_memory()


def _write_jpeg(
    photographs: Sequence[Photograph],
    size: tuple[int, int],
    tile: tuple[int, int],
    path: Path,
    *,
    is_progressive: bool = False,
) -> None:
    _montage(photographs, size, tile).jpegsave(str(path), Q=QUALITY, interlace=is_progressive)


def _faded(image: pyvips.Image, side: int) -> pyvips.Image:
    """A photograph that is opaque in the middle, gone at the corners, and soft between."""
    small = image.thumbnail_image(side, height=side)
    place = pyvips.Image.xyz(small.width, small.height)
    x, y = (place[0] / (small.width / 2) - 1), (place[1] / (small.height / 2) - 1)
    alpha = ((1.3 - (x * x + y * y)) * 255).cast("uchar")
    return small.bandjoin(alpha).copy(interpretation="srgb")


def _wandering(image: pyvips.Image, sizes: Sizes) -> pyvips.Image:
    """An animation: a window that wanders over a photograph, a step each frame."""
    (width, height), (across, down) = sizes.frame, _STEP
    wide, high = width + across * sizes.frames, height + down * sizes.frames
    small = image.thumbnail_image(wide, height=high, size="both", crop="centre")
    frames = [small.crop(across * place, down * place, width, height) for place in range(sizes.frames)]
    strip = pyvips.Image.arrayjoin(frames, across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", height)
    strip.set_type(pyvips.GValue.array_int_type, "delay", [FRAME_MILLISECONDS] * sizes.frames)
    strip.set_type(pyvips.GValue.gint_type, "loop", 0)
    return strip


def _drawn(number: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(drawing(number), encoding="utf-8")

    return write


def _icons(sources: Sequence[pyvips.Image], count: int) -> Iterator[pyvips.Image]:
    """Drawings with alpha and tiny photographs in turn."""
    for number in range(count):
        if number % 2:
            yield sources[number % len(sources)].thumbnail_image(ICON_SIDE, height=ICON_SIDE, crop="centre")
        else:
            image = pyvips.Image.svgload_buffer(drawing(number).encode(), scale=0.25)
            yield image.thumbnail_image(ICON_SIDE, height=ICON_SIDE)


def _write_hit(image: pyvips.Image, path: Path) -> None:
    """A photograph twice as large as the result that has the bytes that are wanted, as JPEG of quality 80."""

    def off(side: int) -> int:
        return abs(
            len(image.thumbnail_image(side, height=side).jpegsave_buffer(Q=80, optimize_coding=True)) - HIT_BYTES
        )

    side = 2 * min(_HIT_SIDES, key=off)
    image.thumbnail_image(side, height=side).jpegsave(str(path), Q=QUALITY)
