"""CloudFront's request `CreateInvalidation` and its answers as XML, as far as cache tags go ("CreateInvalidation")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

MOST_TAGS: Final = 3000
"""CloudFront's quota of paths in progress; each tag counts as one."""

_NAMESPACE: Final = "http://cloudfront.amazonaws.com/doc/2020-05-31/"
_TAG: Final = re.compile(r"#[!-+\--~]{1,256}")
"""Visible ASCII but a comma, 256 characters at the most."""


class BadInvalidation(Exception):
    """The request is none that this CDN can do; the text is for whoever sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalidation:
    """What is to be dropped: tags in lower case, and the reference that makes a repetition one."""

    tags: tuple[str, ...]
    reference: str


def read_invalidation(body: bytes) -> Invalidation:
    """The invalidation that a request asks for.

    Raises:
        BadInvalidation: it is not XML of that kind, or has other items than `#tag`.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        batch = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise BadInvalidation("The body is not XML.") from error
    items = [str(item.text or "") for item in batch.findall(f"{{{_NAMESPACE}}}Paths/{{{_NAMESPACE}}}Items/*")]
    reference = batch.findtext(f"{{{_NAMESPACE}}}CallerReference") or ""
    if not reference or not 0 < len(items) <= MOST_TAGS:
        raise BadInvalidation(f"An invalidation has a caller reference and 1 to {MOST_TAGS} items.")
    if strange := [item for item in items if not _TAG.fullmatch(item)]:
        raise BadInvalidation(f"This CDN of a demonstration drops by #tag only, not by {strange[0][:100]!r}.")
    return Invalidation(tags=tuple(item[1:].lower() for item in items), reference=reference)


def made_text(id: str, made: Invalidation, at: str) -> bytes:
    """The answer to one that was made; `at` is the time in ISO 8601."""
    root = etree.Element("Invalidation", xmlns=_NAMESPACE)
    for name, text in (("Id", id), ("Status", "Completed"), ("CreateTime", at)):
        etree.SubElement(root, name).text = text
    batch = etree.SubElement(root, "InvalidationBatch")
    _add_paths(etree.SubElement(batch, "Paths"), made.tags)
    etree.SubElement(batch, "CallerReference").text = made.reference
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def refusal_text(code: str, message: str) -> bytes:
    """The answer to one that was not."""
    root = etree.Element("ErrorResponse", xmlns=_NAMESPACE)
    error = etree.SubElement(root, "Error")
    for name, text in (("Type", "Sender"), ("Code", code), ("Message", message)):
        etree.SubElement(error, name).text = text
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _add_paths(paths: etree._Element, tags: Sequence[str]) -> None:
    etree.SubElement(paths, "Quantity").text = str(len(tags))
    items = etree.SubElement(paths, "Items")
    for tag in tags:
        etree.SubElement(items, "Path").text = f"#{tag}"
