"""What is stored has been looked at whole: size, content, type, limits, every pixel; everything else is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import pyvips

from api import problems
from api.inspection.inspect import Inspected, inspect
from api.settings import UploadSettings
from renderer.formats import ImageFormat
from tests.api.pictures import claiming, drawn, every_format, film, further_kinds, gif_bomb, png_bomb, svg

FILES = every_format() | further_kinds()
SETTINGS = UploadSettings()


def inspected(data: bytes, declared_type: str | None = None, **settings: object) -> Inspected:
    """The picture, under the settings that are named and the defaults of all others."""
    return inspect(data, declared_type=declared_type, settings=dataclasses.replace(SETTINGS, **settings))


@pytest.mark.parametrize("name", FILES)
def test_a_whole_picture_is_taken_as_it_is(name: str) -> None:
    found = inspected(FILES[name])
    assert found.data is FILES[name]
    assert found.sha256 == hashlib.sha256(FILES[name]).hexdigest()
    assert found.frames == (2 if "animated" in name else 1)
    small = {"ico": (64, 51), "icon of a bmp": (64, 51), "heic": (64, 64), "jxl": (16, 16), "svg": (40, 30)}
    assert (found.width, found.height) == small.get(name, (200, 160))


def test_its_facts_are_what_is_written_down() -> None:
    facts = inspected(FILES["animated gif"]).facts(uploaded_by="editor", file_name="waves.gif")
    assert (facts.format, facts.width, facts.height, facts.frames) == ("gif", 200, 160, 2)
    assert (facts.uploaded_by, facts.file_name, len(facts.sha256)) == ("editor", "waves.gif", 64)


@pytest.mark.parametrize(("orientation", "size"), [(1, (200, 160)), (3, (200, 160)), (6, (160, 200)), (8, (160, 200))])
def test_sizes_are_those_of_the_picture_upright(orientation: int, size: tuple[int, int]) -> None:
    turned = drawn().copy()
    turned.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    found = inspected(turned.jpegsave_buffer())
    assert (found.width, found.height) == size


def test_the_pages_of_a_tiff_are_its_frames() -> None:
    assert inspected(film(3).tiffsave_buffer(page_height=160)).frames == 3


@pytest.mark.parametrize("declared", [None, "", "application/octet-stream", "binary/octet-stream; x=y", "image/*", "?"])
@pytest.mark.parametrize("name", ["jpeg", "svg"])
def test_no_declared_type_is_no_mismatch(name: str, declared: str | None) -> None:
    assert inspected(FILES[name], declared).format.value == name


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("jpeg", "image/jpeg"),
        ("jpeg", "IMAGE/JPG; charset=binary"),
        ("jpeg", "image/pjpeg"),
        ("png", "image/x-png"),
        ("png", "image/apng"),
        ("ico", "image/vnd.microsoft.icon"),
        ("ico", "image/x-icon"),
        ("heic", "image/heic"),
        ("heic", "image/heif"),
        ("avif", "image/avif"),
        ("avif", "image/avif-sequence"),
        ("tiff", "image/tif"),
        ("bmp", "image/x-ms-bmp"),
        ("svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_names_of_the_same_type_are_no_mismatch(name: str, declared: str) -> None:
    assert inspected(FILES[name], declared).format.value == name


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("jpeg", "image/png"),
        ("png", "image/jpeg"),
        ("gif", "image/webp"),
        ("heic", "image/avif"),
        ("svg", "text/html"),
        ("svg", "text/xml"),
        ("webp", "text/plain; charset=utf-8"),
        ("bmp", "application/x-msdownload"),
    ],
)
def test_another_type_is_a_mismatch(name: str, declared: str) -> None:
    with pytest.raises(problems.TypeMismatch) as told:
        inspected(FILES[name], declared)
    assert told.value.members["found"] == inspected(FILES[name]).format.mime


def test_an_avif_under_the_general_brand_is_no_mismatch() -> None:
    """Some encoders put HEIF's general brand first and AVIF's among the compatible ones."""
    general = FILES["avif"].replace(b"ftypavif", b"ftypmif1", 1)
    assert b"avif" in general[16:40]
    assert inspected(general, "image/avif").format is ImageFormat.HEIC


NOT_IMAGES: dict[str, bytes] = {
    "a page": b"<!doctype html><title>x</title><script>alert(1)</script>",
    "a page with a drawing in text": b"<html><body>svg <p>text",
    "text": b"hello",
    "a document": b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n",
    "an archive": b"PK\x03\x04" + bytes(200),
    "a program": b"MZ\x90\0" + bytes(200),
    "zeros": bytes(5000),
    "a compressed drawing": b"\x1f\x8b\x08" + bytes(60),
    "a film": b"\0\0\0\x18ftypmp42" + bytes(60),
    "Photoshop": b"8BPS\0\1" + bytes(60),
}


@pytest.mark.parametrize("name", NOT_IMAGES)
@pytest.mark.parametrize("declared", [None, "image/jpeg", "image/svg+xml"])
def test_what_is_no_picture_is_refused_whatever_it_is_called(name: str, declared: str | None) -> None:
    with pytest.raises(problems.NotAnImage):
        inspected(NOT_IMAGES[name], declared)


def test_no_bytes_are_refused() -> None:
    with pytest.raises(problems.EmptyFile):
        inspected(b"", "image/png")


def _directory(*tags: tuple[int, int]) -> bytes:
    """A TIFF of one directory with whole numbers."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ("data", "declared", "file_name"),
    [
        (FILES["tiff"], "image/x-nikon-nef", ""),
        (FILES["tiff"], None, "IMG_1.NEF"),
        (_directory((50706, 0x0401)), None, ""),
        (_directory((254, 1), (330, 900)), "image/tiff", ""),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(60), None, ""),
    ],
)
def test_camera_raw_is_refused(data: bytes, declared: str | None, file_name: str) -> None:
    """It looks like TIFF, and a thumbnail is what would be seen of it."""
    with pytest.raises(problems.NotAnImage, match="raw"):
        inspect(data, declared_type=declared, settings=SETTINGS, file_name=file_name)


