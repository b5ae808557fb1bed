"""Calls of decoders, libvips and encoders, written down while a picture is computed, and made again without the rest.

A recording follows the code: whatever loader, factor or encoder setting our plan comes to is in it, as numbers, and the
bytes that come out are the same. Only what the result depends on is kept: a header that was opened to learn a size is
not opened again. Calls that answer numbers, such as where a border ends, are kept, because the plan needed them. What
something else than libvips decodes or encodes is done anew by the same; each such function is named in ELSEWHERE, and
one that is missing there is found out: its pictures come from nowhere.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import pyvips

from renderer.vips import fields, foreign, metadata, operations, webp

ELSEWHERE: Final = ((operations, "call"), (foreign, "decoded"), (webp, "pixels"), (webp, "save"))
"""Functions that call libvips without pyvips, or decode or encode without libvips; None leaves it to libvips."""

_CHANGES: Final = ("set_type", "remove")
"""Methods of pictures that are no operations of libvips but change what operations see."""

_CHANGES_ELSEWHERE: Final = ((fields, "remove_all"), (metadata, "remove_all"))
"""Functions that do the same, under each name that they are called by."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value of a recording stands: a picture that does not exist yet."""

    number: int


@dataclass(frozen=True, slots=True)
class _Call:
    """One call; places stand for the pictures in its arguments. `places` are all that it needs or makes."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    needs: frozenset[int]
    makes: tuple[int, ...]
    changes: int | None = None

    def make(self, values: list[Any]) -> None:
        """Makes the call with the values so far."""
        options = {name: _filled(value, values) for name, value in self.options.items()} if self.options else {}
        result = self.function(*(_filled(value, values) for value in self.arguments), **options)
        if self.makes:
            for place, value in zip(self.makes, result if isinstance(result, list) else [result], strict=True):
                values[place] = value


def _filled(value: Any, values: list[Any]) -> Any:  # noqa: ANN401  arguments of libvips are of any type
    if isinstance(value, _Place):
        return values[value.number]
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    return value


class NotRecorded(Exception):
    """A picture, or the result, came from elsewhere than a call that is watched, so there are no calls that make it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Calls that make one result; they can be made from several threads at once."""

    calls: tuple[_Call, ...]
    count: int
    result: int
    last_uses: tuple[tuple[int, ...], ...]

    def replay(self) -> bytes:
        """The result, computed anew."""
        values: list[Any] = [None] * self.count
        for call, done in zip(self.calls, self.last_uses, strict=True):
            call.make(values)
            # Pictures go as soon as nobody needs them, as they do in a function that returns.
            for place in done:
                values[place] = None
        data: bytes = values[self.result]
        return data


@dataclass(slots=True)
class _Recorder:
    """Writes down the calls of the thread that it runs in; there must be no other."""

    calls: list[_Call] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    held: list[Any] = field(default_factory=list)
    count: int = 0
    depth: int = 0

    def watched(self, function: Callable[..., Any], *, is_change: bool = False) -> Callable[..., Any]:
        """The function, written down when it is called from outside of pyvips."""

        def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401  arguments of libvips are of any type
            self.depth += 1
            try:
                result = function(*arguments, **options)
            finally:
                self.depth -= 1
            if not self.depth and (is_change or result is not None):
                self._write(function, arguments, options, result)
            return result

        return call

    def _write(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any], result: object
    ) -> None:
        needs: set[int] = set()
        placed = tuple(self._placed(value, needs) for value in arguments)
        named = {name: self._placed(value, needs) for name, value in options.items()}
        results = [] if result is None else result if isinstance(result, list) else [result]
        changes = placed[0].number if result is None and placed and isinstance(placed[0], _Place) else None
        makes = tuple(self._new_place(value) for value in results)
        self.calls.append(_Call(function, placed, named, frozenset(needs), makes, changes))

    def _placed(self, value: Any, needs: set[int]) -> Any:  # noqa: ANN401  arguments of libvips are of any type
        if isinstance(value, list | tuple):
            return [self._placed(item, needs) for item in value]
        if not isinstance(value, pyvips.Image):
            return value  # a number, a word, or the source's bytes
        place = self.places.get(id(value))
        if place is None:
            raise NotRecorded(f"no call that is watched made {value}: a replay would have it for nothing")
        needs.add(place)
        return _Place(place)

    def _new_place(self, value: object) -> int:
        # Held for as long as the recording goes on: an identity must not be given to another picture.
        self.held.append(value)
        self.places[id(value)] = self.count
        self.count += 1
        return self.count - 1

    def finished(self, result: bytes) -> Recording:
        """What makes the result.

        Raises:
            NotRecorded: no call answered it.
        """
        place = self.places.get(id(result))
        if place is None:
            raise NotRecorded("the result came from no call of libvips")
        calls = _needed(self.calls, place, self._is_picture)
        return Recording(calls, self.count, place, _last_uses(calls, place))

    def _is_picture(self, place: int) -> bool:
        return isinstance(self.held[place], pyvips.Image)


def _needed(calls: Iterable[_Call], result: int, is_picture: Callable[[int], bool]) -> tuple[_Call, ...]:
    """The calls that the result depends on, and those that answered something else than pictures."""
    wanted = {result}
    kept = []
    for call in reversed(list(calls)):
        answers = bool(call.makes) and not any(map(is_picture, call.makes))
        if answers or wanted.intersection(call.makes) or call.changes in wanted:
            wanted |= call.needs
            kept.append(call)
    return tuple(reversed(kept))


def _last_uses(calls: tuple[_Call, ...], result: int) -> tuple[tuple[int, ...], ...]:
    """For each call the places that nobody needs after it."""
    last = {place: number for number, call in enumerate(calls) for place in (*call.needs, *call.makes)}
    return tuple(
        tuple(place for place in {*call.needs, *call.makes} if last[place] == number and place != result)
        for number, call in enumerate(calls)
    )


def recorded(compute: Callable[[], bytes]) -> tuple[Recording, bytes]:
    """The calls that a computation makes, and its result.

    Raises:
        NotRecorded: its result comes from no call of libvips.
    """
    recorder = _Recorder()
    with _watching(recorder):
        result = compute()
    return recorder.finished(result), result


@contextlib.contextmanager
def _watching(recorder: _Recorder) -> Iterator[None]:
    """Puts the recorder between the code and what it calls while the block runs."""
    call = pyvips.Operation.call
    # All of these are looked up by name each time, which is what lets a recorder in.
    replaced: list[tuple[Any, str, Any, Any]] = [
        (pyvips.Operation, "call", staticmethod(call), staticmethod(recorder.watched(call))),
        (pyvips.Image, "copy_memory", *_method(pyvips.Image.copy_memory, recorder.watched)),
    ]
    for name in _CHANGES:
        watched = partial(recorder.watched, is_change=True)
        replaced.append((pyvips.Image, name, *_method(getattr(pyvips.Image, name), watched)))
    for module, name in ELSEWHERE:
        function = getattr(module, name)
        replaced.append((module, name, function, recorder.watched(function)))
    for module, name in _CHANGES_ELSEWHERE:
        function = getattr(module, name)
        replaced.append((module, name, function, recorder.watched(function, is_change=True)))
    for owner, name, _, watching in replaced:
        setattr(owner, name, watching)
    try:
        yield
    finally:
        for owner, name, before, _ in replaced:
            setattr(owner, name, before)


def _method(
    method: Callable[..., Any], watched: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A method, and the same with the recorder before it; as a function it is bound to a picture when it is called."""
    watching = watched(method)

    def bound(self: pyvips.Image, *arguments: Any) -> Any:  # noqa: ANN401  arguments of libvips are of any type
        return watching(self, *arguments)

    return method, bound
