"""Forms: what browsers, curl and hostile clients send."""

from __future__ import annotations

import pytest

from api.problems import InvalidRequest
from api.requests.forms import Form, form_of

TYPE = 'multipart/form-data; boundary="b"'


def part(name: str, content: bytes, further: str = "") -> bytes:
    """A part of a form with the boundary `b`."""
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{further}\r\n\r\n'
    return head.encode() + content + b"\r\n"


FILE = part("file", b"\x89PNG\r\n--a-", '; filename="sch\u00f6n.png"\r\nContent-Type: image/png')


def test_a_file_comes_with_its_name_and_type() -> None:
    assert form_of(FILE + b"--b--\r\n", TYPE) == Form(
        file=b"\x89PNG\r\n--a-", content_type="image/png", file_name="sch\u00f6n.png", key=None
    )


def test_other_fields_are_left_alone_and_the_key_is_read() -> None:
    form = form_of(part("title", b"x") + part("key", "ä/b.png".encode()) + FILE + b"--b--", TYPE)

    assert (form.key, form.file) == ("ä/b.png", b"\x89PNG\r\n--a-")


def test_a_form_within_the_file_is_only_a_file() -> None:
    """Thirty levels deep: nobody looks inside."""
    inner = FILE + b"--b--"
    for level in range(30):
        boundary = f"n{level}"
        inner = (
            f"--{boundary}\r\nContent-Type: multipart/mixed\r\n\r\n".encode() + inner + f"\r\n--{boundary}--".encode()
        )
    body = b'--c\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + inner + b"\r\n--c--"

    assert form_of(body, "multipart/form-data; boundary=c").file == inner


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", TYPE),
        (FILE, TYPE),
        (FILE + b"--b--", "multipart/form-data"),
        (FILE + b"--b--", "multipart/form-data; boundary="),
        (FILE + b"--b--", f"multipart/form-data; boundary={'x' * 71}"),
        (FILE + b"--b--", "multipart/form-data; boundary=\u00e4"),
        (part("key", b"a.png") + b"--b--", TYPE),
        (FILE + FILE + b"--b--", TYPE),
        (part("key", b"a") + part("key", b"b") + FILE + b"--b--", TYPE),
        (part("key", b"\xff\xfe") + FILE + b"--b--", TYPE),
        (part("key", b"a" * 9000) + FILE + b"--b--", TYPE),
        (b"".join(part(f"f{number}", b"x") for number in range(9)) + FILE + b"--b--", TYPE),
        (b"--b\r\n" + b"X: y\r\n" * 100 + b"\r\nz\r\n--b--", TYPE),
        (b"--b\r\nContent-Disposition: form-data; name=file; filename=" + b"a" * 9000 + b"\r\n\r\nz\r\n--b--", TYPE),
        (b"no form at all", TYPE),
    ],
)
def test_what_is_no_such_form_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(InvalidRequest):
        form_of(body, content_type)
