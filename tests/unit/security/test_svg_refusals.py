"""What is no SVG is refused, bombs cost nothing, and no text whatever comes out active."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.errors import BildwerkError, BrokenSVG, SVGSyntaxError
from renderer.security.svg import MAX_ATTRIBUTES, sanitized

NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:h="urn:h"'


def clean(document: str) -> str:
    """The sanitised text of a document."""
    return sanitized(document.encode()).decode()


def wrapped(content: str) -> str:
    """Content in a root element that declares the usual prefixes."""
    return f"<svg {NAMESPACES}>{content}</svg>"


@pytest.mark.parametrize(
    "document",
    ["", "hello", "<svg", "<svg a=b/>", '<svg a="1" a="2"/>', "<svg>&nope;</svg>", "<svg>\x01</svg>", "<svg/><!--",
     "</svg>", "<svg x:y='1'/>", "<svg>a & b</svg>", '<?xml version="1.0" encoding="nonsense"?><svg/>',
     '<svg a="<"/>', '<!DOCTYPE svg [<!ENTITY e "<">]><svg a="&e;"/>', "<svg>&e</svg>"],
)  # fmt: skip
def test_text_that_is_no_xml_is_a_syntax_error(document: str) -> None:
    """422 with its own sentence."""
    with pytest.raises(SVGSyntaxError):
        clean(document)


def test_bytes_that_are_no_text_are_a_syntax_error() -> None:
    """The declared encoding has to hold."""
    with pytest.raises(SVGSyntaxError):
        sanitized(b"<svg>\xff</svg>")


@pytest.mark.parametrize(
    "document",
    ["<svg><a></b></svg>", "<svg></svg></svg>", "<svg/><svg/>", "<svg><a>", "<script/>", "<h:form xmlns:h='x'/>"],
)
def test_a_structure_that_does_not_hold_is_a_broken_svg(document: str) -> None:
    """Mismatched, missing or stray tags, and roots of which nothing would be left."""
    with pytest.raises(BrokenSVG):
        clean(document)


def bomb(reference: str) -> str:
    """Ten to the ninth letters in a few hundred bytes."""
    levels = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 9))
    return f'<!DOCTYPE svg [<!ENTITY e0 "{"x" * 10}">{levels}]><svg>{reference}</svg>'


def with_attributes(count: int) -> str:
    """An element with so many attributes."""
    return "<g " + " ".join(f"a{number}='1'" for number in range(count)) + "/>"


LONG_ENTITY = f'<!DOCTYPE svg [<!ENTITY e "{"x" * 100_000}">]>'


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(bomb("&e8;"), id="nested entities in text"),
        pytest.param(bomb('<g a="&e8;"/>'), id="nested entities in an attribute"),
        pytest.param(f"{LONG_ENTITY}<svg>{'&e;' * 10_000}</svg>", id="one long entity often"),
        pytest.param(LONG_ENTITY + "<svg>" + '<g a="&e;&e;"/>' * 5_000 + "</svg>", id="one long entity in attributes"),
        pytest.param('<!DOCTYPE svg [<!ENTITY a "&b;"><!ENTITY b "&a;">]><svg>&a;</svg>', id="a loop"),
        pytest.param('<!DOCTYPE svg [<!ENTITY a "&b;"><!ENTITY b "&a;">]><svg a="&a;"/>', id="a loop in an attribute"),
        pytest.param("<g>" * 100_000 + "</g>" * 100_000, id="nested elements"),
        pytest.param(with_attributes(20_000), id="attributes"),
    ],
)
def test_bombs_are_refused_at_once(document: str) -> None:
    """Time and memory stay in proportion to the file."""
    start = time.process_time()
    with pytest.raises(BrokenSVG):
        clean(document)
    assert time.process_time() - start < 1


def test_a_bomb_that_nobody_lights_is_harmless() -> None:
    """Declared and not referred to, nested entities cost nothing."""
    assert clean(bomb("")).endswith("<svg/>")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("x<script/>" * 50_000, id="elements to remove, with text between"),
        pytest.param('<g onload="1" href="javascript:1"/>' * 20_000, id="attributes to remove"),
        pytest.param(with_attributes(MAX_ATTRIBUTES) * 500, id="many attributes"),
        pytest.param(f'<a href="{"a" * 500_000}:"/>', id="a long scheme"),
        pytest.param(f'<a href="{"&amp;" * 200_000}:"/>', id="a link of ampersands"),
    ],
)
def test_a_hostile_document_takes_time_in_proportion(content: str) -> None:
    """Half a megabyte of the worst content is a matter of tenths of a second."""
    start = time.process_time()
    clean(wrapped(content))
    assert time.process_time() - start < 3


VALUES = st.lists(
    st.sampled_from(
        (
            "java",
            "script",
            ":",
            "javascript:",
            "&#9;",
            "&#58;",
            "&e;",
            "&f;",
            "&lt;",
            "&#60;",
            "#",
            "/",
            " ",
            ";",
            "é",
            "]]>",
        )
    ),
    max_size=5,
).map("".join)
FRAGMENTS = st.one_of(
    VALUES,
    st.sampled_from(("<", "</g>", "&", "<!--", "<![CDATA[<script>]]>", "<?xml-stylesheet a?>", "<script>1</script>")),
    VALUES.map('<a href="{0}" xlink:href="{0}" onload="{0}" style="{0}"/>'.format),
    VALUES.map("<h:img src='{0}' data='{0}'/>".format),
    VALUES.map('<set attributeName="href" to="{0}" values="{0}"/>'.format),
    VALUES.map('<set attributeName="{0}" to="javascript:1"/>'.format),
    VALUES.map("<h:script>{0}<g/></h:script>".format),
    VALUES.map("<h:script>{0}".format),
)
ENTITIES = st.sampled_from(
    ("", "e", "java", ":", "&#38;#58;", "<script/>", "&#60;script/>", "&#60;g", "javascript:", "#")
)


@given(content=st.lists(FRAGMENTS, max_size=4).map("".join), entity=ENTITIES)
def test_any_text_becomes_harmless_or_is_refused(
    content: str, entity: str, active_parts: Callable[[str], list[str]]
) -> None:
    """Nothing else is raised, what comes out is well-formed, and doing it again changes nothing."""
    doctype = f'<!DOCTYPE svg [<!ENTITY e "{entity}"><!ENTITY f "&e;script:1">]>' if entity else ""
    try:
        document = clean(doctype + wrapped(content))
    except BildwerkError:
        return
    assert active_parts(document) == []
    assert clean(document) == document


@given(st.binary(max_size=200))
def test_any_bytes_become_a_document_or_are_refused(document: bytes) -> None:
    """Noise ends in one of our errors."""
    try:
        sanitized(document)
    except BildwerkError:
        return
