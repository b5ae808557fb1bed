"""Operations of libvips by their names, each called as one function of C.

pyvips makes the operation, sets each argument, builds it and asks for each answer in calls of their own, sixty of them
for a picture, and lets go of the interpreter's lock for each. What an operation is and takes is still its knowledge,
and so are values of rare types.
"""

from __future__ import annotations

import ctypes
import operator
import os
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_size_t, c_uint64, c_void_p
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

import pyvips
from pyvips.voperation import Introspect

from renderer.storage.held_file import Encoded, HeldFile
from renderer.vips.held_calls import Picture, address, address_of, function

_MOST_VALUES: Final = 32
"""Words of one type that are kept as numbers."""

_MOST_SHAPES: Final = 256
"""Operations with different options that are kept."""

_HAVE_FUNCTIONS: Final = frozenset(
    {
        "cast",
        "colourspace",
        "copy",
        "extract_area",
        "flatten",
        "jpegload_source",
        "pngload_source",
        "premultiply",
        "resize",
        "unpremultiply",
        "webpload_source",
    }
)
"""Operations of everyday renders whose functions take what `vips_call` takes. That makes an operation twice: 5 µs."""

_vips_call: Final = function("vips_call", c_char_p, is_held=False)
_from_memory: Final = function("vips_source_new_from_memory", c_char_p, c_size_t, gives=c_void_p)
_from_descriptor: Final = function("vips_source_new_from_descriptor", c_int, gives=c_void_p, is_held=False)
_content: Final = function("g_value_peek_pointer", c_void_p, gives=c_void_p)
_blob: Final = function("vips_blob_get", c_void_p, POINTER(c_size_t), gives=c_void_p)
_unref_blob: Final = function("vips_area_unref", c_void_p, gives=None)
_unref: Final = function("g_object_unref", c_void_p, gives=None)


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
class _Shape:
    """How an operation is called with some options.

    Attributes:
        function: of C, which answers 0 if all is well.
        required: how many arguments it has to have.
        names: those of the options as libvips spells them, after the end of the list.
        converters: what makes of each value, the options' last, what is given to C.
        in_order: of where the answer goes, `names` and the values, what C is given one after the other.
        answer: what the answer is made of, with the arguments.
    """

    function: Callable[..., int]
    required: int
    names: tuple[bytes | None, ...]
    converters: tuple[Callable[[Any], Any], ...]
    in_order: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    answer: Callable[[c_void_p, tuple[Any, ...]], pyvips.Image | bytes]


