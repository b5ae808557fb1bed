"""C libraries that come inside other packages' wheels, called by their public interfaces."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any, TypeAlias

Functions: TypeAlias = Mapping[str, tuple[Any, tuple[Any, ...]]]
"""Result and arguments of functions by name."""


def bundled(module_file: str, functions: Functions) -> ctypes.CDLL:
    """The library that an extension module is linked with, ready to be called.

    Raises:
        AttributeError: it lacks one of the functions.
    """
    library = ctypes.CDLL(module_file)
    for name, (result, arguments) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
