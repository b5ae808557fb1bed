"""Source URLs that only the server can read: `/enc/` (spec 01 section 3).

The data is a block of 16 random or derived bytes (the IV) and the URL under AES-CBC with PKCS #7 padding; the key's
length chooses AES-128, -192 or -256. Whatever is wrong with it, the answer is one and the same error: a client that
could tell bad padding from a bad URL could decrypt anything (a padding oracle).

`cryptography` takes 10 to 100 ms to import, so the first request that needs it imports it.
"""

from __future__ import annotations

import hmac
from typing import Final

from renderer.errors import InvalidURL

BLOCK_BYTES: Final = 16
_BLOCK_BITS: Final = BLOCK_BYTES * 8


def decrypt_source_url(data: bytes, key: bytes) -> str:
    """The URL inside decoded `/enc/` data.

    Args:
        data: IV and ciphertext, already out of base64.
        key: 16, 24 or 32 bytes; empty when decryption is not configured.

    Raises:
        InvalidURL: for every failure, with one text.
    """
    try:
        url = _decrypted(data, key).decode("utf-8")
    except ValueError:
        url = ""
    if not url:
        # Raised outside the handler, so that no chained cause in a log or on a development page tells failures apart.
        raise InvalidURL("Invalid encrypted source URL")
    return url


def encrypt_source_url(url: str, key: bytes, iv: bytes | None = None) -> bytes:
    """IV and ciphertext of a URL, to be written in URL-safe base64 after `/enc/`.

    Args:
        url: the source URL.
        key: 16, 24 or 32 bytes.
        iv: 16 bytes. Without it they are the start of HMAC-SHA256(key, url): the same URL then always gives the same
            data, which caches need, and different URLs start from different blocks.

    Raises:
        ValueError: the key or the IV has a wrong length.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    text = url.encode("utf-8")
    if iv is None:
        iv = hmac.digest(key, text, "sha256")[:BLOCK_BYTES]
    padder = PKCS7(_BLOCK_BITS).padder()
    padded = padder.update(text) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return iv + encryptor.update(padded) + encryptor.finalize()


def _decrypted(data: bytes, key: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    # AES and CBC themselves refuse a wrong key, a short IV and a broken block with ValueError, padding likewise.
    decryptor = Cipher(algorithms.AES(key), modes.CBC(data[:BLOCK_BYTES])).decryptor()
    padded = decryptor.update(data[BLOCK_BYTES:]) + decryptor.finalize()
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    return unpadder.update(padded) + unpadder.finalize()
