"""Files that are a picture and something else are refused; what cameras and editors append is not."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import zipfile
from collections.abc import Callable

import pytest

from api.inspection.polyglots import refuse_polyglot
from api.problems import BrokenImage, Polyglot
from renderer.formats import detect
from tests.api.pictures import drawn, every_format, film, further_kinds, svg

FILES = every_format() | further_kinds()
RASTERS = [name for name in FILES if name != "svg"]
ENDING = [name for name in RASTERS if name not in ("tiff", "tiff in tiles", "jxl")]
"""Files that say where they end."""


def refused(data: bytes) -> str:
    """What the problem says; empty if there is none."""
    format = detect(data)
    assert format is not None
    try:
        refuse_polyglot(data, format, lambda: None)
    except Polyglot as problem:
        return str(problem)
    return ""


def archive(content: bytes = b"x" * 40) -> bytes:
    """A ZIP with one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("a.txt", content)
    return file.getvalue()


@pytest.mark.parametrize("name", FILES)
def test_a_picture_alone_passes(name: str) -> None:
    assert refused(FILES[name]) == ""


@pytest.mark.parametrize("name", RASTERS)
@pytest.mark.parametrize("padding", [b"\0" * 4096, b"\n", b"\r\n \t", b"\xff" * 64])
def test_padding_behind_the_end_passes(name: str, padding: bytes) -> None:
    assert refused(FILES[name] + padding) == ""


@pytest.mark.parametrize("name", ENDING)
@pytest.mark.parametrize("rest", [b"x" * 64, bytes(99) + b"MZ\x90\0" + b"\1" * 300, b"\x7fELF" + b"\2" * 99])
def test_other_bytes_behind_the_end_are_refused(name: str, rest: bytes) -> None:
    assert "bytes follow" in refused(FILES[name] + rest)


@pytest.mark.parametrize("name", RASTERS)
def test_a_picture_that_is_an_archive_is_refused(name: str) -> None:
    """Readers of ZIP look for the directory from the end, wherever the file begins."""
    assert "ZIP" in refused(FILES[name] + archive())
    assert "ZIP" in refused(FILES[name] + archive() + bytes(500))


def test_an_archive_inside_a_segment_is_refused() -> None:
    """The directory may also hide in metadata at the end of a small file."""
    jpeg, inside = FILES["jpeg"], archive()
    assert "ZIP" in refused(jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(inside) + 2) + inside + jpeg[2:])


def test_the_mark_of_a_zip_alone_is_no_archive() -> None:
    """The four bytes stand in one of 65,000 photographs by chance."""
    jpeg = FILES["jpeg"]
    by_chance = b"PK\x05\x06" + b"\x81" * 30
    assert refused(jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(by_chance) + 2) + by_chance + jpeg[2:]) == ""


@pytest.mark.parametrize("name", ENDING)
@pytest.mark.parametrize("signature", [b"Rar!\x1a\x07\x01\0", b"7z\xbc\xaf\x27\x1c"])
def test_other_archives_behind_the_end_are_refused(name: str, signature: bytes) -> None:
    assert "archive" in refused(FILES[name] + bytes(7) + signature + bytes(60))


def commented(text: bytes) -> dict[str, bytes]:
    """Pictures with a text where their formats have room for one."""
    jpeg, png, gif, webp = (FILES[name] for name in ("jpeg", "png", "animated gif", "webp"))
    chunk = b"Comment\0" + text
    after_header = 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 0x80 else 0)
    padded = text + b" " * (len(text) % 2)
    return {
        "jpeg": jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + jpeg[2:],
        "png": png[:-12] + struct.pack(">I", len(chunk)) + b"tEXt" + chunk + b"\0\0\0\0" + png[-12:],
        "gif": gif[:after_header] + b"!\xfe" + bytes([len(text)]) + text + b"\0" + gif[after_header:],
        "webp": webp[:4]
        + struct.pack("<I", len(webp) + len(padded))
        + webp[8:]
        + b"XMP "
        + struct.pack("<I", len(padded))
        + padded,
        "tiff": FILES["tiff"] + text,
    }


@pytest.mark.parametrize("format", ["jpeg", "png", "gif", "webp", "tiff"])
@pytest.mark.parametrize(
    "text",
    [
        b"<script>alert(1)</script>",
        b"<SCRIPT src='//evil.example/x.js'></SCRIPT>",
        b"<ScRiPt/x>alert(1)</script>",
        b"<html><body onload=alert(1)>",
        b"<!DOCTYPE HTML><title>x</title>",
        b"<?php system($_GET['c']); ?>",
        b"<?PHP\nphpinfo();?>",
    ],
)
def test_markup_in_metadata_is_refused(format: str, text: bytes) -> None:
    assert "holds" in refused(commented(text)[format])


