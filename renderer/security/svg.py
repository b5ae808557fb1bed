"""Makes an SVG harmless that a browser may open as a document (spec 02 section 7.15).

The document is parsed and written anew, so a browser reads exactly what was judged. Names are compared without
namespace and case. What goes:

- Elements that run or load something, with their content; animations of a link to anything but a fragment.
- Every attribute that begins with `on`; links whose scheme is not allowed; any attribute that is a script URL.
- `xml-stylesheet` instructions: they may name a transformation that writes script.
- Of the doctype everything but its name, SVG's own public identifier and the entities. Attribute defaults, parameter
  entities and outside files are not taken over.

Entities are never expanded in the result. One keeps its text if that has no `<`: whatever it refers to, it then adds
no markup. Any other one becomes empty, and so do names that only an outside file declares. Links are judged after
that, with the entities in them replaced. (Where an entity names a namespace, the parser writes the name out.) No file
or network address is ever opened, and the parser refuses entities that amplify the document.

Text, style sheets, comments, other instructions and CDATA stay.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from renderer.errors import BrokenSVG, SVGSyntaxError

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_ATTRIBUTES: Final = 128
"""Attributes of one element; editors write some thirty. Reading them takes time that grows with the square."""

_REMOVED_ELEMENTS: Final = frozenset(
    (
        *("script", "handler", "listener"),
        *("iframe", "frame", "frameset", "fencedframe", "portal", "object", "embed", "applet"),
        *("form", "base", "link", "meta"),
    )
)
_REMOVED_ATTRIBUTES: Final = frozenset(("formaction", "srcdoc"))
_LINKS: Final = frozenset(("href", "src"))
_ANIMATIONS: Final = frozenset(("animate", "animatecolor", "animatemotion", "animatetransform", "set"))
_ANIMATED_VALUES: Final = frozenset(("from", "to", "by", "values"))
_DOOMED: Final = "{urn:x-bildwerk:doomed}element"
_WEB_SCHEMES: Final = frozenset(("http", "https"))
_PICTURE_SCHEMES: Final = _WEB_SCHEMES | {"data"}
_SCRIPT_SCHEMES: Final = frozenset(("javascript", "vbscript", "livescript", "mocha"))

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")
# Browsers skip tabs and line breaks anywhere in a URL; the other invisible characters get no benefit of the doubt.
_INVISIBLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028\u2029\u2060\ufeff]")

_DECLARATION: Final = re.compile(rb"<\?xml(?P<attributes>\s[^>]*)\?>[ \t]*(?P<line_break>[\r\n]?)")
_STANDALONE: Final = re.compile(rb"standalone\s*=\s*[\"'](yes|no)")
_PREDEFINED_ENTITIES: Final = frozenset(("amp", "lt", "gt", "quot", "apos"))
_SVG_PUBLIC_ID: Final = re.compile(r"-//W3C//DTD SVG [A-Za-z0-9. ]+//EN")
_SVG_SYSTEM_ID: Final = re.compile(r"https?://www\.w3\.org/[A-Za-z0-9./_-]*")

_STRUCTURE_ERRORS: Final = frozenset(
    (
        etree.ErrorTypes.ERR_TAG_NAME_MISMATCH,
        etree.ErrorTypes.ERR_TAG_NOT_FINISHED,
        etree.ErrorTypes.ERR_DOCUMENT_END,
        etree.ErrorTypes.ERR_ENTITY_LOOP,
        etree.ErrorTypes.ERR_RESOURCE_LIMIT,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """An SVG that is harmless now.

    Attributes:
        document: in UTF-8 without byte order mark, with an XML declaration if the source had one.
        removed: what had to go, in the document's own names, each once; nothing if it was harmless before.
    """

    document: bytes
    removed: tuple[str, ...]


def sanitized(document: bytes) -> bytes:
    """The SVG without anything that acts, looking the same; see `cleaned`."""
    return cleaned(document).document


def cleaned(document: bytes) -> Cleaned:
    """The SVG without anything that acts, looking the same, and what went.

    Args:
        document: an SVG file in any encoding that it declares.

    Raises:
        SVGSyntaxError: the text is no XML.
        BrokenSVG: tags do not match, elements nest too deep, entities are a bomb, or the root itself has to go.
    """
    root = _parsed(document)
    removed: dict[str, None] = {}
    around = [*root.itersiblings(preceding=True)][::-1], [*root.itersiblings()]
    if any(_is_stylesheet_link(node) for nodes in around for node in nodes):
        removed["xml-stylesheet"] = None
    before, after = ([_text(node) for node in nodes if not _is_stylesheet_link(node)] for nodes in around)
    doctype = _harmless_doctype(root, removed)
    # The parser lists no declarations of attributes without one of their element; in UTF-16 every other byte is 0.
    if doctype and b"<!ATTLIST" in document.replace(b"\0", b""):
        removed["<!ATTLIST>"] = None
    if doctype:
        # Read again under the doctype that the result has: only then is what is judged what a browser will see.
        root = _parsed((doctype + _text(root)).encode())
    _clean(root, removed)
    declaration, separator = _prolog(document)
    parts = (declaration, doctype, *before, _text(root), *after)
    end = b"\n" if document[-4:].rstrip(b"\0").endswith(b"\n") else b""
    return Cleaned(document=separator.join(filter(None, parts)).encode() + end, removed=tuple(removed))


def _parsed(document: bytes) -> _Element:
    # Without huge_tree libxml2 bounds depth, text size and how much entities may amplify the input.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        strip_cdata=False,
        remove_comments=False,
        remove_pis=False,
    )
    try:
        return etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        is_structure = getattr(error, "code", None) in _STRUCTURE_ERRORS
        raise (BrokenSVG if is_structure else SVGSyntaxError)(error.msg) from error


def _harmless_doctype(root: _Element, removed: dict[str, None]) -> str:
    """The doctype that the result may carry, empty if the source has none; what it may not carry is added."""
    info: Any = root.getroottree().docinfo  # the stubs know half of its attributes
    if not info.doctype:
        return ""
    texts = _harmless_entities(root, info, removed)
    external = ""
    if _SVG_PUBLIC_ID.fullmatch(info.public_id or "") and _SVG_SYSTEM_ID.fullmatch(info.system_url or ""):
        external = f' PUBLIC "{info.public_id}" "{info.system_url}"'
    elif info.public_id or info.system_url:
        removed["<!DOCTYPE> address"] = None
    entities = "".join(f'<!ENTITY {name} "{text}">' for name, text in texts.items() if name not in _PREDEFINED_ENTITIES)
    return f"<!DOCTYPE {info.root_name}{external}{f' [{entities}]' if entities else ''}>"


def _harmless_entities(root: _Element, info: Any, removed: dict[str, None]) -> dict[str, str]:  # noqa: ANN401 - as above
    """What the entities may stand for that are declared or referred to; those that lose their text are added."""
    texts: dict[str, str] = {}
    if info.internalDTD is not None:
        for entity in info.internalDTD.iterentities():
            texts.setdefault(entity.name, _harmless_entity_text(entity.content))
            if not texts[entity.name] and entity.content != "":
                removed[f"&{entity.name};"] = None
    reference: Any
    for reference in root.iter(etree.Entity):
        if reference.name not in texts:
            texts[reference.name] = ""
            removed[f"&{reference.name};"] = None
    return texts


def _harmless_entity_text(content: str | None) -> str:
    """What an entity may stand for, as it is written between double quotes; content is None for outside files."""
    if content is None or "<" in content:
        return ""
    return content.replace("&", "&#38;").replace("%", "&#37;").replace('"', "&#34;")


def _clean(root: _Element, removed: dict[str, None]) -> None:
    """Takes away what acts, and adds its names."""
    for instruction in root.iter(etree.ProcessingInstruction):
        if _is_stylesheet_link(instruction):
            instruction.text = None
            removed["xml-stylesheet"] = None
    doomed = [element for element in root.iter("*") if _is_active(element)]
    if root in doomed:
        raise BrokenSVG("The root element is not allowed")
    # One pass in the library that leaves the text around the elements: joining it here, one element after the other,
    # would take time that grows with the square of their number.
    for element in doomed:
        removed[f"<{_plain_name(element.tag)}>"] = None
        element.tag = _DOOMED
    etree.strip_elements(root, _DOOMED, with_tail=False)
    for element in root.iter("*"):
        element_name = _local_name(element.tag)
        for name, value in _attributes(element):
            if not _is_harmless(element_name, _local_name(name), value):
                removed[_plain_name(name)] = None
                del element.attrib[name]


def _is_active(element: _Element) -> bool:
    name = _local_name(element.tag)
    return name in _REMOVED_ELEMENTS or (name in _ANIMATIONS and _animates_link(_attributes(element)))


def _attributes(element: _Element) -> list[tuple[str, str]]:
    if len(element.keys()) > MAX_ATTRIBUTES:
        raise BrokenSVG(f"An element has more than {MAX_ATTRIBUTES} attributes")
    return [(str(name), str(value)) for name, value in element.items()]


def _local_name(name: str) -> str:
    """A name without prefix or namespace, in one case; a colon divides it inside values such as `attributeName`."""
    return name.rpartition("}")[2].rpartition(":")[2].casefold()


def _plain_name(name: str) -> str:
    """A name without namespace, as the document writes it."""
    return name.rpartition("}")[2]


def _is_stylesheet_link(node: Any) -> bool:  # noqa: ANN401 - any kind of node; the stubs have no type for instructions
    return node.tag is etree.ProcessingInstruction and bool(node.target.casefold() == "xml-stylesheet")


def _animates_link(attributes: list[tuple[str, str]]) -> bool:
    """Whether an animation gives a link (or a handler) a value that is not a fragment of the document."""
    plain = [(_local_name(name), value.strip()) for name, value in attributes]
    targets = [_local_name(value) for name, value in plain if name == "attributename"]
    if not any(target in _LINKS or target.startswith("on") for target in targets):
        return False
    values = (item.strip() for name, value in plain if name in _ANIMATED_VALUES for item in value.split(";"))
    return any(value and not value.startswith("#") for value in values)


def _is_harmless(element: str, attribute: str, value: str) -> bool:
    if attribute.startswith("on") or attribute in _REMOVED_ATTRIBUTES:
        return False
    if attribute == "href" and element == "use":
        return not value or value.startswith("#")
    scheme = _scheme(value)
    if attribute in _LINKS:
        is_picture = attribute == "src" or element == "image"
        return not scheme or scheme in (_PICTURE_SCHEMES if is_picture else _WEB_SCHEMES)
    return scheme not in _SCRIPT_SCHEMES


def _scheme(value: str) -> str:
    """The scheme that a reader may see in a URL, however it is disguised; empty for relative URLs and other text."""
    if ":" not in value and "&" not in value:
        return ""
    found = _SCHEME.match(_INVISIBLE.sub("", html.unescape(value)).strip())
    return found[0].lower() if found else ""


def _text(node: _Element) -> str:
    return etree.tostring(node, encoding="unicode", with_tail=False)


def _prolog(document: bytes) -> tuple[str, str]:
    """The XML declaration, empty if the source has none, and what divides the parts around the root element."""
    # Without zero bytes and byte order mark the declaration reads as ASCII in UTF-8, UTF-16 and UTF-32 alike.
    found = _DECLARATION.match(document[:400].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe"))
    if found is None:
        return "", "\n"
    encoding = ' encoding="UTF-8"' if b"encoding" in found["attributes"] else ""
    standalone = _STANDALONE.search(found["attributes"])
    alone = f' standalone="{standalone[1].decode()}"' if standalone else ""
    return f'<?xml version="1.0"{encoding}{alone}?>', "\n" if found["line_break"] else ""
