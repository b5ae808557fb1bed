"""`python -m benchmarks.processes.altered [OPTIONS] serve`: our server with another use of malloc.

    --arenas N   so many arenas instead of two; 0 leaves glibc's default, eight for each core
    --map BYTES  what is as large as this is mapped by itself and given back when it is freed; glibc raises its own
                 threshold up to 32 MB as programs free large pieces (mallopt(3))
    --trim       malloc_trim after each render, which gives free pages back to the system at once

The server sets both itself, so no variable of the environment can.
"""

from __future__ import annotations

import argparse
import ctypes
import runpy
import sys
from typing import Any, Final

from renderer.vips import arenas
from renderer.vips.picture import Renderer

_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def main() -> None:
    """Alters what server processes will be forked from, and becomes the server."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processes.altered")
    parser.add_argument("--arenas", type=int)
    parser.add_argument("--map", type=int)
    parser.add_argument("--trim", action="store_true")
    given, rest = parser.parse_known_args()
    library = ctypes.CDLL(None)
    if given.arenas is not None:

        def hold_arenas() -> None:
            if given.arenas:
                library.mallopt(_M_ARENA_MAX, given.arenas)

        setattr(arenas, "hold", hold_arenas)  # noqa: B010  an assignment is a type error
    if given.map is not None:
        library.mallopt(_M_MMAP_THRESHOLD, given.map)
    if given.trim:
        render = Renderer.render

        def rendered_and_trimmed(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401  whatever a renderer takes
            try:
                return render(*arguments, **more)
            finally:
                library.malloc_trim(0)

        setattr(Renderer, "render", rendered_and_trimmed)  # noqa: B010  an assignment is a type error
    sys.argv[1:] = rest
    runpy.run_module("bildwerk.main", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
