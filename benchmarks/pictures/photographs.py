"""Where the corpus' photographs come from, and which pictures pass for one.

Wallpaper packages hold flat drawings beside photographs, and a flat drawing costs a decoder and an encoder half as
much. What is told apart is how much there is to see: bits of information in the luma of a small version, and bits a
pixel that JPEG needs for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyvips

from benchmarks.load.debian import Say, unpack
from scripts.samples.folder import draw_samples

PACKAGES: Final = ("mate-backgrounds", "plasma-workspace-wallpapers", "ukui-wallpapers")
"""Debian's wallpaper packages with photographs, 160 MB together; others hold renderings only."""

LEAST_SIDE: Final = 2_040
LEAST_ENTROPY: Final = 6.2
"""Bits of the histogram of luma: drawings have 1 to 6, photographs 6.2 (a dark forest) to 7.8."""
LEAST_BITS: Final = 0.65
"""Bits a pixel as JPEG of quality 80, 768 pixels long: gradients have 0.2 to 0.6, photographs 0.67 to 3.4."""
ENOUGH: Final = 12

_TESTED_SIDE: Final = 768
_SEEN_SIDE: Final = 12
_SAME_DIFFERENCE: Final = 6.0
"""Mean difference of two tiny versions in grey levels, up to which they show the same."""
CAMERA: Final = frozenset({".jpg", ".jpeg"})
"""What files of photographs are called as a rule."""
_OTHER: Final = frozenset({".png", ".webp", ".avif", ".heic", ".tif", ".tiff"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Photograph:
    """A file that shows enough; `detail` is in bits a pixel, `seen` a tiny version of it in grey."""

    path: Path
    width: int
    height: int
    is_progressive: bool
    detail: float
    seen: tuple[int, ...]

    @property
    def megapixels(self) -> float:
        """Its area."""
        return self.width * self.height / 1e6

    def shows_the_same_as(self, other: Photograph) -> bool:
        """Whether it is the same picture at another size."""
        difference = sum(abs(one - two) for one, two in zip(self.seen, other.seen, strict=True))
        return difference / len(self.seen) < _SAME_DIFFERENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Photographs, each picture once, the most detailed first, and sentences about where they are from."""

    photographs: tuple[Photograph, ...]
    made_from: tuple[str, ...]


def find_photographs(place: Path, given: Path | None, say: Say) -> Found:
    """Photographs of the given folder, else of Debian's packages, else what the project draws itself.

    Args:
        place: an empty folder for what has to be fetched or drawn.
        given: a folder of photographs.
        say: is told what happens.

    Raises:
        ValueError: there is no photograph in the given folder.
    """
    if given is not None:
        found = _photographs_of(given, f"the photographs in {given}")
        if not found.photographs:
            raise ValueError(f"no photograph of {LEAST_SIDE:,} pixels or more in {given}")
        return found
    packages = unpack(PACKAGES, place, say)
    if packages:
        found = _photographs_of(place, "Debian's " + ", ".join(packages))
        if found.photographs:
            return found
    return _drawn(place, say)


def _drawn(place: Path, say: Say) -> Found:
    """The project's own sample pictures."""
    say("drawing the project's own samples, for want of photographs: figures say little about real ones")
    folder = place / "samples"
    draw_samples(folder)
    drawn = [_looked_at(path)[0] for path in sorted(folder.iterdir()) if path.suffix in CAMERA | {".avif"}]
    return Found(
        photographs=_each_once(drawn),
        made_from=("NO REAL PHOTOGRAPHS: the project's own drawn samples, enlarged where they are small",),
    )


def _photographs_of(folder: Path, origin: str) -> Found:
    """The photographs under a folder: JPEG, because cameras write it, and other formats where those are too few."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    chosen: tuple[Photograph, ...] = ()
    looked_at = 0
    for suffixes in (CAMERA, _OTHER):
        if len(chosen) < ENOUGH:
            tried = list(_tried(path for path in paths if path.suffix.lower() in suffixes))
            looked_at += len(tried)
            chosen = _each_once([*chosen, *(photo for photo, entropy in tried if _shows_enough(photo, entropy))])
    counted = f"{len(chosen)} of {looked_at} large pictures pass for photographs"
    return Found(photographs=chosen, made_from=(origin, counted))


def _tried(paths: Iterable[Path]) -> Iterator[tuple[Photograph, float]]:
    for path in paths:
        try:
            image = pyvips.Image.new_from_file(str(path), access="sequential")
            if max(image.width, image.height) >= LEAST_SIDE:
                yield _looked_at(path)
        except pyvips.Error:
            continue  # no picture, or none that this libvips reads: a folder may hold anything


def _looked_at(path: Path) -> tuple[Photograph, float]:
    """A picture, and the bits of information in its luma."""
    header = pyvips.Image.new_from_file(str(path), access="sequential")
    small = pyvips.Image.thumbnail(str(path), _TESTED_SIDE, height=_TESTED_SIDE)
    small = (small.flatten() if small.hasalpha() else small).colourspace("srgb").copy_memory()
    grey = small.colourspace("b-w")
    seen = grey.thumbnail_image(_SEEN_SIDE, height=_SEEN_SIDE, size="force")
    photograph = Photograph(
        path=path,
        width=header.width,
        height=header.height,
        is_progressive=bool(header.get_typeof("interlaced")) and path.suffix.lower() in CAMERA,
        detail=8 * len(small.jpegsave_buffer(Q=80)) / (small.width * small.height),
        seen=tuple(bytes(seen.write_to_memory())),
    )
    return photograph, grey.hist_find().hist_entropy()


def _shows_enough(photograph: Photograph, entropy: float) -> bool:
    return entropy >= LEAST_ENTROPY and photograph.detail >= LEAST_BITS


def _each_once(photographs: Iterable[Photograph]) -> tuple[Photograph, ...]:
    """Every picture once, at its largest size, the most detailed first."""
    kept: list[Photograph] = []
    for photograph in sorted(photographs, key=lambda one: (-one.megapixels, str(one.path))):
        if not any(photograph.shows_the_same_as(other) for other in kept):
            kept.append(photograph)
    return tuple(sorted(kept, key=lambda one: (-one.detail, str(one.path))))
