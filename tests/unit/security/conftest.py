"""The witness of the SVG tests: expat, another parser than the one that sanitises."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

ACTIVE_ELEMENTS = re.compile(r"script|handler|listener|i?frame|object|embed|form", re.IGNORECASE)
SCRIPT_URL = re.compile(r"\s*(java|vb)script\s*:", re.IGNORECASE)


@pytest.fixture(scope="session")
def active_parts() -> Callable[[str], list[str]]:
    """Lists what acts in a document as a browser would read it, with its own entities and attribute defaults."""

    def find(document: str) -> list[str]:
        found = []
        for element in ET.fromstring(document).iter():  # noqa: S314 - written by the tests
            name = element.tag.rpartition("}")[2]
            if ACTIVE_ELEMENTS.fullmatch(name):
                found.append(name)
            for attribute, value in element.items():
                squeezed = re.sub(r"[\x00-\x1f]", "", value)
                if attribute.rpartition("}")[2].lower().startswith("on") or SCRIPT_URL.match(squeezed):
                    found.append(f"{name} {attribute}={value}")
        return found

    return find
