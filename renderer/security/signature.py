"""Decides whether a URL was signed by someone who holds a key (spec 01 section 2).

The signature is the start of HMAC-SHA256(key, salt + "/" + path) in URL-safe base64 without padding. Keys and salts
pair by their place; a URL passes when any pair made its signature, or when the signature is one of the trusted texts.
Without keys every signature passes except one with a colon: there the signature segment was forgotten and an option
stands in its place.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from renderer.errors import Forbidden, MalformedSignature
from renderer.scalars import decode_base64url, encode_base64url

if TYPE_CHECKING:
    from renderer.settings.security import SecuritySettings

FULL_SIZE: Final = 32
"""Bytes of an uncut signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """What signatures are checked against.

    Attributes:
        pairs: key and prefix of the signed text, which is the salt and the slash before the path.
        size: bytes of a signature; longer and shorter ones are refused.
        trusted: signatures accepted without a check.
    """

    pairs: tuple[tuple[bytes, bytes], ...] = ()
    size: int = FULL_SIZE
    trusted: frozenset[str] = frozenset()

    @classmethod
    def from_settings(cls, settings: SecuritySettings) -> SigningKeys:
        """The keys that the settings name; ValueError when they are not as many as the salts."""
        pairs = tuple((key, salt + b"/") for key, salt in zip(settings.keys, settings.salts, strict=True))
        return cls(pairs=pairs, size=settings.signature_size, trusted=frozenset(settings.trusted_signatures))


def verify(signature: str, path: str, keys: SigningKeys) -> None:
    """Lets a signed URL pass.

    Args:
        signature: the first segment of the request target, as sent.
        path: what follows `/signature/`, repaired but not decoded; bytes that are no UTF-8 are surrogate escapes.
        keys: what is accepted.

    Raises:
        Forbidden: the signature is not base64, not of the configured size, or nobody's.
        MalformedSignature: there are no keys and the signature reads like an option.
    """
    if not keys.pairs:
        _check_unsigned(signature)
        return
    # A lookup by hash compares texts only after their seeded hashes agree, so its time says nothing about a near miss.
    if signature in keys.trusted:
        return
    try:
        sent = decode_base64url(signature)
    except ValueError as error:
        raise Forbidden("Invalid signature encoding") from error
    text = path.encode("utf-8", "surrogateescape")
    for key, prefix in keys.pairs:
        # The one-shot digest costs less than copying a prepared HMAC object: 2.3 against 2.7 microseconds.
        if hmac.compare_digest(sent, hmac.digest(key, prefix + text, "sha256")[: keys.size]):
            return
    raise Forbidden("Invalid signature")


def sign(path: str, key: bytes, salt: bytes, size: int = FULL_SIZE) -> str:
    """The signature of a path.

    Args:
        path: what will follow `/signature/`, without leading slash; surrogate escapes stand for raw bytes.
        key: the decoded key.
        salt: the decoded salt.
        size: how many bytes of the digest the server compares, 1 to 32.
    """
    if not 1 <= size <= FULL_SIZE:
        raise ValueError(f"a signature has 1 to {FULL_SIZE} bytes, not {size}")
    text = salt + b"/" + path.encode("utf-8", "surrogateescape")
    return encode_base64url(hmac.digest(key, text, "sha256")[:size])


def _check_unsigned(signature: str) -> None:
    if ":" in signature:
        raise MalformedSignature(MalformedSignature.public)
    if not signature:
        raise Forbidden("Missing signature")
