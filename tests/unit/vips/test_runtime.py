"""Libvips as the server sets it up."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import pyvips

from renderer.errors import BrokenImage, ResultImpossible
from renderer.formats import ImageFormat
from renderer.vips import runtime
from renderer.vips.runtime import Capabilities

ROOT = Path(__file__).parents[3]


def test_the_wheel_reads_and_writes_what_it_is_documented_to(capabilities: Capabilities) -> None:
    own = {ImageFormat.BMP, ImageFormat.ICO}
    both = own | {
        ImageFormat.JPEG,
        ImageFormat.PNG,
        ImageFormat.WEBP,
        ImageFormat.GIF,
        ImageFormat.AVIF,
        ImageFormat.TIFF,
    }

    assert both | {ImageFormat.SVG} <= capabilities.loadable
    assert both <= capabilities.savable
    assert ImageFormat.SVG not in capabilities.savable


def test_libvips_neither_caches_nor_spreads_over_threads(capabilities: Capabilities) -> None:
    """Inputs never repeat, and the worker pool is the parallelism."""
    assert capabilities is runtime.start()
    assert pyvips.cache_get_max() == 0
    assert pyvips.cache_get_max_mem() == 0
    assert pyvips.concurrency_get() == 1


@pytest.mark.parametrize(
    "data",
    [
        b"P5 1 1 255 \0",
        b"1 2\n3 4\n",
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\0\0\0\0",
        b"%PDF-1.4\n",
    ],
    ids=["ppm", "csv", "radiance", "pdf"],
)
@pytest.mark.usefixtures("capabilities")
def test_loaders_that_are_not_listed_are_blocked(data: bytes) -> None:
    with pytest.raises(pyvips.Error):
        pyvips.Image.new_from_buffer(data, "")


_NESTED = """
import ctypes, logging, sys
from renderer.vips import runtime

runtime.start()
glib = ctypes.CDLL(sys.argv[1])

class Nested(logging.Handler):
    told = 0
    def emit(self, record):
        self.told += 1
        glib.g_log(b"VIPS", 1 << 4, b"inner")

handler = Nested()
logging.getLogger("pyvips").addHandler(handler)
glib.g_log(b"VIPS", 1 << 4, b"outer")
assert handler.told == 1
"""


def test_a_warning_while_another_is_told_does_not_end_the_process() -> None:
    """GLib aborts by default; the log handler may free a picture at any moment, and libvips may complain of that."""
    binding = importlib.util.find_spec("_libvips")
    assert binding is not None
    assert binding.origin is not None

    ended = subprocess.run(
        [sys.executable, "-c", _NESTED, binding.origin], capture_output=True, text=True, timeout=60, check=False
    )

    assert (ended.returncode, "inner" in ended.stderr) == (0, True), ended.stderr


@pytest.mark.usefixtures("capabilities")
def test_the_health_check_passes() -> None:
    runtime.check_health()


@pytest.mark.usefixtures("capabilities")
@pytest.mark.parametrize(
    ("fail", "expected"),
    [
        (lambda: pyvips.Image.black(4, 4).extract_area(3, 3, 4, 4), ResultImpossible),
        (lambda: pyvips.Image.black(4, 4).embed(0, 0, 2**31 - 1, 2**31 - 1), ResultImpossible),
        (lambda: pyvips.Image.pngload_buffer(b"no picture"), BrokenImage),
        (lambda: pyvips.Image.black(4, 4).icc_transform("no such profile"), BrokenImage),
    ],
    ids=["area", "canvas", "png", "profile"],
)
def test_sizes_that_cannot_be_are_the_urls_fault_and_everything_else_is_the_pictures(
    fail: object, expected: type[Exception]
) -> None:
    assert callable(fail)

    with pytest.raises(expected), runtime.vips_errors():
        fail()


@pytest.mark.usefixtures("capabilities")
def test_a_message_of_libvips_may_be_no_text() -> None:
    """It quotes what a file says; the message of the next error is its own again."""
    image = pyvips.Image.black(4, 4)

    with pytest.raises(BrokenImage), runtime.vips_errors():
        pyvips.Image.profile_load(b"\xff\xfe")
    with pytest.raises(ResultImpossible, match="^extract_area"), runtime.vips_errors():
        image.extract_area(3, 3, 4, 4)


def test_libvips_is_set_up_once_whichever_thread_comes_first() -> None:
    """In a new process: while it is set up no loader works, so nobody may do it a second time."""
    program = """
import threading
from renderer.vips import runtime

together, found = threading.Barrier(8), []

def first():
    together.wait()
    found.append(runtime.start())

threads = [threading.Thread(target=first) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len({id(one) for one in found}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.split() == ["1"]
    assert not done.stderr
