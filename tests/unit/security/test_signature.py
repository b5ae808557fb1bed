"""A URL passes when someone who holds a key signed it, and only then."""

from __future__ import annotations

import pytest

from renderer.errors import Forbidden, MalformedSignature
from renderer.security.signature import SigningKeys, sign, verify
from renderer.settings.security import SecuritySettings

KEY, SALT = bytes.fromhex("736563726574"), bytes.fromhex("68656C6C6F")
OTHER_KEY, OTHER_SALT = (
    bytes.fromhex("00112233445566778899aabbccddeeff"),
    bytes.fromhex("ffeeddccbbaa99887766554433221100"),
)
PATH = "w:10/plain/local:///jpg/jpg.jpg@png"
SIGNATURE = "nxqBSZ4jN_Jq60Y2JHLKKqUGFL066zuVRyQ2THGlsZg"

VECTORS = [
    (KEY, SALT, 32, PATH, SIGNATURE),
    (
        OTHER_KEY,
        OTHER_SALT,
        32,
        "rs:fill:30:40:0/g:no/bG9jYWw6Ly8vanBnL2pwZy5qcGc.png",
        "FtVS_pngKEs-rfX6cOQm4Ua6nFemXfbGQfl00jH7mvE",
    ),
    (KEY, SALT, 8, "rs:fill:30:40:0/g:no/bG9jYWw6Ly8vanBnL2pwZy5qcGc.png", "XHu8XGJsLMU"),
    (
        KEY,
        SALT,
        32,
        "rs:fill:300:400:0/g:sm/aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn.png",
        "oKfUtW34Dvo2BGQehJFR4Nr0_rIjOtdtzJ3QFsUcXH8",
    ),
    (KEY, SALT, 32, "w:10/plain/local:///jpg/jpg%2Ejpg@png", "gDWTXhJR1JTvrKwyhOdTxqtevbLIyjPOMvns2IDZRVg"),
    (KEY, SALT, 32, "w:10/bG9jYWw6Ly8vanBnL2pwZy5qcGc.png", "7381pzeZBH6jeHn9znxtwrY4Sob8-zI-bbeCI_T-jaM"),
]


def signing_keys(
    *pairs: tuple[bytes, bytes], signature_size: int = 32, trusted_signatures: tuple[str, ...] = ()
) -> SigningKeys:
    """Keys as the settings give them."""
    return SigningKeys.from_settings(
        SecuritySettings(
            keys=tuple(key for key, _ in pairs),
            salts=tuple(salt for _, salt in pairs),
            signature_size=signature_size,
            trusted_signatures=trusted_signatures,
        )
    )


@pytest.mark.parametrize(("key", "salt", "size", "path", "signature"), VECTORS)
def test_the_recorded_signatures_are_made_and_accepted(
    key: bytes, salt: bytes, size: int, path: str, signature: str
) -> None:
    """Signing and verifying agree with signatures that the reference accepted."""
    assert sign(path, key, salt, size) == signature
    verify(signature, path, signing_keys((key, salt), signature_size=size))


@pytest.mark.parametrize("pair", [(KEY, SALT), (OTHER_KEY, OTHER_SALT)])
def test_every_pair_may_sign(pair: tuple[bytes, bytes]) -> None:
    """Rotation: the old pair and the new one work side by side."""
    verify(sign(PATH, *pair), PATH, signing_keys((KEY, SALT), (OTHER_KEY, OTHER_SALT)))


def test_a_key_does_not_pair_with_the_salt_of_another() -> None:
    """Keys and salts belong together by their place."""
    with pytest.raises(Forbidden):
        verify(sign(PATH, KEY, OTHER_SALT), PATH, signing_keys((KEY, SALT), (OTHER_KEY, OTHER_SALT)))


