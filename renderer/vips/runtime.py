"""libvips itself: start-up, what this build can do, and stopping work that runs too long.

The only module-level state of the renderer is libvips' own, and it is set here: one thread a picture (the worker pool
is the parallelism), no operation cache (inputs never repeat), and no loader beyond the listed ones.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import importlib.metadata
import importlib.util
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import pyvips

from renderer.errors import BrokenImage, ConfigurationError, RequestTimeout, ResultImpossible
from renderer.formats import ImageFormat
from renderer.vips import arenas, strips
from renderer.vips.held_calls import function

if TYPE_CHECKING:
    from renderer.codecs.webp import Stoppable

EXPECTED_VERSION: Final = (8, 18)
"""Results are compared with answers recorded on this libvips; another one makes other bytes."""

_LOADERS: Final = {
    "VipsForeignLoadJpeg": {ImageFormat.JPEG},
    "VipsForeignLoadPng": {ImageFormat.PNG},
    "VipsForeignLoadWebp": {ImageFormat.WEBP},
    "VipsForeignLoadNsgif": {ImageFormat.GIF},
    "VipsForeignLoadSvg": {ImageFormat.SVG},
    "VipsForeignLoadHeif": {ImageFormat.HEIC, ImageFormat.AVIF},
    "VipsForeignLoadJxl": {ImageFormat.JXL},
    "VipsForeignLoadTiff": {ImageFormat.TIFF},
}
_SAVERS: Final = {
    ImageFormat.JPEG: "jpegsave_buffer",
    ImageFormat.PNG: "pngsave_buffer",
    ImageFormat.WEBP: "webpsave_buffer",
    ImageFormat.GIF: "gifsave_buffer",
    ImageFormat.AVIF: "heifsave_buffer",
    ImageFormat.JXL: "jxlsave_buffer",
    ImageFormat.TIFF: "tiffsave_buffer",
}
EXTRAS: Final = {ImageFormat.HEIC: "pi_heif", ImageFormat.JXL: "imagecodecs"}
"""Modules that read what libvips may lack; they come with the extras `heif` and `jxl`."""
_PILLOW: Final = "PIL"
"""The module whose codecs for AVIF and WebP are faster than libvips'; whether it has them shows when it is asked."""

_HEVC_PICTURE: Final = """
AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA
AAAERAAAEAAQAAAAABoAABAAAAAAAAADIAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAA
AADcaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkA
AAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAA
AChjbGFwAAAAEAAAAAEAAAAQAAAAAf///9AAAAAC////0AAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAAOm
1kYXQAAAAuKAGvEyFiY0D1JyL//0Nqf+o8J/2F2WFncrrBW/L6wPZkm8DzqpGegIdppzAVeA==
"""
"""A red HEIC picture of 16 by 16 pixels, to try a decoder with."""

_G_LOG_LEVEL_ERROR: Final = 1 << 2
_HEARD: Final = 0b1_1111
"""GLib's levels error, critical and warning, and its flags for messages that are fatal or come inside another."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What this build of libvips, with our own codecs and the installed extras, can read and write.

    `foreign_loads` and `foreign_saves` are the formats that extras read and write because libvips cannot.
    `decodes_hevc` is whether anything here decodes the pictures that nearly all HEIC files hold. `has_fast_avif` and
    `has_fast_webp` are whether Pillow is to be asked before libvips is.
    """

    loadable: frozenset[ImageFormat]
    savable: frozenset[ImageFormat]
    foreign_loads: frozenset[ImageFormat] = frozenset()
    foreign_saves: frozenset[ImageFormat] = frozenset()
    decodes_hevc: bool = False
    has_fast_avif: bool = False
    has_fast_webp: bool = False


_starting: Final = threading.Lock()
"""Setting up blocks every loader for a moment: a second thread that did it too would fail what the first one loads."""


def start() -> Capabilities:
    """Sets libvips up, once a process, whichever thread comes first.

    Raises:
        ConfigurationError: libvips is another version than the one that results are compared with.
    """
    with _starting:
        return _started()


