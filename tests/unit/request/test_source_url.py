"""The source of a path: plain, base64 or encrypted, with an extension or without."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

import pytest

from renderer.formats import ImageFormat
from renderer.request.parse import Grammar, parse_request
from renderer.request.source_url import SourceGrammar, decode_source

MakeGrammar = Callable[..., Grammar]
Refused = Callable[[str, Grammar], str]

URL = "local:///jpg/jpg.jpg"
ENCODED = "bG9jYWw6Ly8vanBnL2pwZy5qcGc"


def decoded(path: str, **settings: object) -> tuple[str, str]:
    """The source URL and the extension of the last part of a path."""
    return decode_source(path.split("/"), SourceGrammar(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "url", "extension"),
    [
        (f"plain/{URL}", URL, ""),
        (f"plain/{URL}@png", URL, "png"),
        (f"plain/{URL}@", URL, ""),
        ("plain/http://h/a%20b%2Bc+d", "http://h/a b+c+d", ""),
        ("plain/http://h/100%2525", "http://h/100%25", ""),
        ("plain/http://h/a%40b@png", "http://h/a@b", "png"),
        ("plain/http://h/a%3Fb=c", "http://h/a?b=c", ""),
        ("plain/http://h/a#b", "http://h/a#b", ""),
        ("plain/http://h/a.jpg/", "http://h/a.jpg/", ""),
        ("plain/http://h/a.jpg@png/", "http://h/a.jpg", "png/"),
        ("plain/http://h/a@p%6Eg", "http://h/a", "p%6Eg"),
        ("plain/plain/x", "plain/x", ""),
        ("plain//x", "/x", ""),
        ("plain/%C3%A4", "ä", ""),
        ("plain/ä", "ä", ""),
        ("plain/%E4", "\udce4", ""),
        ("plain/\udce4", "\udce4", ""),
        ("plain/a:b", "a:b", ""),
    ],
)
def test_a_plain_source_is_unescaped_once_after_the_extension_is_taken_off(path: str, url: str, extension: str) -> None:
    """A plain source is unescaped once, after the extension was taken off; a plus sign stays one."""
    assert decoded(path) == (url, extension)


@pytest.mark.parametrize(
    ("path", "url", "extension"),
    [
        (ENCODED, URL, ""),
        (f"{ENCODED}.png", URL, "png"),
        (f"{ENCODED}.", URL, ""),
        (f"{ENCODED}=", URL, ""),
        (f"{ENCODED}====.png", URL, "png"),
        ("bG9jYWw6Ly8v/anBnL2pwZy5qcGc.png", URL, "png"),
        ("bG9jYWw6Ly8v//anBnL2pwZy5qcGc/", URL, ""),
        ("b/G/9jYWw6Ly8vanBnL2pwZy5qcGc.p/ng", URL, "png"),
        ("w6Q_", "ä?", ""),
        ("w6R-", "ä~", ""),
        ("_w", "\udcff", ""),
        ("_x", "\udcff", ""),
        ("enc/" + ENCODED, base64.urlsafe_b64decode(f"enc{ENCODED}==").decode("utf-8", "surrogateescape"), ""),
    ],
)
def test_an_encoded_source_may_be_cut_anywhere(path: str, url: str, extension: str) -> None:
    """An encoded source may be cut into segments anywhere, padded, and end in bits that say nothing."""
    assert decoded(path) == (url, extension)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("", "Image URL is empty"),
        ("plain/", "Image URL is empty"),
        ("plain/@png", "Image URL is empty"),
        (".png", "Image URL is empty"),
        ("/.png", "Image URL is empty"),
        ("plain", "Invalid url encoding: plain"),
        ("PLAIN/local:///a.jpg", "Invalid url encoding: PLAINlocal:a"),
        ("plain/a@b@c", "Multiple formats are specified: a@b@c"),
        ("plain/@@", "Multiple formats are specified: @@"),
        ("abcd.png.webp", "Multiple formats are specified: abcd.png.webp"),
        ("ab+d", "Invalid url encoding: ab+d"),
        ("ab%3Dd", "Invalid url encoding: ab%3Dd"),
        ("ab@png", "Invalid url encoding: ab@png"),
        ("abcd/a:bcd", "Invalid url encoding: abcda:bcd"),
        ("ab=d", "Invalid url encoding: ab=d"),
        ("abcde", "Invalid url encoding: abcde"),
        ("-", "Invalid url encoding: -"),
        ("abcä", "Invalid url encoding: abcä"),
    ],
)
def test_a_source_that_cannot_be_decoded_is_refused(
    grammar: MakeGrammar, refused: Refused, path: str, text: str
) -> None:
    """A source that cannot be decoded is refused."""
    assert refused(f"w:10/{path}", grammar()) == text


def test_a_path_that_ends_with_its_options_has_no_source(grammar: MakeGrammar, refused: Refused) -> None:
    """A path that ends with its options has no source."""
    assert refused("w:10", grammar()) == "Image URL is empty"


@pytest.mark.parametrize(
    ("path", "url", "extension"),
    [
        (ENCODED, URL, ""),
        (f"{ENCODED}.png/cat.jpg", URL, "png"),
        (f"{ENCODED}/a:b@c.d.e", URL, ""),
        (f"{ENCODED}/", URL, ""),
        (f"plain/{URL}", URL, ""),
    ],
)
def test_a_file_name_for_people_is_dropped_unread(path: str, url: str, extension: str) -> None:
    """A file name for people after an encoded source is dropped unread; a lone segment and a plain source stay."""
    assert decoded(path, includes_filename=True) == (url, extension)


def test_chunks_lose_their_end_when_a_file_name_is_expected() -> None:
    """Where a file name is expected, the last chunk is taken for one."""
    assert decoded("bG9jYWw6Ly8v/anBnL2pwZy5qcGc", includes_filename=True) == ("local:///", "")


VECTORS = [
    (
        "1eb5b0e971ad7f45324c1bb15c947cb207c43152fa5c6c7f35c4f36e0c18e0f1",
        "http://example.com/images/curiosity.jpg",
        "p5VjorNdhs7mRRw8gA9TWoRlGci3l1kuzqN43UQlRaRIQ0qtBKW3qFABIsx-ZRz_cVc8iVTYbhsNsxNBL1BHaQ",
    ),
    (
        "000102030405060708090a0b0c0d0e0f",
        "local:///jpg/jpg.jpg",
        "EBESExQVFhcYGRobHB0eH8g-5jZnDGSW9f712b-2t1OAwPsyzPXHmo6fk4Ejj5u1",
    ),
    (
        "000102030405060708090a0b0c0d0e0f1011121314151617",
        "https://a.io/1.j",
        "AAAAAAAAAAAAAAAAAAAAAJq21oGbmlWaJuCxbcaDatlQF6gz9W5a_0WnuxITqEFn",
    ),
]


@pytest.mark.parametrize(("key", "url", "data"), VECTORS, ids=["AES-256", "AES-128", "AES-192"])
def test_an_encrypted_source_obeys_every_rule_of_base64(grammar: MakeGrammar, key: str, url: str, data: str) -> None:
    """An encrypted source obeys every rule of base64: chunks, padding, extension, file name."""
    sources = SourceGrammar(encryption_key=bytes.fromhex(key))
    for path in (data, f"{data}==", f"{data[:10]}/{data[10:40]}//{data[40:]}", f"{data}.png", f"{data}."):
        request = parse_request(f"w:10/enc/{path}", grammar(sources=sources))
        assert request.source_url == url, path
        assert request.output.format is (ImageFormat.PNG if path.endswith("png") else None), path
    named = SourceGrammar(encryption_key=bytes.fromhex(key), includes_filename=True)
    assert parse_request(f"enc/{data}/cat.jpg", grammar(sources=named)).source_url == url
    assert parse_request(f"enc/{data}", grammar(sources=named)).source_url == url


def _damaged(data: str) -> str:
    raw = bytearray(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)))
    raw[-17] ^= 0x55
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "data",
    [
        "AAAA",
        VECTORS[1][2][:22],
        VECTORS[1][2][:43],
        VECTORS[1][2][:-4],
        VECTORS[0][2],
        _damaged(VECTORS[1][2]),
    ],
    ids=["short", "an IV", "two blocks", "no whole block", "another key", "bad padding"],
)
def test_whatever_is_wrong_with_encrypted_data_the_error_is_one(
    grammar: MakeGrammar, refused: Refused, data: str
) -> None:
    """Whatever is wrong with encrypted data, the error is one: nothing tells bad padding from a bad URL."""
    sources = SourceGrammar(encryption_key=bytes.fromhex(VECTORS[1][0]))

    assert refused(f"enc/{data}", grammar(sources=sources)) == "Invalid encrypted source URL"


def test_encrypted_data_without_text_or_key_is_no_encrypted_source(grammar: MakeGrammar, refused: Refused) -> None:
    """`enc` alone is base64 text, and so is everything after it where no key is configured."""
    sources = SourceGrammar(encryption_key=bytes(16))
    junk = base64.urlsafe_b64decode("encAAAA=").decode("utf-8", "surrogateescape")

    assert refused("enc/", grammar(sources=sources)) == "Image URL is empty"
    assert parse_request("enc", grammar(sources=sources)).source_url == "zw"
    assert parse_request("enc/AAAA", grammar()).source_url == junk


def test_replacements_and_the_base_url_apply_to_every_kind_of_source() -> None:
    """Replacements, then the base URL, apply to every kind of source."""
    settings = {"replacements": ((re.compile("my:"), "s/"),), "base_url": "http://h/"}
    encoded = base64.urlsafe_b64encode(b"my:a").decode().rstrip("=")
    vector = SourceGrammar(encryption_key=bytes.fromhex(VECTORS[1][0]), base_url="x-")

    assert decoded("plain/my:a", **settings) == ("http://h/s/a", "")
    assert decoded(encoded, **settings) == ("http://h/s/a", "")
    assert decoded("plain/http://h/b", **settings) == ("http://h/b", "")
    assert decode_source(["enc", VECTORS[1][2]], vector) == (f"x-{VECTORS[1][1]}", "")