@pytest.mark.parametrize("last", "ghij")
def test_unused_bits_of_the_last_character_do_not_count(last: str) -> None:
    """Four spellings of the last character decode to the same bytes."""
    verify(SIGNATURE[:-1] + last, PATH, signing_keys((KEY, SALT)))


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param("", id="empty"),
        pytest.param("unsafe", id="a word"),
        pytest.param(SIGNATURE[:-1], id="one character short"),
        pytest.param(SIGNATURE[:-1] + "k", id="one bit wrong"),
        pytest.param(SIGNATURE + "A", id="one character long"),
        pytest.param(SIGNATURE[:42], id="one byte short"),
        pytest.param(SIGNATURE[:11], id="cut to eight bytes"),
        pytest.param(SIGNATURE + "=", id="padded"),
        pytest.param(SIGNATURE.upper(), id="upper case"),
        pytest.param(SIGNATURE.replace("_", "/"), id="the alphabet with a slash"),
        pytest.param(SIGNATURE.replace("_", "%5F"), id="percent-encoded"),
        pytest.param(SIGNATURE + "\n", id="a line break at the end"),
        pytest.param("w:10", id="an option"),
        pytest.param("é" * 43, id="no ASCII"),
        pytest.param("\udcff", id="a raw byte"),
    ],
)
def test_anything_but_the_exact_signature_is_forbidden(signature: str) -> None:
    """Encoding, size and bits are all strict."""
    with pytest.raises(Forbidden):
        verify(signature, PATH, signing_keys((KEY, SALT)))


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/" + PATH, id="a second leading slash"),
        pytest.param(PATH + "/", id="a trailing slash"),
        pytest.param(PATH.replace(":", "%3A", 1), id="an escape that was not repaired"),
        pytest.param(PATH.replace("local:///", "local:/"), id="a collapsed scheme"),
        pytest.param("", id="nothing"),
    ],
)
def test_the_signature_belongs_to_one_path(path: str) -> None:
    """The signed text is the path to the letter."""
    with pytest.raises(Forbidden):
        verify(SIGNATURE, path, signing_keys((KEY, SALT)))


def test_the_size_is_exact() -> None:
    """A full signature is not accepted where a cut one is configured."""
    keys = signing_keys((KEY, SALT), signature_size=8)
    verify(sign(PATH, KEY, SALT, 8), PATH, keys)
    for size in (7, 9, 32):
        with pytest.raises(Forbidden):
            verify(sign(PATH, KEY, SALT, size), PATH, keys)


@pytest.mark.parametrize("signature", ["letmein", "w:10", "=/+", SIGNATURE[:-1] + "A"])
def test_trusted_signatures_need_no_check(signature: str) -> None:
    """Any text may be trusted, also one with a colon or one that is not base64."""
    verify(signature, PATH, signing_keys((KEY, SALT), trusted_signatures=("letmein", "w:10", "=/+", signature)))


def test_trust_is_exact() -> None:
    """A part or another case of a trusted text is not trusted."""
    keys = signing_keys((KEY, SALT), trusted_signatures=("letmein",))
    for signature in ("letmei", "letmeinn", "LETMEIN", " letmein"):
        with pytest.raises(Forbidden):
            verify(signature, PATH, keys)


@pytest.mark.parametrize("signature", ["unsafe", "_", "w%3A10", "w,10", SIGNATURE, "ü"])
def test_without_keys_any_signature_passes(signature: str) -> None:
    """Checking is off when no key is configured."""
    verify(signature, PATH, signing_keys())


@pytest.mark.parametrize("signature", ["w:10", ":", "http:"])
def test_without_keys_a_colon_says_that_the_signature_was_forgotten(signature: str) -> None:
    """The public sentence explains it; trusted signatures change nothing."""
    with pytest.raises(MalformedSignature) as refusal:
        verify(signature, PATH, signing_keys(trusted_signatures=(signature,)))

    assert refusal.value.status == 403
    assert str(refusal.value).startswith("The signature appears to be a processing option.")


def test_without_keys_an_empty_signature_is_forbidden() -> None:
    """Some text must stand where the signature belongs."""
    with pytest.raises(Forbidden):
        verify("", PATH, signing_keys())


def test_raw_bytes_are_signed_as_they_came() -> None:
    """A target with bytes that are no UTF-8 verifies against the signature over these bytes."""
    path = b"w:10/plain/local:///caf\xe9.jpg".decode("utf-8", "surrogateescape")
    verify(sign(path, KEY, SALT), path, signing_keys((KEY, SALT)))
    assert sign(path, KEY, SALT) == "4-5dHD1RMXiiVc9b363HNYvpdcSngWD4qu5SIooFypk"


@pytest.mark.parametrize("size", [0, -1, 33])
def test_a_signature_has_one_to_thirty_two_bytes(size: int) -> None:
    """Other sizes are the caller's mistake."""
    with pytest.raises(ValueError, match="1 to 32"):
        sign(PATH, KEY, SALT, size)


def test_keys_without_salts_are_refused() -> None:
    """Unequal counts never pair up by accident."""
    with pytest.raises(ValueError, match="shorter"):
        SigningKeys.from_settings(SecuritySettings(keys=(KEY, OTHER_KEY), salts=(SALT,)))
