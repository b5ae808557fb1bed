"""The smaller copy inside an AVIF file: used when it is asked for, or when it is large enough."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pyvips

from renderer.errors import SourceResolutionTooLarge

Render = Callable[..., Any]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of ISO base media data: type and content."""
    position = 0
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        yield kind, data[position + 8 : position + size]
        position += size


def _box(kind: bytes, *content: bytes) -> bytes:
    joined = b"".join(content)
    return struct.pack(">I4s", 8 + len(joined), kind) + joined


def _full(kind: bytes, *content: bytes, version: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24), *content)


def _coded(image: pyvips.Image) -> tuple[bytes, bytes]:
    """One AV1 picture and the configuration that its decoder needs."""
    file = image.heifsave_buffer(compression="av1", Q=90, effort=0, keep="none")
    top = dict(_boxes(file))
    meta = dict(_boxes(top[b"meta"][4:]))
    properties = dict(_boxes(dict(_boxes(meta[b"iprp"]))[b"ipco"]))
    return top[b"mdat"], properties[b"av1C"]


def _avif(image: pyvips.Image, thumbnail: pyvips.Image) -> bytes:
    """An AVIF file of a picture and its thumbnail; libvips writes none."""
    coded = [_coded(image), _coded(thumbnail)]
    sizes = [(picture.width, picture.height) for picture in (image, thumbnail)]
    properties = b"".join(
        _full(b"ispe", struct.pack(">II", *size)) + _box(b"av1C", configuration) + _full(b"pixi", bytes((3, 8, 8, 8)))
        for size, (_, configuration) in zip(sizes, coded, strict=True)
    )
    associations = struct.pack(">I", 2) + b"".join(
        struct.pack(">HBBBB", item, 3, first, 0x80 | first + 1, first + 2) for item, first in ((1, 1), (2, 4))
    )

    def file(offset: int) -> bytes:
        extents = b"".join(
            struct.pack(">HHHII", item, 0, 1, place, len(data))
            for item, place, data in ((1, offset, coded[0][0]), (2, offset + len(coded[0][0]), coded[1][0]))
        )
        meta = _full(
            b"meta",
            _full(b"hdlr", bytes(4), b"pict", bytes(12), b"\0"),
            _full(b"pitm", struct.pack(">H", 1)),
            _full(b"iloc", bytes((0x44, 0x00)), struct.pack(">H", 2), extents),
            _full(
                b"iinf",
                struct.pack(">H", 2),
                *(_full(b"infe", struct.pack(">HH4s", item, 0, b"av01"), b"\0", version=2) for item in (1, 2)),
            ),
            _full(b"iref", _box(b"thmb", struct.pack(">HHH", 2, 1, 1))),
            _box(b"iprp", _box(b"ipco", properties), _full(b"ipma", associations)),
        )
        head = _box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf") + meta
        return head + _box(b"mdat", coded[0][0], coded[1][0])

    head_length = len(file(0)) - len(coded[0][0]) - len(coded[1][0])
    return file(head_length)


@pytest.fixture(scope="module")
def photo_with_thumbnail(draw: Any) -> bytes:
    """A red picture of 400 x 200 whose thumbnail, 100 x 50, is blue: so one sees which was used."""
    return _avif(draw.flat(400, 200, (200, 0, 0)), draw.flat(100, 50, (0, 0, 200)))


def _is_thumbnail(picture: Any) -> bool:
    red, _, blue = picture.pixel(1, 1)[:3]
    assert abs(red - blue) > 150
    return blue > red


@pytest.mark.parametrize(
    ("options", "is_thumbnail"),
    [("", False), ("w:150", False), ("w:100", True), ("w:20", True), ("rs:fill:80:80", False), ("c:50:50", False)],
)
def test_it_is_used_when_it_is_large_enough(
    options: str, is_thumbnail: bool, rendered: Render, photo_with_thumbnail: bytes
) -> None:
    picture = rendered(f"{options}/f:png".removeprefix("/"), photo_with_thumbnail)

    assert _is_thumbnail(picture) is is_thumbnail
    assert picture.origin == (400, 200)


def test_it_stands_for_the_picture_when_it_is_enforced(rendered: Render, photo_with_thumbnail: bytes) -> None:
    by_option = rendered("enforce_thumbnail:1/f:png", photo_with_thumbnail)
    by_setting = rendered("f:png", photo_with_thumbnail, IMGPROXY_ENFORCE_THUMBNAIL="1")

    assert _is_thumbnail(by_option)
    assert by_option.size == by_option.origin == (100, 50)
    assert by_setting.data == by_option.data
    assert not _is_thumbnail(rendered("eth:0/f:png", photo_with_thumbnail, IMGPROXY_ENFORCE_THUMBNAIL="1"))


def test_limits_measure_the_enforced_thumbnail(rendered: Render, photo_with_thumbnail: bytes) -> None:
    assert rendered("eth:1/msr:0.005/f:png", photo_with_thumbnail).size == (100, 50)
    with pytest.raises(SourceResolutionTooLarge):
        rendered("msr:0.005/f:png", photo_with_thumbnail)


def test_settings_against_shrinking_leave_it_alone(rendered: Render, photo_with_thumbnail: bytes) -> None:
    assert not _is_thumbnail(rendered("w:20/f:png", photo_with_thumbnail, IMGPROXY_DISABLE_SHRINK_ON_LOAD="1"))


def test_a_file_without_one_is_rendered_from_its_picture(rendered: Render, every_format: dict[str, bytes]) -> None:
    assert rendered("eth:1/f:png", every_format["avif"]).size == (48, 32)
