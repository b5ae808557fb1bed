"""Content types of files handed out raw."""

from __future__ import annotations

import pytest

from renderer.sources.content_type import content_type

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8L", "image/webp"),
        (b"BM\x00", "image/bmp"),
        (b"\x00\x00\x01\x00", "image/x-icon"),
        (b"\x00\x00\x02\x00", "image/x-icon"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\x00\x00\x00\x20ftypmp42", "video/mp4"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
        (b"\x1f\x8b\x08", "application/x-gzip"),
        (b"PK\x03\x04", "application/zip"),
        (b"<!doctype html><html>", HTML),
        (b"\n\t <HTML >", HTML),
        (b"<!-- x -->", HTML),
        (b"<a>", HTML),
        (b"<?xml version='1.0'?><svg/>", "text/xml; charset=utf-8"),
        (b"\xfe\xff\x00a", "text/plain; charset=utf-16be"),
        (b"plain text", TEXT),
        (b"", TEXT),
        (b"caf\xc3\xa9 \x1b[1m", TEXT),
        (b"<abc>", TEXT),
        (b"text\x00", "application/octet-stream"),
        (b"\x01\x02", "application/octet-stream"),
    ],
)
def test_the_first_bytes_decide(head: bytes, expected: str) -> None:
    assert content_type(head, name="name") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain.svg", "image/svg+xml"),
        ("a/b/photo.JPG", "image/jpeg"),
        ("photo.jpeg", "image/jpeg"),
        ("photo.avif", "image/avif"),
        ("photo.tif", "image/tiff"),
        ("photo.heic", "image/heif"),
        ("photo.jxl", "image/jxl"),
        ("style.css", "text/css"),
        ("folder.svg/file", TEXT),
        ("file.", TEXT),
        ("file.unknown", TEXT),
        ("", TEXT),
    ],
)
def test_the_extension_types_what_looks_like_text(name: str, expected: str) -> None:
    assert content_type(b"<svg xmlns='http://www.w3.org/2000/svg'>", name=name) == expected


def test_the_extension_types_what_looks_like_nothing() -> None:
    assert content_type(b"\x00\x00\x00\x1cftypavif", name="photo.avif") == "image/avif"


def test_the_extension_does_not_hide_what_the_bytes_show() -> None:
    assert content_type(b"<!doctype html><html><body>nope</body></html>", name="html.jpg") == HTML


def test_only_the_first_512_bytes_count() -> None:
    assert content_type(b"a" * 512 + b"\x00", name="x") == TEXT
