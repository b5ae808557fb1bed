"""A file's first bytes say what it is; names and types are never asked, except for camera raw files."""

from __future__ import annotations

import time

import pytest

from renderer.formats import NAMES, SNIFF_BYTES, TRAITS, ImageFormat, detect

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"></svg>'


@pytest.mark.parametrize(
    ("head", "format_name"),
    [
        (b"\xff\xd8", "jpeg"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"\xff\x0a", "jxl"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jxl"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"RIFF\x00\x01\x02\nWEBP", "webp"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"GIF8\na", "gif"),
        (b"\x00\x00\x01\x00", "ico"),
        *((b"\x00\x00\x00\x0aftyp" + brand, "heic") for brand in (b"heic", b"heix", b"hevc", b"heim", b"heis")),
        *((b"\x00\x00\x00\x20ftyp" + brand, "heic") for brand in (b"hevm", b"hevs", b"mif1")),
        (b"\x00\x00\x00\x20ftypavif", "avif"),
        (b"\x00\x00\x00\x20ftypmif1\x00\x00\x00\x00avif", "heic"),
        (b"BM", "bmp"),
        (b"BM<?xml ", "bmp"),
        (b"II*\x00", "tiff"),
        (b"MM\x00*", "tiff"),
        (SVG, "svg"),
    ],
)
def test_each_format_is_known_by_its_signature(head: bytes, format_name: str) -> None:
    """Each format is known by its signature, with and without what follows."""
    assert detect(head) is NAMES[format_name]
    assert detect(head + b"\x00 anything") is NAMES[format_name]


@pytest.mark.parametrize(
    "head",
    [
        *(b"", b"\xff", b"\x89PNG\r\n\x1a", b"RIFF\x00\x01\x02\x03WEB", b"GIF89", b"gif89a", b"\x00\x00\x02\x00"),
        *(
            b"\x00\x00\x00\x20ftypavis",
            b"\x00\x00\x00\x20ftypmsf1",
            b"\x00\x00\x00\x20ftypisom",
            b"B",
            b"II*",
            b"MM*\x00",
        ),
        *(b"%PDF-1.7", b"8BPS\x00\x01", b"\x00" * 64, b"plain text", b" \xff\xd8"),
    ],
)
def test_short_and_foreign_files_are_unknown(head: bytes) -> None:
    """Files shorter than a signature, and files of other formats, are unknown."""
    assert detect(head) is None


@pytest.mark.parametrize("head", [b"II*\x00", b"MM\x00*"])
@pytest.mark.parametrize(
    ("extension", "content_type"),
    [
        ("cr2", ""),
        ("NEF", ""),
        ("data", ""),
        ("x3f", "image/tiff"),
        ("", "image/x-adobe-dng"),
        ("tiff", "image/x-sony-arw"),
        ("", "Image/X-Nikon-NEF; charset=binary"),
    ],
)
def test_a_camera_raw_name_or_type_keeps_a_file_from_being_tiff(head: bytes, extension: str, content_type: str) -> None:
    """A camera raw name or type keeps a file from being TIFF."""
    assert detect(head, extension=extension, content_type=content_type) is None


@pytest.mark.parametrize(("extension", "content_type"), [("tif", ""), ("png", "image/png"), ("", "image/x-dng")])
def test_other_names_and_types_leave_tiff_alone(extension: str, content_type: str) -> None:
    """Other names and types leave TIFF alone."""
    assert detect(b"II*\x00", extension=extension, content_type=content_type) is ImageFormat.TIFF


def test_names_and_types_decide_nothing_else() -> None:
    """A raw name does not change what another signature says."""
    assert detect(b"\xff\xd8\xff", extension="cr2", content_type="image/x-canon-cr2") is ImageFormat.JPEG
    assert detect(b"nothing", extension="png", content_type="image/png") is None


@pytest.mark.parametrize(
    "text",
    [
        '<svg xmlns="http://www.w3.org/2000/svg">cut sh',
        "<svg>",
        "<svg/>",
        "<svg />",
        "<svg\twidth='1'\r\n height = \"2\" flag />",
        '<svg:svg xmlns:svg="http://www.w3.org/2000/svg"></svg:svg>',
        '<?xml version="1.0" encoding="UTF-8"?>\n<svg>',
        "<?xml version='1.0'?><!-- <svg> is > this --><svg>",
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"><svg>',
        '<!DOCTYPE svg [<!ENTITY x "y">]><svg>',
        "<!DOCTYPE svg SYSTEM 'a>b' [\n<!ENTITY a \"]>\">\n<!ENTITY b '<c d='>\n] ><svg>",
        "<![CDATA[ <b ]] > ]]><svg>",
        "<html><body><p class=big>Hello</p><svg width='1'>",
        "<!DOCTYPE html><html><head><title>x</title></head><svg>",
        "<g><defs/><h:svg>",
        "some text & more before the first tag <svg>",
        "<élan><svg>",
        '<a title="x > y" alt=\'"<\'><svg>',
        "<a b=c d= e><svg>",
        "\n\n  <svg>",
    ],
)
def test_svg_is_the_first_start_tag_of_that_local_name_at_any_depth(text: str) -> None:
    """SVG is the first start tag of that local name, at any depth and under any prefix."""
    assert detect(text.encode()) is ImageFormat.SVG


@pytest.mark.parametrize(
    "text",
    [
        "<html><body>Not an SVG</body></html>",
        '<?xml version="1.0" encoding="UTF-8"?><not-svg></not-svg>',
        "<!-- Only comments <svg> -->",
        "<svg",
        "<svg width='1'",
        '<svg title="never closed>',
        "<SVG>",
        "<Svg>",
        "<svgs>",
        "<s:svg:x>",
        "<:svg>",
        "<svg:>",
        "< svg>",
        "</svg>",
        "<?svg ?>",
        "&lt;svg&gt;",
        "<!-- unclosed <svg>",
        "<!-- unclosed > <svg>",
        "<![CDATA[ unclosed > <svg>",
        "<!DOCTYPE svg [ <svg>",
        "<!DOCTYPE svg <svg>",
        "<!DOCTYPE svg ]><svg>",
        "<!doctype html><html><svg>",
        "<!ELEMENT svg><svg>",
        "<??><svg>",
        "<a =b><svg>",
        "<a b='><svg>",
        "<a / ><svg>",
        "</a b><svg>",
        "<=><svg>",
        "a < b <svg>",
        "svg",
    ],
)
def test_other_markup_and_broken_markup_before_the_tag_are_not_svg(text: str) -> None:
    """Other markup is not SVG, nor is markup that is broken or ends before the tag is whole."""
    assert detect(text.encode()) is None


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"\xff\xfe\x00\x00", "utf-32-le"),
        (b"\x00\x00\xfe\xff", "utf-32-be"),
    ],
)
def test_svg_is_read_through_its_byte_order_mark(mark: bytes, encoding: str) -> None:
    """SVG is read through its byte order mark."""
    assert detect(mark + '<?xml version="1.0"?><!-- ü --><svg width="1">'.encode(encoding)) is ImageFormat.SVG


