"""An entry comes back from its file as it was, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.cache.entry import BrokenEntry, decoded, encoded
from tests.unit.cache.entries import key, result

texts = st.one_of(st.none(), st.text(alphabet=st.characters(codec=None, exclude_characters=None), max_size=30))


@given(
    body=st.binary(max_size=300),
    etag=texts,
    cache_control=texts,
    passed=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=3).map(tuple),
    originals=st.lists(st.text(max_size=20), min_size=1, max_size=3).map(tuple),
    moments=st.tuples(st.floats(0, 1e11), st.floats(0, 1e11)),
)
def test_an_entry_comes_back_as_it_was(**facts: object) -> None:
    """Whatever is in its texts, what is no Unicode included."""
    began_at, fresh_until = facts.pop("moments")  # type: ignore[misc]  # a pair
    entry = result(**facts, began_at=began_at, fresh_until=fresh_until)

    assert decoded(encoded(key(), entry), key()) == entry


def test_a_source_url_that_is_no_unicode_survives() -> None:
    """URLs are bytes; those that are no UTF-8 are kept as surrogates."""
    entry = result(originals=("local:///\udcff.jpg",))

    assert decoded(encoded(key(), entry), key()) == entry


def test_every_damaged_byte_is_noticed() -> None:
    """Each byte of the file is changed in turn, in its lowest and in its highest bit."""
    data = encoded(key(), result())
    for place in range(len(data)):
        for bit in (1, 128):
            damaged = bytearray(data)
            damaged[place] ^= bit
            with pytest.raises(BrokenEntry):
                decoded(bytes(damaged), key())


def test_every_length_but_the_whole_one_is_noticed() -> None:
    """A file that is cut short anywhere, and one with something after its end."""
    data = encoded(key(), result())
    for length in range(len(data)):
        with pytest.raises(BrokenEntry):
            decoded(data[:length], key())
    with pytest.raises(BrokenEntry, match="cut short or damaged"):
        decoded(data + b"\0", key())


def test_the_entry_of_another_key_is_none() -> None:
    """A file under a wrong name does not become a wrong picture."""
    with pytest.raises(BrokenEntry, match="another key"):
        decoded(encoded(key(1), result()), key(2))


def test_an_entry_of_another_version_is_none() -> None:
    """It is made anew."""
    with pytest.raises(BrokenEntry, match="version"):
        decoded(b"BWR2" + encoded(key(), result())[4:], key())


def test_an_entry_is_fresh_until_its_time() -> None:
    """The moment itself is too late."""
    entry = result(fresh_until=2000.0)

    assert [entry.is_fresh(now) for now in (1999.9, 2000.0)] == [True, False]


@pytest.mark.parametrize(
    ("etag", "last_modified", "expected"), [('"a"', None, True), (None, "x", True), (None, None, False)]
)
def test_a_source_can_be_asked_with_a_validator(etag: str | None, last_modified: str | None, expected: bool) -> None:
    """Either will do."""
    assert result(etag=etag, last_modified=last_modified).has_validator is expected