@pytest.mark.parametrize("format", ["jpeg", "png", "gif", "webp", "tiff"])
@pytest.mark.parametrize(
    "text",
    [
        b"Taken <b>on the beach</b>",
        b"a < b, c > d",
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        b"<?xpacket begin=''?>",
        b"<scripture>",
        b"see www.example.com/a.php?b",
        b"/* a comment */",
        b"mentions PDF and ZIP",
    ],
)
def test_harmless_text_in_metadata_passes(format: str, text: bytes) -> None:
    assert refused(commented(text)[format]) == ""


def test_markup_among_pixels_is_refused() -> None:
    """An uncompressed picture may spell a program in its pixels."""
    pixels = drawn(200, 160).tiffsave_buffer()
    text = b"<?php echo shell_exec($_GET['command']); ?>"
    assert "PHP" in refused(pixels[:90_000] + text + pixels[90_000 + len(text) :])


@pytest.mark.parametrize("name", ["jpeg", "png", "tiff", "bmp"])
def test_a_document_at_the_beginning_is_refused(name: str) -> None:
    """PDF readers take a file whose first 1,024 bytes hold the signature."""
    data = bytearray(FILES[name] + bytes(2000))
    data[100:109] = b"%PDF-1.7\n"
    assert "PDF" in refused(bytes(data))


@pytest.mark.parametrize("kind", [b"\xe0", b"\xe1", b"\xfe"])
@pytest.mark.parametrize("program", [b"*/=alert(1)/*", b"*/ ;alert(1)//", b"*/\nalert(1)/*", b"*/='\x01';alert(1)/*"])
def test_a_jpeg_that_is_a_script_is_refused(kind: bytes, program: bytes) -> None:
    """Its first bytes are a name in Latin-1, and the length of its first segment opens a comment."""
    jpeg = FILES["jpeg"]
    segment = (b"JFIF\0" + bytes(60) + program).ljust(0x2F2A - 2, b"\0")
    assert "script" in refused(b"\xff\xd8\xff" + kind + b"/*" + segment + jpeg[2:])


def test_a_gif_that_is_a_script_is_refused() -> None:
    gif = FILES["gif"]
    comment = b"*/=1;alert(1);/*"
    data = b"GIF89a/*" + gif[8:-1] + b"!\xfe" + bytes([len(comment)]) + comment + b"\0;"
    assert "script" in refused(data)


def test_a_first_segment_of_that_length_alone_is_no_script() -> None:
    """One camera in 65,000 writes metadata of just so many bytes."""
    jpeg = FILES["jpeg"]
    segment = b"Exif\0\0" + bytes(0x2F2A - 8)
    assert refused(b"\xff\xd8\xff\xe1/*" + segment + jpeg[2:]) == ""
    assert refused(b"\xff\xd8\xff\xe1/*" + segment[:-20] + b"*/\x01\xd3\x88".ljust(20, b"\0") + jpeg[2:]) == ""


def test_php_in_a_drawing_is_refused() -> None:
    assert "PHP" in refused(svg("<?php phpinfo() ?>"))
    assert refused(svg("<script>1</script>")) == "", "the sanitizer's business"


def samsung(blocks: bytes) -> bytes:
    """A trailer with one block."""
    directory = b"SEFH" + struct.pack("<II", 106, 1) + struct.pack("<HHII", 0, 0xA01, len(blocks), len(blocks))
    return blocks + directory + struct.pack("<I", len(directory)) + b"SEFT"


def canon(recipe: bytes) -> bytes:
    """A recipe of Digital Photo Professional."""
    length = struct.pack(">I", len(recipe))
    name = b"CANON OPTIONAL DATA\0"
    return name + struct.pack(">I", 0x10000) + length + recipe + name + length + bytes(40)


def motion() -> bytes:
    """A film of telephones: boxes up to the end."""
    return struct.pack(">I4s4sI", 16, b"ftyp", b"mp42", 0) + struct.pack(">I4s", 508, b"mdat") + b"\5" * 500


APPENDED: dict[str, Callable[[], bytes]] = {
    "a gain map": lambda: FILES["jpeg"],
    "padding and two previews": lambda: bytes(77) + FILES["jpeg"] + b"\xff" * 9 + FILES["progressive jpeg"],
    "a preview of Minolta": lambda: bytes(560) + b"LN\xb8\x02\xd8" + FILES["jpeg"][FILES["jpeg"].find(b"\xff\xdb") :],
    "a motion photo": motion,
    "a trailer of Samsung": lambda: samsung(b"\0\0\1\x0a\x0e\0\0\0Image_UTC_Data1700000000000"),
    "a gain map, a film and a trailer of Samsung": lambda: FILES["jpeg"] + motion() + samsung(b"x" * 900),
    "a recipe of Canon": lambda: canon(b"\7" * 300),
    "Photo Mechanic": lambda: b"\x1c\2\xdd" + b"\0" * 40 + struct.pack(">I", 43) + b"cbipcbbl",
    "FotoStation": lambda: b"\x1c\2\5\0\3abc" + struct.pack(">HI", 1, 18) + b"\xa1\xb2\xc3\xd4",
    "Canon and Photo Mechanic": lambda: canon(b"\7" * 30) + b"\x1c\2\xdd" + struct.pack(">I", 3) + b"cbipcbbl",
    "Vivo": lambda: b'vivo{"a":1}' + b"\3" * 64,
    "a scrap": lambda: b"\x1a\x14\0;;\xba\nD\x14\0\0;;",
}


