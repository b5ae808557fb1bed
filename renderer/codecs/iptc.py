"""What of a picture's IPTC data survives when metadata is stripped and the copyright is kept (spec 02 section 4.7).

The rule: of record 2 (the application record) only the by-line, the credit and the copyright notice stay; the other
records stay whole, among them 1:90, which says how the texts are encoded. Data that cannot be read is dropped.

Theory of operation: IPTC data (IIM 4) is a row of datasets, each `0x1C`, record, number, length, value. A JPEG carries
the row inside Photoshop's list of image resources, each `8BIM`, identifier, name, length, value, as the resource
0x0404; a TIFF carries it bare. libvips hands over either in its field `iptc-data`, and writes the field into a
JPEG as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator

_PHOTOSHOP_HEADER = b"Photoshop 3.0\0"
_RESOURCE = b"8BIM"
# Photoshop's relatives put resources of the same shape under their own signature between the others.
_RESOURCE_SIGNATURES = frozenset({_RESOURCE, b"MeSa", b"PHUT", b"AgHg", b"DCSR"})
_IPTC_RESOURCE = 0x0404

_DATASET = 0x1C
_EXTENDED = 0x8000
_MAX_LENGTH_BYTES = 4
_APPLICATION_RECORD = 2
_BY_LINE, _CREDIT, _COPYRIGHT_NOTICE = 80, 110, 116
_KEPT_NUMBERS = frozenset({_BY_LINE, _CREDIT, _COPYRIGHT_NOTICE})

# A JPEG segment holds 64 KiB; only a bare row in a TIFF may be longer, and an honest one is a few KiB.
_MAX_BYTES = 1 << 20


class _MalformedError(ValueError):
    """The data does not have the form that it announces."""


def only_copyright(data: bytes) -> bytes | None:
    """The copyright part of libvips' field `iptc-data`, in the container that it came in.

    Photoshop resources (with or without the `Photoshop 3.0` header) come out as the one resource 0x0404, a bare row
    of datasets as a bare row. None: nothing is left, or the data is malformed or longer than 1 MiB.
    """
    if len(data) > _MAX_BYTES:
        return None
    header = _PHOTOSHOP_HEADER if data.startswith(_PHOTOSHOP_HEADER) else b""
    try:
        if data.startswith(bytes([_DATASET])):
            return _kept_datasets(data) or None
        kept = _kept_datasets(_iptc_resource(data, len(header)))
    except _MalformedError:
        return None
    return header + _as_resource(kept) if kept else None


def _iptc_resource(data: bytes, position: int) -> bytes:
    """The value of the first resource 0x0404 at or after `position`, empty when there is none.

    What follows it is not looked at: a resource list longer than one JPEG segment arrives cut off, since libvips
    reads only the first segment.
    """
    while position < len(data):
        signature = _piece(data, position, 4)
        if signature not in _RESOURCE_SIGNATURES:
            raise _MalformedError
        identifier = _number(data, position + 4, 2)
        # The name is a length byte and its text, together padded to an even size; so is the value.
        position += 6 + _even(1 + _number(data, position + 6, 1))
        length = _number(data, position, 4)
        if signature == _RESOURCE and identifier == _IPTC_RESOURCE:
            return _piece(data, position + 4, length)
        position += 4 + _even(length)
    return b""


def _as_resource(value: bytes) -> bytes:
    """A resource 0x0404 without a name."""
    padding = bytes(_even(len(value)) - len(value))
    return _RESOURCE + _IPTC_RESOURCE.to_bytes(2, "big") + bytes(2) + len(value).to_bytes(4, "big") + value + padding


def _kept_datasets(data: bytes) -> bytes:
    """The datasets that survive, as they were written and in their order."""
    return b"".join(
        dataset
        for record, number, dataset in _datasets(data)
        if record != _APPLICATION_RECORD or number in _KEPT_NUMBERS
    )


def _datasets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Record, number and the whole bytes of each dataset in a row."""
    position = 0
    while position < len(data):
        if data[position] != _DATASET:
            # TIFF stores the row in units of four bytes and fills the last one with zeros.
            if any(data[position:]):
                raise _MalformedError
            return
        record, number = _piece(data, position + 1, 2)
        length = _number(data, position + 3, 2)
        start = position + 5
        if length & _EXTENDED:
            # An extended dataset: the low bits tell how many bytes hold the length itself.
            length_bytes = length & ~_EXTENDED
            if not 1 <= length_bytes <= _MAX_LENGTH_BYTES:
                raise _MalformedError
            length = _number(data, start, length_bytes)
            start += length_bytes
        yield record, number, _piece(data, position, start - position + length)
        position = start + length


def _piece(data: bytes, start: int, length: int) -> bytes:
    piece = data[start : start + length]
    if len(piece) != length:
        raise _MalformedError
    return piece


def _number(data: bytes, start: int, length: int) -> int:
    return int.from_bytes(_piece(data, start, length), "big")


def _even(length: int) -> int:
    return length + length % 2