@pytest.mark.parametrize("name", FILES)
def test_a_format_that_is_closed_is_refused(name: str) -> None:
    found = inspected(FILES[name]).format
    with pytest.raises(problems.FormatNotAllowed):
        inspected(FILES[name], formats=tuple(format for format in ImageFormat if format is not found))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", [name for name in FILES if name != "svg"])
def test_a_file_that_is_cut_short_is_broken(name: str, share: float) -> None:
    """The detail tells why, in the decoder's words, and nothing of this machine."""
    with pytest.raises(problems.BrokenImage) as told:
        inspected(FILES[name][: int(len(FILES[name]) * share)])
    assert len(str(told.value)) < 180
    assert not any(word in str(told.value) for word in ("/", "Vips", "_source", "_buffer"))


def test_a_drawing_that_is_cut_short_is_broken() -> None:
    with pytest.raises(problems.BrokenImage):
        inspected(FILES["svg"][:-7])


@pytest.mark.parametrize("name", [name for name in FILES if name != "svg"])
def test_a_picture_of_too_many_pixels_is_refused(name: str) -> None:
    found = inspected(FILES[name])
    area = found.width * found.height
    with pytest.raises(problems.TooManyPixels):
        inspected(FILES[name], max_resolution=area - 1)
    assert inspected(FILES[name], max_resolution=area).width == found.width


def test_an_animation_has_limits_of_its_own() -> None:
    data = film(4).gifsave_buffer()
    assert inspected(data, max_frames=4, max_animation_resolution=128_000).frames == 4
    with pytest.raises(problems.TooManyFrames):
        inspected(data, max_frames=3)
    with pytest.raises(problems.TooManyPixels):
        inspected(data, max_animation_resolution=127_999)