@pytest.mark.parametrize("name", APPENDED)
def test_what_cameras_and_editors_append_passes(name: str) -> None:
    assert refused(FILES["jpeg"] + APPENDED[name]()) == ""


@pytest.mark.parametrize("name", ["a trailer of Samsung", "a motion photo", "a gain map"])
def test_an_archive_behind_a_trailer_is_refused_all_the_same(name: str) -> None:
    assert refused(FILES["jpeg"] + APPENDED[name]() + archive())
    assert refused(FILES["jpeg"] + archive() + APPENDED[name]())


@pytest.mark.parametrize(
    "rest",
    [
        samsung(b"x" * 90)[:-1] + b"X",
        b"y" * 50 + samsung(b"x" * 90),
        b"z" * 40 + struct.pack("<I", 4_000_000_000) + b"SEFT" + b"\0" * 9,
        canon(b"x" * 40).replace(struct.pack(">I", 40), struct.pack(">I", 4_000_000_000)),
        FILES["jpeg"][:-300],
        motion()[:-40],
        b"<" + b"\0" * 9,
    ],
)
def test_what_only_resembles_a_trailer_is_refused(rest: bytes) -> None:
    assert refused(FILES["jpeg"] + rest)


@pytest.mark.parametrize("name", ["gif", "animated gif", "png", "webp", "animated webp", "avif", "heic"])
def test_a_file_that_breaks_off_where_decoders_would_not_mind_is_broken(name: str) -> None:
    data = FILES[name][:-9]
    format = detect(data)
    assert format is not None
    with pytest.raises(BrokenImage, match="breaks off"):
        refuse_polyglot(data, format, lambda: None)


def test_an_animation_without_its_last_byte_passes() -> None:
    """Much of the web's GIF has no trailer."""
    assert refused(film(3).gifsave_buffer()[:-1]) == ""


def test_a_jpeg_of_thousands_of_scans_is_broken() -> None:
    """Each of them costs a pass over all pixels, and has a few bytes."""
    jpeg = FILES["progressive jpeg"]
    scan = jpeg[jpeg.rfind(b"\xff\xda") : -2]
    with pytest.raises(BrokenImage, match="scans"):
        refused(jpeg[:-2] + scan * 300 + jpeg[-2:])


HOSTILE: dict[str, Callable[[], bytes]] = {
    "segments of two bytes": lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 500_000,
    "fill bytes": lambda: b"\xff\xd8" + b"\xff" * 2_000_000,
    "chunks of nothing": lambda: b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0tEXt\0\0\0\0" * 170_000,
    "blocks of one byte": lambda: FILES["gif"][:-1] + b"!\xfe" + b"\1x" * 1_000_000,
    "line breaks behind a comment": lambda: b"\xff\xd8\xff\xe1/*" + bytes(12_072) + b"*/" + b"\n" * 2_000_000,
    "marks of a zip": lambda: FILES["jpeg"] + b"PK\5\6" * 500_000,
    "beginnings of markup": lambda: FILES["jpeg"][:-2] + b"<!doctype " * 200_000,
    "white space in markup": lambda: FILES["tiff"] + (b"<!doctype" + b" " * 1000) * 2000,
    "directories that form a ring": lambda: b"II*\0\x08\0\0\0\0\0\x08\0\0\0" + bytes(99),
    "empty boxes": lambda: FILES["avif"] + b"\0\0\0\x08free" * 250_000,
    "trailers in trailers": lambda: FILES["jpeg"] + (b"\0\0\0\0cbipcbbl") * 170_000,
    "icons of nothing": lambda: b"\0\0\1\0\xff\xff" + bytes(16 * 65_535),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_take_time_in_proportion(name: str) -> None:
    """2 MB of whatever costs a walk most; the slowest takes half a second."""
    data = HOSTILE[name]()
    format = detect(data)
    assert format is not None
    before = time.process_time()
    with contextlib.suppress(Polyglot, BrokenImage):
        refuse_polyglot(data, format, lambda: None)
    assert time.process_time() - before < 2


def test_the_clock_is_looked_at_between_parts() -> None:
    looks = []
    data = commented(b"hello")["jpeg"]
    format = detect(data)
    assert format is not None
    refuse_polyglot(data, format, lambda: looks.append(1))
    assert len(looks) >= 4
