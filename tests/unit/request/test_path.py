"""Request targets fall into a signature and a path, and paths that proxies damaged are repaired."""

from __future__ import annotations

import time

import pytest

from renderer.errors import InvalidURL
from renderer.request.path import SplitPath, split_path

SOURCE = "plain/local:///a.jpg"


@pytest.mark.parametrize(
    ("target", "signature", "signed"),
    [
        (f"/unsafe/w:10/{SOURCE}", "unsafe", f"w:10/{SOURCE}"),
        (f"/unsafe/{SOURCE}", "unsafe", SOURCE),
        (f"//unsafe/{SOURCE}", "unsafe", SOURCE),
        (f"unsafe/{SOURCE}", "unsafe", SOURCE),
        (f"/unsafe//{SOURCE}", "unsafe", SOURCE),
        (f"/unsafe//w:10/{SOURCE}", "unsafe", f"w:10/{SOURCE}"),
        ("/unsafe//bG9jYWw6Ly8vYS5qcGc", "unsafe", "bG9jYWw6Ly8vYS5qcGc"),
        (f"/unsafe///w:10/{SOURCE}", "unsafe", f"/w:10/{SOURCE}"),
        (f"/a:b/{SOURCE}", "a:b", SOURCE),
        (f"/w%3A10/{SOURCE}", "w%3A10", SOURCE),
        (f"/unsafe/{SOURCE}?w:10/x?y", "unsafe", SOURCE),
        (f"/unsafe/{SOURCE}#part", "unsafe", f"{SOURCE}#part"),
        ("/unsafe/plain/local:///a.jpg/", "unsafe", "plain/local:///a.jpg/"),
        ("/unsafe/plain/local:///a/../b//c.jpg", "unsafe", "plain/local:///a/../b//c.jpg"),
        (f"/unsafe/w:10//{SOURCE}", "unsafe", f"w:10//{SOURCE}"),
        ("/unsafe/w:10", "unsafe", "w:10"),
        (f"http://host/unsafe/{SOURCE}", "http:", f"host/unsafe/{SOURCE}"),
    ],
)
def test_a_target_is_a_signature_and_what_was_signed(target: str, signature: str, signed: str) -> None:
    """A target is a signature and what was signed; one slash too many is tolerated before and after the signature."""
    assert split_path(target) == SplitPath(signature=signature, signed=signed)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/foo", "Invalid path: "),
        ("/unsafe", "Invalid path: "),
        ("/unsafe/", "Invalid path: "),
        ("/unsafe/?plain/local:///a.jpg", "Invalid path: "),
        ("/unsafe?/plain/local:///a.jpg", "Invalid path: "),
        ("/", "Invalid path: "),
        ("", "Invalid path: "),
        (f"///unsafe/w:10/{SOURCE}", f"Invalid path: unsafe/w:10/{SOURCE}"),
        ("/unsafe//", "invalid path: "),
    ],
)
def test_a_target_without_signature_or_path_is_refused(target: str, text: str) -> None:
    """A target without a signature or without anything after it is refused."""
    with pytest.raises(InvalidURL) as refused:
        split_path(target)
    assert (str(refused.value), refused.value.status) == (text, 404)


@pytest.mark.parametrize(
    ("prefix", "target", "signature"),
    [
        ("/img", f"/img/sig/{SOURCE}", "sig"),
        ("/img", f"/img//sig/{SOURCE}", "sig"),
        ("/img/", f"/img//sig/{SOURCE}", "sig"),
        ("/abc/def", f"/abc/def/sig/{SOURCE}", "sig"),
        ("/abc/def", f"/abc/d%65f/sig/{SOURCE}", "abc"),
        ("/img", f"/images/sig/{SOURCE}", "images"),
    ],
)
def test_a_prefix_is_removed_only_where_it_stands_literally(prefix: str, target: str, signature: str) -> None:
    """A prefix is removed only where it stands literally: not decoded, not normalised."""
    assert split_path(target, prefix).signature == signature


@pytest.mark.parametrize(
    ("path", "repaired"),
    [
        ("w%3A10/plain/local:///a.jpg", "w:10/plain/local:///a.jpg"),
        ("rs%3Afill%3A10%3A20/w%3A5/bG9j", "rs:fill:10:20/w:5/bG9j"),
        ("w%3a10/plain/local:///a.jpg", "w%3a10/plain/local:///a.jpg"),
        ("w%2C10/plain/local:///a.jpg", "w%2C10/plain/local:///a.jpg"),
        ("fn:a%3Ab/plain/local:///a%3Ab.jpg", "fn:a:b/plain/local:///a%3Ab.jpg"),
        ("bG9j%3A", "bG9j:"),
        ("w:10/plain/http:/host/a.jpg", "w:10/plain/http://host/a.jpg"),
        ("w:10/plain/https:/host/a.jpg@png", "w:10/plain/https://host/a.jpg@png"),
        ("plain/http:/host/a.jpg", "plain/http://host/a.jpg"),
        ("plain/local:/a.jpg", "plain/local:///a.jpg"),
        ("plain/local://a.jpg", "plain/local://a.jpg"),
        ("plain/xlocal:/a.jpg", "plain/xlocal://a.jpg"),
        ("plain/LOCAL:/a.jpg", "plain/LOCAL://a.jpg"),
        ("plain/http://host/a:/b.jpg", "plain/http://host/a://b.jpg"),
        ("plain/local:///a:/b.jpg", "plain/local:///a://b.jpg"),
        ("plain/http:/host/?u=http:/other/a.jpg", "plain/http://host/"),
        ("plain/http:/host/%3Fu=http:/other/a.jpg", "plain/http:/host/%3Fu=http://other/a.jpg"),
        ("plain/s3:/bucket/key", "plain/s3://bucket/key"),
        ("plain/:/a.jpg", "plain/:/a.jpg"),
        ("plain/a:/", "plain/a:/"),
        ("plain/a:/@png", "plain/a://@png"),
        ("plain/h\xe4:/a", "plain/h\xe4://a"),
        ("plain/h\u2003:/a", "plain/h\u2003://a"),
        ("plain/h\udce4:/a", "plain/h\udce4://a"),
        ("w:10/plain/a/plain/http:/b%3A", "w:10/plain/a/plain/http://b%3A"),
        ("w:10/http:/a.jpg", "w:10/http:/a.jpg"),
        ("explain/http:/a.jpg", "explain/http:/a.jpg"),
        ("w:10/plain", "w:10/plain"),
    ],
)
def test_what_proxies_do_to_paths_is_undone(path: str, repaired: str) -> None:
    """Colons that a proxy escaped come back in options, slashes that it collapsed come back in the plain source.

    Only upper-case `%3A` is undone, and of several collapsed schemes only the last.
    """
    assert split_path(f"/sig/{path}").signed == repaired


@pytest.mark.parametrize("path", ["plain/" + ":" * 500_000, "plain/" + "a:/" * 200_000, "%3A" * 300_000])
def test_a_path_of_a_megabyte_is_repaired_in_one_pass(path: str) -> None:
    """A path of a megabyte is repaired in one pass over it."""
    start = time.process_time()
    split_path(f"/sig/{path}")

    assert time.process_time() - start < 0.5
