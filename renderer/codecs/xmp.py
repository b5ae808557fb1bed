"""What of a picture's XMP survives when metadata is stripped and the copyright is kept (spec 02 section 4.7).

The rule: the properties of the rights schemas `xmpRights` and `cc` stay, and of Dublin Core those that name people and
rights. A property is a child element or an attribute of an `rdf:Description`; one that stays, stays with all it holds.
What is left is written anew as one description. A packet that cannot be read is dropped.

The packet comes from whoever made the picture, so a document type is refused and the size is bounded. So is what lxml
touches, since its work on attributes and namespaces grows with the square of their number (measured: 23 s to read
80,000 attributes, which fit in 1 MiB).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from lxml import etree

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_META = "adobe:ns:meta/"
_DC = "http://purl.org/dc/elements/1.1/"
_RIGHTS = "http://ns.adobe.com/xap/1.0/rights/"
_CC = "http://creativecommons.org/ns#"

_KEPT_NAMESPACES = frozenset({_RIGHTS, _CC})
_KEPT_NAMES = frozenset(f"{{{_DC}}}{name}" for name in ("rights", "contributor", "creator", "publisher"))
_PREFIXES = {"dc": _DC, "xmpRights": _RIGHTS, "cc": _CC}

_TOOLKIT = "Bildwerk"

_MAX_BYTES = 1 << 20
# Ample: a raw converter's packet has some 400 properties and 30 namespaces of 30 characters.
_MAX_NODES = 1000
_MAX_NAMESPACE_CHARACTERS = 4096


def only_copyright(packet: bytes) -> bytes | None:
    """The copyright part of an XMP packet, as UTF-8 `x:xmpmeta` without the `xpacket` wrapper and its padding.

    None: nothing is left, the packet is no XMP, or it or the result is beyond the bounds (1 MiB).
    """
    rdf = _rdf(packet)
    if rdf is None or not _is_light(rdf):
        return None
    properties: dict[str, str | etree._Element] = {}
    for name, value in _kept_properties(rdf):
        # XMP allows a name once. Were it repeated, readers would refuse the whole packet.
        properties.setdefault(name, value)
    elements = [value for value in properties.values() if not isinstance(value, str)]
    if not properties or not _is_light(chain.from_iterable(element.iter() for element in elements)):
        return None
    serialized = _serialized(properties)
    return serialized if len(serialized) <= _MAX_BYTES else None


def _rdf(packet: bytes) -> etree._Element | None:
    """The `rdf:RDF` element of a packet, with or without the optional element around it."""
    if len(packet) > _MAX_BYTES:
        return None
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_blank_text=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        # Writers pad packets with spaces, some with zeros; neither may surround a document.
        root = etree.fromstring(packet.strip(b" \t\r\n\0"), parser)
    except etree.XMLSyntaxError:
        return None
    if root.getroottree().docinfo.internalDTD is not None:
        return None
    return root if root.tag == f"{{{_RDF}}}RDF" else root.find(f"{{{_RDF}}}RDF")


def _is_light(elements: Iterable[etree._Element]) -> bool:
    """Whether the elements, their children, attributes and namespaces are few enough to be worked on one by one."""
    nodes = 0
    for element in elements:
        nodes += 1 + len(element) + len(element.attrib)
        if nodes > _MAX_NODES or sum(map(len, element.nsmap.values())) > _MAX_NAMESPACE_CHARACTERS:
            return False
    return True


def _kept_properties(rdf: etree._Element) -> Iterator[tuple[str, str | etree._Element]]:
    """Name and value, an attribute's text or an element, of each property that survives."""
    for description in rdf.iterchildren(f"{{{_RDF}}}Description"):
        for name, text in description.attrib.items():
            if _survives(str(name)):
                yield str(name), str(text)
        for element in description:
            if _survives(str(element.tag)):
                yield str(element.tag), element


def _survives(name: str) -> bool:
    return name in _KEPT_NAMES or etree.QName(name).namespace in _KEPT_NAMESPACES


def _serialized(properties: dict[str, str | etree._Element]) -> bytes:
    used = {etree.QName(name).namespace for name in properties}
    root = etree.Element(f"{{{_META}}}xmpmeta", {f"{{{_META}}}xmptk": _TOOLKIT}, nsmap={"x": _META})
    rdf = etree.SubElement(root, f"{{{_RDF}}}RDF", nsmap={"rdf": _RDF})
    description = etree.SubElement(
        rdf,
        f"{{{_RDF}}}Description",
        {f"{{{_RDF}}}about": ""},
        nsmap={prefix: namespace for prefix, namespace in _PREFIXES.items() if namespace in used},
    )
    for name, value in properties.items():
        if isinstance(value, str):
            description.set(name, value)
        else:
            value.tail = None
            description.append(value)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=False)