def test_svg_in_bytes_that_are_no_utf8_is_still_seen() -> None:
    """SVG in bytes that are no UTF-8 is still seen: its markup is ASCII."""
    assert detect(b"<!-- caf\xe9 \xff --><svg>") is ImageFormat.SVG


def test_detection_looks_at_the_first_32_kib_only() -> None:
    """Detection looks at the first 32 KiB only."""
    tag = b"<svg>"
    assert detect(b" " * (SNIFF_BYTES - len(tag)) + tag) is ImageFormat.SVG
    assert detect(b" " * (SNIFF_BYTES - len(tag) + 1) + tag) is None


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<!-- >",
            "<!--",
            "<!",
            "[",
            "<![",
            "<![]",
            "<![CDATA[",
            "<![CDATA[ >",
            "<!DOCTYPE",
            "<!DOCTYPE[",
            "<!DOCTYPE>",
        ),
        *(
            "<!DOCTYPE a []",
            "<!DOCTYPE a [ ] ",
            '"',
            "'",
            "\"'",
            '<a "',
            "<a ' ",
            "<a b='",
            "<a b=",
            "<a b",
            "<a ",
            "<a>",
        ),
        *(
            "<a/>",
            "</a",
            "</a>",
            "<a",
            "<",
            "<<",
            ">",
            "<?",
            "<?a",
            "<?a?>",
            "<?a >",
            "-->",
            "]",
            "] ",
            " ",
            "a ",
            "a= ",
        ),
    ],
)
@pytest.mark.parametrize(
    "start", ["", "<!", "<!--", "<![CDATA[", "<!DOCTYPE ", "<!DOCTYPE [", "<a ", "<a b=", "<?a ", "</a "]
)
def test_hostile_text_costs_one_pass(start: str, piece: str) -> None:
    """Text made of one repeated piece is judged in one pass, whatever the piece."""
    text = (start + piece * SNIFF_BYTES)[: SNIFF_BYTES - 5] + "<svg>"

    started = time.process_time()
    detect(text.encode())

    # Measured 0.015 s at most. A pattern that searches the whole rest from every place needs seconds.
    assert time.process_time() - started < 0.5


def test_formats_have_exactly_these_names() -> None:
    """Formats have exactly these names; `jpg` is the one alias."""
    expected = {"jpeg", "jpg", "jxl", "png", "webp", "gif", "ico", "svg", "heic", "avif", "bmp", "tiff"}

    assert set(NAMES) == expected
    assert NAMES["jpg"] is NAMES["jpeg"] is ImageFormat.JPEG


TRAIT_NAMES = {
    "has_alpha": "jxl png webp gif ico svg heic avif bmp tiff",
    "has_icc": "jpeg jxl png webp heic avif tiff",
    "has_quality": "jpeg jxl webp heic avif tiff",
    "loads_animation": "jxl webp gif",
    "saves_animation": "webp gif",
    "has_thumbnail": "heic avif",
    "has_hdr": "jxl png avif tiff",
    "is_vector": "svg",
}


@pytest.mark.parametrize(("trait", "names"), TRAIT_NAMES.items())
def test_formats_hold_what_the_table_of_abilities_says(trait: str, names: str) -> None:
    """Formats hold what the table of abilities says, and nothing else."""
    assert {image_format.value for image_format in ImageFormat if getattr(image_format.traits, trait)} == set(
        names.split()
    )


@pytest.mark.parametrize("image_format", ImageFormat)
def test_types_and_extensions_are_made_of_the_name_with_three_exceptions(image_format: ImageFormat) -> None:
    """Types and extensions are made of the name, except for JPEG's extension and the types of ICO, SVG and HEIC."""
    types = {"ico": "image/x-icon", "svg": "image/svg+xml", "heic": "image/heif"}
    extensions = {"jpeg": ".jpg"}

    assert image_format.mime == types.get(image_format.value, f"image/{image_format.value}")
    assert image_format.extension == extensions.get(image_format.value, f".{image_format.value}")
    assert image_format.traits is TRAITS[image_format]