@cache
def _started() -> Capabilities:
    version = (pyvips.version(0), pyvips.version(1))
    if version != EXPECTED_VERSION:
        raise ConfigurationError(
            [f"libvips {version[0]}.{version[1]} is loaded, {EXPECTED_VERSION[0]}.{EXPECTED_VERSION[1]} is expected"]
        )
    arenas.hold()
    _hear_warnings_only()
    _survive_nested_warnings()
    pyvips.concurrency_set(1)  # type: ignore[attr-defined]  # missing from the stub
    strips.set_rows(strips.OURS)
    pyvips.cache_set_max(0)
    pyvips.cache_set_max_mem(0)
    pyvips.cache_set_max_files(0)
    pyvips.operation_block_set("VipsForeignLoad", state=True)
    for loader in _LOADERS:
        pyvips.operation_block_set(loader, state=False)
    return _capabilities()


def _hear_warnings_only() -> None:
    """Keeps what libvips says below a warning from becoming Python text that no level of the log shows.

    A resize says eight such things, each a call from its thread into Python.
    """
    domain, glib = b"VIPS", pyvips.glib_lib
    glib.g_log_remove_handler(domain, pyvips._log_handler_id)  # noqa: SLF001  pyvips has no other name for it
    told = pyvips._log_handler_cb  # type: ignore[attr-defined]  # noqa: SLF001  as above; missing from the stub
    handler = glib.g_log_set_handler(domain, _HEARD, told, pyvips.ffi.NULL)
    pyvips._log_handler_id = handler  # noqa: SLF001  as above: pyvips removes it at exit


def _survive_nested_warnings() -> None:
    """Keeps GLib from ending the process when libvips warns of something while a warning is being told.

    GLib takes that for an endless recursion. It is none: the log is written in Python, whose garbage collector may just
    then free a picture that libvips has a complaint about. The second warning goes to standard error.
    """
    function("g_log_set_always_fatal", ctypes.c_int)(_G_LOG_LEVEL_ERROR)
    function("g_log_set_fatal_mask", ctypes.c_char_p, ctypes.c_int)(b"VIPS", _G_LOG_LEVEL_ERROR)


def _capabilities() -> Capabilities:
    own = {ImageFormat.BMP, ImageFormat.ICO}
    loadable = set(own)
    for loader, formats in _LOADERS.items():
        if pyvips.type_find("VipsForeignLoad", loader.removeprefix("VipsForeignLoad").lower() + "load"):
            loadable |= formats
    if pyvips.type_find("VipsForeignLoad", "gifload"):
        loadable.add(ImageFormat.GIF)
    savable = own | {format for format, saver in _SAVERS.items() if pyvips.type_find("VipsForeignSave", saver)}
    if ImageFormat.AVIF in savable and _saves_heic():
        savable.add(ImageFormat.HEIC)
    decodes_hevc = ImageFormat.HEIC in loadable and _decodes_hevc()
    foreign = frozenset(format for format, module in EXTRAS.items() if importlib.util.find_spec(module))
    # HEVC is the reason to have HEIC here though libvips reads the files: they may hold AV1 instead.
    foreign_loads = foreign - (loadable if decodes_hevc else loadable - {ImageFormat.HEIC})
    foreign_saves = (foreign & {ImageFormat.JXL}) - savable
    return Capabilities(
        loadable=frozenset(loadable | foreign_loads),
        savable=frozenset(savable | foreign_saves),
        foreign_loads=foreign_loads,
        foreign_saves=foreign_saves,
        decodes_hevc=decodes_hevc or ImageFormat.HEIC in foreign_loads,
        has_fast_avif=ImageFormat.AVIF in loadable and importlib.util.find_spec(_PILLOW) is not None,
        has_fast_webp=ImageFormat.WEBP in loadable and importlib.util.find_spec(_PILLOW) is not None,
    )


def _decodes_hevc() -> bool:
    # libvips reads the headers of such files with any build of libheif; the decoder shows only when it has to decode.
    try:
        with _unheard(), vips_errors():
            pyvips.Image.heifload_buffer(base64.b64decode(_HEVC_PICTURE)).copy_memory()
    except BrokenImage:
        return False
    finally:
        forget_complaints()
    return True


def _saves_heic() -> bool:
    # The operation is there for AVIF's sake; whether it has an HEVC encoder shows only when it is asked for one.
    with _unheard():
        try:
            pyvips.Image.black(16, 16, bands=3).heifsave_buffer(compression="hevc")
        except pyvips.Error:
            return False
    return True


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Keeps libvips' warnings out of the log while it is asked for what it may not have: they are the answer."""
    logger = logging.getLogger("pyvips")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def forget_complaints() -> None:
    """Empties libvips' error log: what is in it would precede the next error; its HEIF loader reads ahead and tells."""
    pyvips.vips_lib.vips_error_clear()


