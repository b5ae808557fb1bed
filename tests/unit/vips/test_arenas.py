"""Memory that is free and still the process's: given back before a picture that is held whole."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bildwerk.allocator import TUNABLES, VARIABLE

_PROGRAM = """
import sys, time
from pathlib import Path
import pyvips
from renderer.app import make_grammar
from renderer.originals import source_image
from renderer.request.parse import parse_request
from renderer.settings.load import load_settings
from renderer.sources.source import Source, SourceHeaders
from renderer.vips import runtime
from renderer.vips.picture import Renderer
from renderer.vips.runtime import Deadline

def held():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))

width, height, interlaced, format = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "interlaced", sys.argv[4]
settings = load_settings({})
renderer = Renderer(settings, runtime.start())
picture = pyvips.Image.black(width, height, bands=3).copy(interpretation="srgb")
data = picture.write_to_buffer(f".{format}", interlace=interlaced)
del picture
source = source_image(Source(data=data, url="local:///picture", headers=SourceHeaders()))
request = parse_request("rs:fit:100:100/plain/local:///picture@jpg", make_grammar(settings))
renderer.render(source, request, Deadline())

# Sixty megabytes in pieces that are too small to be mapped each for itself, with something in use between them.
pieces = [bytearray(60_000) for _ in range(2000)]
del pieces[::2]
before = held()
renderer.render(source, request, Deadline())
print(before - held())
"""

MB = 1_000_000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library gives nothing back on demand")
@pytest.mark.parametrize(
    ("picture", "gives_back"),
    [
        ((4000, 3000, "interlaced", "jpg"), True),
        ((4000, 3000, "interlaced", "png"), True),
        ((4000, 3000, "plain", "jpg"), False),
        ((4000, 3000, "plain", "png"), False),
        ((3000, 3000, "interlaced", "jpg"), False),
    ],
)
def test_free_memory_is_given_back_before_a_picture_that_is_held_whole(
    picture: tuple[int, int, str, str], *, gives_back: bool
) -> None:
    program = [sys.executable, "-c", _PROGRAM, *map(str, picture)]
    folder = Path(__file__).parents[3]

    environment = {**os.environ, VARIABLE: TUNABLES}
    said = subprocess.run(program, cwd=folder, env=environment, check=True, capture_output=True, text=True)

    assert int(said.stdout) > 30 * MB if gives_back else int(said.stdout) < 10 * MB
