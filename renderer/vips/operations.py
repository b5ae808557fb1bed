"""Operations of libvips by their names, called with as little Python as that takes.

pyvips asks for the type of each argument anew, twice, and looks into every value for pictures. What an operation is
and takes is still its knowledge, and so are values of rare types.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any, Final

import pyvips
from pyvips.voperation import Introspect

from renderer.storage.held_file import Encoded

_vips, _gobject, _ffi = pyvips.vips_lib, pyvips.gobject_lib, pyvips.ffi
_MOST_VALUES: Final = 32
"""Of each argument that are kept."""

_GVALUE: Final = _ffi.typeof("GValue *")
_GOBJECT: Final = _ffi.typeof("GObject *")
_OBJECT: Final = _ffi.typeof("VipsObject *")
_IMAGE: Final = _ffi.typeof("VipsImage *")


def made(operation: str, *arguments: Any, **options: Any) -> pyvips.Image:  # noqa: ANN401  libvips takes any type
    """The picture that an operation answers with.

    Raises:
        pyvips.Error: there is none.
    """
    image: pyvips.Image = call(operation, *arguments, **options)
    return image


def saved(operation: str, image: pyvips.Image, **options: Any) -> bytes:  # noqa: ANN401  as above
    """The bytes that a saver answers with.

    Raises:
        pyvips.Error: there are none.
    """
    data: bytes = call(operation, image, **options)
    return data


@dataclass(frozen=True, slots=True)
class _Argument:
    """How libvips names an argument, its type, and what writes such a value; None is the slow way of pyvips.

    `plain` gives a GValue for a value that is a number of some kind; None where they are pictures, files, or rare.
    """

    name: bytes
    type: int
    write: Callable[[Any, Any], None] | None
    plain: Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class _Operation:
    """What an operation takes and answers with."""

    nickname: bytes
    required: tuple[_Argument, ...]
    optional: dict[str, _Argument]
    result: _Argument


def call(operation: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  libvips takes and gives any type
    """A picture or bytes, as `pyvips.Operation.call`; it takes no constants where pictures are wanted.

    A source is given as its bytes, or as the file that has them.
    """
    known = _known(operation)
    made_of = _vips.vips_operation_new(known.nickname)
    try:
        target = _ffi.cast(_GOBJECT, made_of)
        for argument, value in zip(known.required, arguments, strict=True):
            _set(target, argument, value)
        for name, value in options.items():
            _set(target, known.optional[name], value)
        built = _vips.vips_cache_operation_build(made_of)
        if not built:
            _vips.vips_object_unref_outputs(_ffi.cast(_OBJECT, made_of))
            raise pyvips.Error(f"unable to call {operation}")
    finally:
        _gobject.g_object_unref(made_of)
    try:
        result = _result(_ffi.cast(_GOBJECT, built), known.result)
        _vips.vips_object_unref_outputs(_ffi.cast(_OBJECT, built))
    finally:
        _gobject.g_object_unref(built)
    if isinstance(result, pyvips.Image):
        for value in arguments:
            _hold(result, value)
    return result


def _hold(result: pyvips.Image, value: object) -> None:
    """Keeps the memory that a picture reads from for as long as the picture; pyvips does so in the same place."""
    if isinstance(value, bytes):
        result._references.append(value)  # noqa: SLF001  pyvips has no other name for it
    elif isinstance(value, pyvips.Image):
        result._references.extend(value._references)  # noqa: SLF001  pyvips has no other name for it


def _set(target: Any, argument: _Argument, value: Any) -> None:  # noqa: ANN401  cffi's objects have no types
    if argument.write is None:
        slow = pyvips.GValue()
        slow.set_type(argument.type)
        slow.set(value)
        _gobject.g_object_set_property(target, argument.name, slow.pointer)
        return
    if argument.plain is not None:
        _gobject.g_object_set_property(target, argument.name, argument.plain(value))
        return
    written = _ffi.new(_GVALUE)
    _gobject.g_value_init(written, argument.type)
    try:
        argument.write(written, value)
        _gobject.g_object_set_property(target, argument.name, written)
    finally:
        _gobject.g_value_unset(written)


def _result(source: Any, argument: _Argument) -> Any:  # noqa: ANN401  as above
    if argument.type != pyvips.GValue.image_type:
        value = pyvips.GValue()
        value.set_type(argument.type)
        _gobject.g_object_get_property(source, argument.name, value.pointer)
        return value.get()
    written = _ffi.new(_GVALUE)
    _gobject.g_value_init(written, argument.type)
    _gobject.g_object_get_property(source, argument.name, written)
    pointer = _ffi.cast(_IMAGE, _gobject.g_value_get_object(written))
    # pyvips' picture lets go of one reference when it ends.
    _gobject.g_object_ref(pointer)
    _gobject.g_value_unset(written)
    return pyvips.Image(pointer)


@cache
def _known(operation: str) -> _Operation:
    described = Introspect.get(operation)
    arguments = {
        name: _argument(name.replace("_", "-").encode(), details["type"]) for name, details in described.details.items()
    }
    (result,) = described.required_output
    return _Operation(
        operation.encode(),
        tuple(arguments[name] for name in described.required_input),
        {name: arguments[name] for name in described.optional_input},
        arguments[result],
    )


def _argument(name: bytes, type: int) -> _Argument:
    write = _writer(type)
    plain = None
    if write is not None and type not in (pyvips.GValue.image_type, pyvips.GValue.source_type):
        # Few values come again and again. They are read and never written, so that all threads may have the same.
        plain = lru_cache(maxsize=_MOST_VALUES)(partial(_written, type, write))
    return _Argument(name, type, write, plain)


def _written(type: int, write: Callable[[Any, Any], None], value: Any) -> Any:  # noqa: ANN401  as above
    """A GValue that holds nothing which would have to be given back."""
    written = _ffi.new(_GVALUE)
    _gobject.g_value_init(written, type)
    write(written, value)
    return written


def _writer(type: int) -> Callable[[Any, Any], None] | None:
    """What writes a value of a type into a GValue."""
    plain = _WRITERS.get(type)
    if plain is not None:
        return plain
    fundamental = _gobject.g_type_fundamental(type)
    if fundamental == pyvips.GValue.genum_type:
        return lambda written, value: _gobject.g_value_set_enum(written, _enum(type, value))
    if fundamental == pyvips.GValue.gflags_type:
        return lambda written, value: _gobject.g_value_set_flags(written, _flags(type, value))
    return None


def _write_image(written: Any, image: pyvips.Image) -> None:  # noqa: ANN401  as above
    _gobject.g_value_set_object(written, image.pointer)


def _write_source(written: Any, data: Encoded) -> None:  # noqa: ANN401  as above
    """As a source libvips reads bytes where they are; pyvips copies what it hands over as a buffer."""
    if isinstance(data, bytes):
        source = pyvips.Source.new_from_memory(data)
    else:
        descriptor = data.reopened()
        try:
            source = pyvips.Source.new_from_descriptor(descriptor)
        finally:
            os.close(descriptor)  # libvips has a duplicate
    _gobject.g_value_set_object(written, source.pointer)


_enum = cache(pyvips.GValue.to_enum)
_flags = cache(pyvips.GValue.to_flag)
_WRITERS: Final[dict[int, Callable[[Any, Any], None]]] = {
    pyvips.GValue.gbool_type: _gobject.g_value_set_boolean,
    pyvips.GValue.gint_type: _gobject.g_value_set_int,
    pyvips.GValue.gdouble_type: _gobject.g_value_set_double,
    pyvips.GValue.image_type: _write_image,
    pyvips.GValue.source_type: _write_source,
}
