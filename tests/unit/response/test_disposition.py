"""An answer is named after its source or its option, in a header that no name can break."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.formats import ImageFormat
from renderer.response.disposition import content_disposition, raw_content_disposition


@pytest.mark.parametrize(
    ("source_url", "expected"),
    [
        ("local:///photo1.jpg", "photo1.webp"),
        ("http://a.test/x/photo.large.png", "photo.large.webp"),
        ("http://a.test/query?img=photo1.jpg", "query?img=photo1.webp"),
        ("local:///jpg/jpg.jpg?v=1.5", "jpg.jpg?v=1.webp"),
        ("http://a.test/jpg.jpg?a/b", "b.webp"),
        ("http://a.test/status/404", "404.webp"),
        ("http://a.test/dir/", "image.webp"),
        ("http://a.test", "a.webp"),
        ("http://a.test/.jpg", "image.webp"),
        ("http://a.test/x.", "x.webp"),
        ("http://a.test/a%20b.jpg", "a%20b.webp"),
        ("http://a.test/a b;c.jpg", "a b;c.webp"),
        ("http://a.test/frü.jpg", "frü.webp"),
        ('http://a.test/a".jpg', "a%22.webp"),
        ("http://a.test/a\r\nSet-Cookie: x=1.jpg", "aSet-Cookie: x=1.webp"),
        ("http://a.test/\x00\x1f\x7f.jpg", "image.webp"),
        ("http://a.test/caf\udce9.jpg", "caf\ufffd.webp"),
        ("", "image.webp"),
    ],
)
def test_the_name_is_the_last_part_of_the_source_url(source_url: str, expected: str) -> None:
    """The whole URL counts, query included; the result's extension replaces the URL's."""
    assert content_disposition(source_url=source_url, extension=".webp") == f'inline; filename="{expected}"'


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("myname", "myname.png"),
        ("früh stück.jpg", "früh stück.jpg.png"),
        ("a%2Fb%20c", "a%2Fb%20c.png"),
        ("a/b", "a/b.png"),
        ('say "hi"', "say %22hi%22.png"),
        ("a\r\nX-Evil: 1\0", "aX-Evil: 1.png"),
        ("\r\n", "photo1.png"),
        ("", "photo1.png"),
    ],
)
def test_the_filename_option_replaces_the_name(filename: str, expected: str) -> None:
    """Its own extension stays, nothing in it is decoded; a name of control characters is none."""
    value = content_disposition(source_url="local:///photo1.jpg", extension=".png", filename=filename)
    assert value == f'inline; filename="{expected}"'


def test_an_attachment_is_said_to_be_one() -> None:
    """For both kinds of answer."""
    processed = content_disposition(source_url="local:///a.jpg", extension=".jpg", filename="x", is_attachment=True)
    raw = raw_content_disposition(source_url="local:///a.jpg", content_type=None, is_attachment=True)
    assert (processed, raw) == ('attachment; filename="x.jpg"', 'attachment; filename="a.jpg"')


@pytest.mark.parametrize(
    ("source_url", "content_type", "expected"),
    [
        ("local:///photo1.jpg", "image/jpeg", "photo1.jpg"),
        ("local:///photo1.jpg", "image/png", "photo1.jpg"),
        ("local:///jpg.jpg?v=1.5", "image/jpeg", "jpg.jpg?v=1.5"),
        ("s3://bucket/a%20b.jpg", "image/jpeg", "a%20b.jpg"),
        ("http://a.test/photo.png?v=1.5/x", "image/jpeg", "photo.png"),
        ("http://a.test/photo.png#x/y.z", "image/jpeg", "photo.png"),
        ("http://a.test/a%20b%22c.png", "image/png", "a b%22c.png"),
        ("http://a.test/fr%C3%BC.png", None, "frü.png"),
        ("http://a.test/fr%FC%0D%0A.png", None, "fr\ufffd.png"),
        ("http://a.test/photo", "image/jpeg", "photo.jpg"),
        ("http://a.test/photo", "Image/PNG; charset=binary", "photo.png"),
        ("http://a.test/photo", "text/html", "photo"),
        ("http://a.test/photo", None, "photo"),
        ("http://a.test/photo?x=y.png", "image/gif", "photo.gif"),
        ("http://a.test", "image/webp", "image.webp"),
        ("http://a.test?x.png", "image/webp", "image.webp"),
        ("http://a.test/", "", "image"),
        ("http://a.test/.jpg", "image/jpeg", "image.jpg"),
        ('local:///a.j"p', None, "a.j%22p"),
        ("local:///a.j\r\np", None, "a.jp"),
        ("HTTP://a.test/photo.png?v=1.5", "image/jpeg", "photo.png?v=1.5"),
    ],
)
def test_a_raw_answer_keeps_the_urls_extension(source_url: str, content_type: str | None, expected: str) -> None:
    """Of http(s) URLs the decoded path counts; without an extension the type gives one."""
    value = raw_content_disposition(source_url=source_url, content_type=content_type)
    assert value == f'inline; filename="{expected}"'


@pytest.mark.parametrize(
    ("filename", "source_url", "expected"),
    [
        ("x", "http://a.test/a.png", "x.png"),
        ("x.gif", "http://a.test/a", "x.gif.jpg"),
        ("", "http://a.test/a", "a.jpg"),
    ],
)
def test_the_filename_option_keeps_a_raw_answers_extension(filename: str, source_url: str, expected: str) -> None:
    """It replaces the stem."""
    value = raw_content_disposition(source_url=source_url, content_type="image/jpeg", filename=filename)
    assert value == f'inline; filename="{expected}"'


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [
        *((each.mime, each.extension) for each in ImageFormat),
        ("image/vnd.microsoft.icon", ".ico"),
        ("application/pdf", ".pdf"),
        ("video/mp4", ".mp4"),
    ],
)
def test_every_known_type_has_an_extension(content_type: str, extension: str) -> None:
    """The picture formats and what Pro reads."""
    value = raw_content_disposition(source_url="http://a.test/x", content_type=content_type)
    assert value == f'inline; filename="x{extension}"'


@given(st.text(), st.text())
def test_no_text_breaks_the_header(url: str, filename: str) -> None:
    """One line, one pair of quotes, text that can be written as UTF-8."""
    for value in (
        content_disposition(source_url=url, extension=".jpg", filename=filename),
        raw_content_disposition(source_url=url, content_type="image/jpeg", filename=filename),
        raw_content_disposition(source_url=f"http://a/{url}", content_type=None),
    ):
        assert value.startswith('inline; filename="')
        assert value.endswith('"')
        assert value.count('"') == 2
        assert not any(ord(character) < 32 or ord(character) == 127 for character in value)
        value.encode("utf-8")