def version_text() -> str:
    """Libvips' version."""
    return ".".join(str(pyvips.version(part)) for part in range(3))


def versions() -> tuple[str, ...]:
    """Everything that makes pixels or bytes, with its version."""
    modules = importlib.metadata.packages_distributions()
    extras = {name for module in (*EXTRAS.values(), _PILLOW) for name in modules.get(module, ())}
    return (f"libvips {version_text()}", *(f"{name} {importlib.metadata.version(name)}" for name in sorted(extras)))


def check_health() -> None:
    """Makes and copies a tiny picture; raises BrokenImage when libvips is out of order."""
    with vips_errors():
        pyvips.Image.black(4, 4).copy_memory()


class Deadline:
    """Until when a render may take, and the picture that libvips is computing for it.

    `kill` may be called from another thread: libvips looks at the flag between tiles and stops.
    """

    def __init__(self, at: float | None = None) -> None:
        self._at = at
        self._is_killed = False
        self.evaluated: Stoppable | None = None
        """What pixels are computed of now."""

    def check(self) -> None:
        """Raises RequestTimeout when time is up."""
        if self._is_killed or (self._at is not None and time.monotonic() > self._at):
            raise RequestTimeout("the render passed its deadline")

    def kill(self) -> None:
        """Stops the computation that runs, and the next one before it starts."""
        self._is_killed = True
        image = self.evaluated
        if image is not None:
            image.set_kill(True)

    def evaluating(self, image: Stoppable, /) -> AbstractContextManager[None, bool | None]:
        """Surrounds a call that computes pixels of `image`."""
        return _Evaluation(self, image)

    def in_memory(self, image: pyvips.Image) -> pyvips.Image:
        """The picture, computed."""
        with self.evaluating(image):
            return image.copy_memory()


class _Evaluation:
    """A call that computes pixels; a generator would cost five times the Python."""

    __slots__ = ("_deadline", "_image")

    def __init__(self, deadline: Deadline, image: Stoppable) -> None:
        self._deadline = deadline
        self._image = image

    def __enter__(self) -> None:
        deadline = self._deadline
        deadline.evaluated = self._image
        try:
            # Looked at after the picture is known: a kill that comes before libvips begins finds one of the two.
            deadline.check()
        except RequestTimeout:
            deadline.evaluated = None
            raise

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._deadline.evaluated = None
        if error is None or isinstance(error, pyvips.Error):
            self._deadline.check()
        if isinstance(error, pyvips.Error):
            raise vips_failure(error) from error


_READING_AHEAD: Final = "source: bad seek"
"""What libvips' HEIF loader says of every file, broken or not."""
_IMPOSSIBLE: Final = ("extract_area:", "embed:", "resize:", "shrinkh:", "shrinkv:", "reduceh:", "reducev:", "bandjoin:")


def vips_failure(error: pyvips.Error) -> BrokenImage | ResultImpossible:
    """Libvips' error as ours: sizes that cannot be are the URL's fault, everything else the picture's."""
    # pyvips puts its own sentence first and libvips' log behind it.
    lines = [line.strip() for line in str(error.detail).splitlines()]
    detail = " | ".join(line for line in lines if line and not line.startswith(_READING_AHEAD))[:500]
    if detail.startswith(_IMPOSSIBLE):
        return ResultImpossible(detail)
    return BrokenImage(detail or "the file ends before its picture")


class _VipsErrors:
    """Has no state, so that all threads may use one at the same time."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Nothing is to be done before an error."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, pyvips.Error):
            raise vips_failure(error) from error
        if isinstance(error, UnicodeDecodeError):
            # The message quotes bytes of the file; pyvips fails on it before it has cleared it.
            pyvips.vips_lib.vips_error_clear()
            raise BrokenImage("the message of libvips is no text") from error


_VIPS_ERRORS: Final = _VipsErrors()


def vips_errors() -> AbstractContextManager[None, bool | None]:
    """Turns libvips' errors into ours."""
    return _VIPS_ERRORS
