"""Encrypted source URLs: what was encrypted comes back, and every failure looks the same."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from renderer.errors import InvalidURL
from renderer.scalars import decode_base64url, encode_base64url
from renderer.security.encryption import decrypt_source_url, encrypt_source_url

KEY = bytes(range(16))
VECTORS = [
    (
        "1eb5b0e971ad7f45324c1bb15c947cb207c43152fa5c6c7f35c4f36e0c18e0f1",
        "a79563a2b35d86cee6451c3c800f535a",
        "http://example.com/images/curiosity.jpg",
        "p5VjorNdhs7mRRw8gA9TWoRlGci3l1kuzqN43UQlRaRIQ0qtBKW3qFABIsx-ZRz_cVc8iVTYbhsNsxNBL1BHaQ",
    ),
    (
        "000102030405060708090a0b0c0d0e0f",
        "101112131415161718191a1b1c1d1e1f",
        "local:///jpg/jpg.jpg",
        "EBESExQVFhcYGRobHB0eH8g-5jZnDGSW9f712b-2t1OAwPsyzPXHmo6fk4Ejj5u1",
    ),
    (
        "000102030405060708090a0b0c0d0e0f1011121314151617",
        "00" * 16,
        "https://a.io/1.j",
        "AAAAAAAAAAAAAAAAAAAAAJq21oGbmlWaJuCxbcaDatlQF6gz9W5a_0WnuxITqEFn",
    ),
]


def encrypted(padded: bytes, iv: bytes = bytes(16)) -> bytes:
    """IV and ciphertext of text that carries whatever padding it has."""
    encryptor = Cipher(algorithms.AES(KEY), modes.CBC(iv)).encryptor()
    return iv + encryptor.update(padded) + encryptor.finalize()


@pytest.mark.parametrize(("key", "iv", "url", "data"), VECTORS)
def test_the_documented_examples_work_both_ways(key: str, iv: str, url: str, data: str) -> None:
    """All three key lengths, and a URL that fills its last block."""
    assert decrypt_source_url(decode_base64url(data), bytes.fromhex(key)) == url
    assert encode_base64url(encrypt_source_url(url, bytes.fromhex(key), bytes.fromhex(iv))) == data


@given(url=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), size=st.sampled_from((16, 24, 32)))
def test_what_was_encrypted_comes_back(url: str, size: int) -> None:
    """Any text, any key length, the derived IV."""
    assert decrypt_source_url(encrypt_source_url(url, bytes(size)), bytes(size)) == url


def test_the_default_iv_follows_from_key_and_url() -> None:
    """The same URL gives the same data, so caches hit; another URL or key begins with another block."""
    data = encrypt_source_url("http://a.test/1.jpg", KEY)
    assert data == encrypt_source_url("http://a.test/1.jpg", KEY)
    assert data[:16] != encrypt_source_url("http://a.test/2.jpg", KEY)[:16]
    assert data[:16] != encrypt_source_url("http://a.test/1.jpg", KEY[::-1])[:16]


@pytest.mark.parametrize(
    ("data", "key"),
    [
        pytest.param(encrypted(b"u" * 15 + b"\x01"), b"", id="no key is configured"),
        pytest.param(encrypted(b"u" * 15 + b"\x01"), KEY[::-1], id="another key"),
        pytest.param(encrypted(b"u" * 15 + b"\x01"), b"short", id="a key of no AES size"),
        pytest.param(b"", KEY, id="nothing"),
        pytest.param(bytes(15), KEY, id="less than an IV"),
        pytest.param(bytes(16), KEY, id="an IV alone"),
        pytest.param(encrypted(b"u" * 15 + b"\x01")[:-1], KEY, id="a block cut short"),
        pytest.param(encrypted(b"u" * 15 + b"\x01") + b"x", KEY, id="a byte too many"),
        pytest.param(encrypted(b"u" * 15 + b"\x00"), KEY, id="padding of zero"),
        pytest.param(encrypted(b"u" * 15 + b"\x11"), KEY, id="padding longer than a block"),
        pytest.param(encrypted(b"u" * 14 + b"\x01\x02"), KEY, id="uneven padding"),
        pytest.param(encrypted(b"\xff" * 15 + b"\x01"), KEY, id="no UTF-8"),
        pytest.param(encrypted(b"\x10" * 16), KEY, id="an empty URL"),
    ],
)
def test_every_failure_is_the_same_error(data: bytes, key: bytes) -> None:
    """Nothing tells padding from encoding: neither text nor cause nor context."""
    with pytest.raises(InvalidURL) as failure:
        decrypt_source_url(data, key)

    error = failure.value
    assert (str(error), error.status, error.__cause__, error.__context__) == (
        "Invalid encrypted source URL",
        404,
        None,
        None,
    )


@pytest.mark.parametrize(("key", "iv"), [(b"short", None), (b"", None), (KEY, bytes(15))])
def test_encrypting_with_a_wrong_key_or_iv_is_refused(key: bytes, iv: bytes | None) -> None:
    """The caller's mistake, seen at once."""
    with pytest.raises(ValueError, match="nvalid"):
        encrypt_source_url("http://a.test/", key, iv)


def test_importing_the_module_does_not_load_the_cipher_library() -> None:
    """Servers without encrypted URLs do not pay for it."""
    code = "import sys, renderer.security.encryption; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