def call(operation: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  libvips takes any type
    """A picture or bytes, as `pyvips.Operation.call`; it takes no constants where pictures are wanted.

    A source is given as its bytes, or as the file that has them. Whole numbers have 32 bits, which nobody checks.

    Raises:
        pyvips.Error: libvips cannot do it.
        TypeError: a value of a wrong type, too many or few of them, or an option that there is not.
        AttributeError: something else where a picture is wanted.
    """
    shape = _shape(operation, *options)
    if len(arguments) != shape.required:
        raise TypeError(f"{operation} takes {shape.required} arguments, not {len(arguments)}")
    answer = c_void_p()
    # Each of these keeps what C is given of it, and stays an argument for as long as C runs.
    values = map(operator.call, shape.converters, (*arguments, *options.values()))
    if shape.function(*shape.in_order((byref(answer), *shape.names, *values))) or not answer:
        raise pyvips.Error(f"unable to call {operation}")
    return shape.answer(answer, arguments)


def _picture(answer: c_void_p, arguments: tuple[Any, ...]) -> pyvips.Image:
    """The picture, which keeps the memory that it reads from for as long as itself, as pyvips' own do."""
    kept: list[Any] = []
    for value in arguments:
        if isinstance(value, pyvips.Image):
            kept += value._references  # noqa: SLF001  pyvips has no other name for it
        elif isinstance(value, bytes):
            kept.append(value)
    return Picture(answer, kept)


def _bytes(answer: c_void_p, _arguments: tuple[Any, ...]) -> bytes:
    length = c_size_t()
    try:
        return ctypes.string_at(_blob(answer, length), length.value)
    finally:
        _unref_blob(answer)


_ANSWERS: Final[dict[int, Callable[[c_void_p, tuple[Any, ...]], pyvips.Image | bytes]]] = {
    pyvips.GValue.image_type: _picture,
    pyvips.GValue.blob_type: _bytes,
}


@lru_cache(maxsize=_MOST_SHAPES)
def _shape(operation: str, *options: str) -> _Shape:
    described = Introspect.get(operation)
    unknown = set(options).difference(described.optional_input)
    if unknown:
        raise TypeError(f"{operation} takes no {', '.join(sorted(unknown))}")
    result = _result(operation, described)
    required = described.required_input
    return _Shape(
        function=_function(operation, described, result),
        required=len(required),
        names=(None, *(name.replace("_", "-").encode() for name in options)),
        converters=tuple(_converter(described.details[name]["type"]) for name in (*required, *options)),
        in_order=_in_order(described, result, len(options)),
        answer=_ANSWERS[described.details[result]["type"]],
    )


def _result(operation: str, described: Introspect) -> str:
    """The name of what the operation answers with.

    Raises:
        TypeError: that is not one picture and not bytes, or libvips cannot be asked in one call.
    """
    results = described.required_output
    if len(results) != 1 or described.details[results[0]]["type"] not in _ANSWERS:
        raise TypeError(f"{operation} does not answer with a picture or bytes")
    used = (described.required_input, described.optional_input, results, described.optional_output)
    # Old names of required arguments are in none of these, and C wants them twice or not at all.
    if len(set().union(*used)) != len(described.details) or results[0] in described.required_input:
        raise TypeError(f"{operation} is for pyvips to call")
    return str(results[0])


def _function(operation: str, described: Introspect, result: str) -> Callable[..., int]:
    if operation not in _HAVE_FUNCTIONS:
        return partial(_vips_call, operation.encode())
    named = (c_void_p if name == result else _type(described, name) for name in _required(described, result))
    own: Callable[..., int] = function(f"vips_{operation}", *named, is_held=False)
    return own


def _required(described: Introspect, result: str) -> list[str]:
    """What is required, in libvips' order, with the answer's place among it."""
    return [name for name in described.details if name == result or name in described.required_input]


def _type(described: Introspect, name: str) -> Any:  # noqa: ANN401  ctypes' types have no common one
    return _PASSED.get(pyvips.gobject_lib.g_type_fundamental(described.details[name]["type"]), c_void_p)


def _in_order(described: Introspect, result: str, options: int) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """What brings the answer's place, the names and the values into the order of C.

    What is required, each option after its name, and the end of the list.
    """
    required = described.required_input
    answer, end, first_option = range(3)
    first_value = first_option + options
    places = [answer if name == result else first_value + required.index(name) for name in _required(described, result)]
    for number in range(options):
        places += (first_option + number, first_value + len(required) + number)
    return operator.itemgetter(*places, end)


def _converter(type: int) -> Callable[[Any], Any]:
    """What makes of a value what C is given for a type, and raises for a value of another one."""
    plain = _CONVERTERS.get(type)
    if plain is not None:
        return plain
    words = _WORDS.get(pyvips.gobject_lib.g_type_fundamental(type))
    return partial(_Rare, type) if words is None else lru_cache(maxsize=_MOST_VALUES)(partial(words, type))


class _Source:
    """A source of libvips, for as long as this object; pictures that are made of it hold it themselves."""

    __slots__ = ("_as_parameter_",)

    def __init__(self, data: Encoded) -> None:
        # As a source libvips reads bytes where they are; pyvips copies what it hands over as a buffer.
        self._as_parameter_ = c_void_p(_from_memory(data, len(data)) if isinstance(data, bytes) else _reopened(data))
        if not self._as_parameter_:
            raise pyvips.Error("can't create a source")

    def __del__(self) -> None:
        source = getattr(self, "_as_parameter_", None)
        if source:
            _unref(source)


def _reopened(file: HeldFile) -> int | None:
    descriptor = file.reopened()
    try:
        source: int | None = _from_descriptor(descriptor)
    finally:
        os.close(descriptor)  # libvips has a duplicate
    return source


class _Rare:
    """A value that pyvips writes, for as long as this object: texts, lists, bytes, and objects of other kinds."""

    __slots__ = ("_as_parameter_", "_value")

    def __init__(self, type: int, value: Any) -> None:  # noqa: ANN401  as above
        self._value = pyvips.GValue()
        self._value.set_type(type)
        self._value.set(value)
        self._as_parameter_ = c_void_p(_content(address_of(self._value.pointer)))


_PASSED: Final = {
    pyvips.GValue.gint_type: c_int,
    pyvips.GValue.gdouble_type: c_double,
    pyvips.GValue.genum_type: c_int,
}
"""How C takes arguments that are no pointers."""

_WORDS: Final[dict[int, Callable[[int, Any], int]]] = {
    pyvips.GValue.genum_type: pyvips.GValue.to_enum,
    pyvips.GValue.gflags_type: pyvips.GValue.to_flag,
}
_CONVERTERS: Final[dict[int, Callable[[Any], Any]]] = {
    pyvips.GValue.gbool_type: operator.index,
    pyvips.GValue.gint_type: operator.index,
    pyvips.GValue.guint64_type: c_uint64,
    pyvips.GValue.gdouble_type: c_double,
    pyvips.GValue.image_type: address,
    pyvips.GValue.source_type: _Source,
}