def test_a_further_page_that_is_too_large_is_refused() -> None:
    """Pages of a TIFF differ in size; the first one is what the header tells."""
    small, large = drawn(16, 16).tiffsave_buffer(), pyvips.Image.black(400, 400).tiffsave_buffer()
    # The small picture's directory is led to the large one's, whose offsets move with it.
    second = claiming_at_end(small, large)
    with pytest.raises(problems.TooManyPixels):
        inspected(second, max_resolution=10_000)


def claiming_at_end(first: bytes, second: bytes) -> bytes:
    """Two TIFFs of one picture each as one file of two pages; both little-endian with offsets of 32 bits."""
    moved = bytearray(second)
    base = len(first) + len(first) % 2
    (directory,) = struct.unpack_from("<I", second, 4)
    (count,) = struct.unpack_from("<H", second, directory)
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}
    for place in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind, number, value = struct.unpack_from("<HHII", second, place)
        if sizes[kind] * number > 4:
            struct.pack_into("<I", moved, place + 8, value + base)
            if tag == 273:
                for index in range(number):
                    (offset,) = struct.unpack_from("<I", second, value + 4 * index)
                    struct.pack_into("<I", moved, value + 4 * index, offset + base)
        elif tag == 273:
            struct.pack_into("<I", moved, place + 8, value + base)
    linked = bytearray(first.ljust(base, b"\0"))
    (own,) = struct.unpack_from("<I", first, 4)
    (entries,) = struct.unpack_from("<H", first, own)
    struct.pack_into("<I", linked, own + 2 + 12 * entries, base + directory)
    return bytes(linked + moved)


XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9"'
UNSAFE: dict[str, tuple[bytes, bytes]] = {
    "script": (svg("<script>alert(1)</script><g/>"), b"script"),
    "handler": (svg('<g onclick="alert(1)"/>'), b"onclick"),
    "link": (svg('<a xlink:href="javascript:alert(1)"><g/></a>', size=XLINK), b"javascript"),
    "frame": (svg('<foreignObject><iframe src="//evil.example"/></foreignObject>'), b"iframe"),
    "animated link": (svg('<a><set attributeName="href" to="javascript:alert(1)"/></a>'), b"javascript"),
    "style sheet": (svg("<g/>", prolog='<?xml-stylesheet href="//evil.example/x.xsl"?>'), b"stylesheet"),
    "outside file": (svg("<g/>", prolog='<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), b"passwd"),
    "default": (svg("<g/>", prolog='<!DOCTYPE svg [<!ATTLIST g onload CDATA "alert(1)">]>'), b"onload"),
    "markup in an entity": (svg("&x;", prolog='<!DOCTYPE svg [<!ENTITY x "<script/>">]>'), b"script"),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_a_drawing_that_acts_is_made_harmless_or_refused(name: str) -> None:
    data, trace = UNSAFE[name]
    found = inspected(data)
    assert trace not in found.data
    assert found.sha256 == hashlib.sha256(found.data).hexdigest()
    with pytest.raises(problems.UnsafeSVG):
        inspected(data, svg="refuse")


@pytest.mark.parametrize(
    "data",
    [
        svg("<g/>"),
        svg("<style>g { fill: red }</style><!-- drawn by hand --><text>ä&amp;ö</text>"),
        b'<?xml version="1.0" encoding="utf-8"?>\n' + svg("<g/>") + b"\n",
        b"\xef\xbb\xbf" + svg("<g   id = 'a'></g>"),
        svg(
            "<g/>",
            prolog='<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" '
            '[<!ENTITY ns_ai "http://ns.adobe.com/AdobeIllustrator/10.0/">]>',
        ),
    ],
)
@pytest.mark.parametrize("mode", ["sanitize", "refuse"])
def test_a_harmless_drawing_keeps_its_bytes(data: bytes, mode: str) -> None:
    assert inspected(data, svg=mode).data is data


def test_a_drawing_in_another_encoding_is_written_anew() -> None:
    """Only of UTF-8 is it certain that browsers read what was judged."""
    text = '<?xml version="1.0" encoding="{}"?>' + svg("<text>ä</text>").decode()
    for encoding in ("iso-8859-1", "utf-16"):
        found = inspected(text.format(encoding).encode(encoding), svg="refuse")
        assert "ä".encode() in found.data
        assert b'encoding="UTF-8"' in found.data


_TENS = "".join(f'<!ENTITY e{index} "{f"&e{index - 1};" * 10 if index else "ha" * 9}">' for index in range(12))
BROKEN_DRAWINGS: dict[str, bytes] = {
    "tags that do not match": svg("<g>"),
    "entities that amplify": svg("<text>&e11;</text>", prolog=f"<!DOCTYPE svg [{_TENS}]>"),
    "depth": svg("<g>" * 100_000 + "</g>" * 100_000),
    "no size": svg("", size=""),
    "a page around it": b"<html><body>" + svg("<g/>") + b"</body></html>",
}


@pytest.mark.parametrize("name", BROKEN_DRAWINGS)
def test_a_drawing_that_does_not_render_is_broken(name: str) -> None:
    with pytest.raises(problems.BrokenImage):
        inspected(BROKEN_DRAWINGS[name])


@pytest.mark.parametrize(
    "size", ['width="30000" height="30000"', 'viewBox="0 0 90000 90000"', 'width="900000" height="1"']
)
def test_a_drawing_of_an_absurd_size_is_refused(size: str) -> None:
    with pytest.raises(problems.TooManyPixels):
        inspected(svg('<rect width="9" height="9"/>', size=size))


def test_a_picture_that_is_something_else_as_well_is_refused() -> None:
    with pytest.raises(problems.Polyglot):
        inspected(FILES["png"] + b"<?php phpinfo(); ?>")


def test_the_time_is_bounded() -> None:
    with pytest.raises(problems.TooSlow):
        inspect(FILES["jpeg"], declared_type=None, settings=SETTINGS, seconds=0)
    slow = film(2).resize(4, kernel="nearest").jpegsave_buffer()
    with pytest.raises(problems.TooSlow):
        inspect(slow, declared_type=None, settings=SETTINGS, seconds=0.0005)


BOMBS: dict[str, tuple[Callable[[], bytes], type[problems.Problem]]] = {
    "png of 900 megapixels": (lambda: png_bomb(30_000), problems.TooManyPixels),
    "gif of 100,000 frames": (lambda: gif_bomb(100_000, 1000), problems.TooManyFrames),
    "gif of 500 large frames": (lambda: gif_bomb(500, 7000), problems.TooManyPixels),
    "gif of the largest screen": (lambda: gif_bomb(1, 65_535), problems.TooManyPixels),
    "webp that claims 268 megapixels": (
        lambda: claiming(
            drawn().webpsave_buffer(lossless=True, keep="none"), b"VP8L", 9, struct.pack("<I", 16_382 * 16_385)
        ),
        problems.TooManyPixels,
    ),
    "tiff that claims 1,600 megapixels": (
        lambda: claiming(
            claiming(FILES["tiff"], struct.pack("<HHI", 256, 3, 1), 8, struct.pack("<H", 40_000)),
            struct.pack("<HHI", 257, 3, 1),
            8,
            struct.pack("<H", 40_000),
        ),
        problems.TooManyPixels,
    ),
    "jpeg that claims 4,290 megapixels": (
        lambda: claiming(FILES["jpeg"], b"\xff\xc0", 5, struct.pack(">HH", 65_500, 65_500)),
        problems.TooManyPixels,
    ),
    "avif that claims 3,600 megapixels": (
        lambda: claiming(FILES["avif"], b"ispe", 8, struct.pack(">II", 60_000, 60_000)),
        problems.TooManyPixels,
    ),
    "avif that is larger than it claims": (
        lambda: claiming(
            pyvips.Image.black(6000, 6000, bands=3)
            .copy(interpretation="srgb")
            .heifsave_buffer(compression="av1", effort=0, Q=20),
            b"ispe",
            8,
            struct.pack(">II", 16, 16),
        ),
        problems.BrokenImage,
    ),
    "bmp that claims 400 megapixels": (
        lambda: claiming(FILES["bmp"], b"BM", 18, struct.pack("<ii", 20_000, 20_000)),
        problems.TooManyPixels,
    ),
    "icon whose png is a bomb": (
        lambda: (
            b"\0\0\1\0\1\0"
            + struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, len(png_bomb(30_000)), 22)
            + png_bomb(30_000)
        ),
        problems.BrokenImage,
    ),
    "drawing of a terapixel": (lambda: svg("<g/>", size='width="1000000" height="1000000"'), problems.TooManyPixels),
    "drawing of entities": (lambda: BROKEN_DRAWINGS["entities that amplify"], problems.BrokenImage),
}

_INSPECT = """
import json, re, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
from api.inspection.inspect import inspect
from api.problems import Problem
from api.settings import UploadSettings
try:
    found = inspect(sys.stdin.buffer.read(), declared_type=None, settings=UploadSettings())
    told = "taken"
except Problem as problem:
    told = type(problem).__name__
most = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(json.dumps([told, int(most[1]) // 1024]))
"""


def in_a_process(data: bytes) -> tuple[str, int]:
    """What becomes of a picture in a process of its own that may have 4 GiB of addresses, and its most memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", _INSPECT],
        input=data,
        capture_output=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    told, megabytes = json.loads(done.stdout)
    return told, megabytes


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_costs_memory(name: str) -> None:
    make, problem = BOMBS[name]
    told, megabytes = in_a_process(make())
    assert told == problem.__name__
    assert megabytes < 128


@pytest.mark.parametrize(("interlace", "most"), [(False, 96), (True, 256)])
def test_a_jpeg_of_24_megapixels_fits_into_a_small_function(interlace: bool, most: int) -> None:
    """Rows are decoded one after the other; of a progressive file all coefficients have to be there (144 MB)."""
    image = drawn(1000, 1000).resize(6, vscale=4)
    file = image.jpegsave_buffer(Q=85, interlace=interlace, subsample_mode="off")
    told, megabytes = in_a_process(file)
    assert told == "taken"
    assert megabytes < most


def test_a_refused_file_loads_no_decoder() -> None:
    """A cold start pays for libvips and for the XML parser only when a picture has come so far."""
    program = (
        "import sys; from api import problems\n"
        "from api.inspection.inspect import inspect; from api.settings import UploadSettings\n"
        "try: inspect(b'hello', declared_type=None, settings=UploadSettings())\n"
        "except problems.NotAnImage: print([m for m in ('pyvips', 'lxml', 'numpy', 'boto3') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=60, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == b"[]"


def test_a_jpeg_with_less_data_than_picture_is_broken() -> None:
    """Its end marker is there and its size is a claim: decoders fill the rest with gray."""
    file = bytearray(pyvips.Image.black(64, 48, bands=3).jpegsave_buffer())
    frame = file.index(b"\xff\xc0")
    file[frame + 5 : frame + 9] = struct.pack(">HH", 700, 700)

    with pytest.raises(problems.BrokenImage, match="premature end"):
        inspect(bytes(file), declared_type=None, settings=UploadSettings())


def test_a_jpeg_with_stray_bytes_between_its_segments_is_whole() -> None:
    """Of these, too, libjpeg warns."""
    file = bytes(pyvips.Image.black(64, 48, bands=3).jpegsave_buffer())
    table = file.index(b"\xff\xdb")

    assert inspect(file[:table] + b"\0\0" + file[table:], declared_type=None, settings=UploadSettings()).width == 64


@pytest.mark.parametrize("kind", ["cut", "stray bytes"])
def test_a_harmed_progressive_jpeg_takes_no_more_memory_than_a_whole_one(kind: str) -> None:
    """One decoder after the other: each holds 24 megapixels of coefficients."""
    file = bytes(drawn(1000, 1000).resize(6, vscale=4).jpegsave_buffer(Q=20, interlace=True, subsample_mode="off"))
    table = file.index(b"\xff\xdb")
    harmed = file[: len(file) // 2] if kind == "cut" else file[:table] + b"\0\0" + file[table:]

    assert in_a_process(harmed)[1] < 256
