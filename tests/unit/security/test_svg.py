"""A sanitised SVG looks the same, and its elements, attributes and links do nothing."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from renderer.security.svg import sanitized

NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:h="urn:h"'


def clean(document: str) -> str:
    """The sanitised text of a document."""
    return sanitized(document.encode()).decode()


def wrapped(content: str) -> str:
    """Content in a root element that declares the usual prefixes."""
    return f"<svg {NAMESPACES}>{content}</svg>"


def content_of(document: str) -> str:
    """The sanitised content of a wrapped document."""
    return clean(wrapped(document)).removeprefix(f"<svg {NAMESPACES}").removesuffix("</svg>").removeprefix(">")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("<g><script>alert(1)</script></g>", "<g/>"),
        ("a<script/>b<g/>c<script/>d", "ab<g/>cd"),
        ("<script><g/><script/>x</script>y", "y"),
        ("<SCRIPT>1</SCRIPT><Script/>", "/>"),
        ("<h:script>1</h:script><h:iFrame/><h:FORM/>", "/>"),
        ("<handler/><listener/><object/><embed/><applet/><frame/><frameset/><h:base/><h:link/><h:meta/>", "/>"),
        ("<foreignObject><iframe src='http://x'/></foreignObject>", "<foreignObject/>"),
        ("<foreignObject><h:form action='javascript:1'><h:input/></h:form></foreignObject>", "<foreignObject/>"),
        ("<metadata><h:title>x</h:title></metadata>", "<metadata><h:title>x</h:title></metadata>"),
    ],
)
def test_elements_that_act_go_with_their_content(document: str, expected: str) -> None:
    """Whatever their namespace and case; the text around them stays."""
    assert content_of(document) == expected


@pytest.mark.parametrize(
    "attribute",
    [
        "onload", "ONLOAD", "onClick", "onbegin", "onwhatever", "on", "h:onload", "xlink:onclick", "formaction",
        "srcdoc",
    ],
)  # fmt: skip
def test_handlers_go_from_every_element(attribute: str) -> None:
    """Every attribute that begins with `on` counts as one, known or not."""
    assert content_of(f'<g id="a" {attribute}="1" fill="b"><g {attribute}="x"/></g>') == '<g id="a" fill="b"><g/></g>'
    assert clean(f'<svg {NAMESPACES} {attribute}="1"/>') == f"<svg {NAMESPACES}/>"


HARMLESS_LINKS = ["", "#x", "a/b.png", "/abs", "//host/x", "http://a.test/", "HTTPS://a.test/", "?a:b", "#a:b", "x y:z"]
SCRIPT_LINKS = [
    "javascript:1",
    "JavaScript:1",
    " javascript:1",
    "\njavascript:1",
    "jav&#97;script:1",
    "jav&#x61;script:1",
    "java&#9;script:1",
    "java&#10;script:1",
    "java&#13;script:1",
    "&#9;javascript:1",
    "javascript&#58;1",
    "javascript&#9;:1",
    "&#160;javascript:1",
    "&#xfeff;javascript:1",
    "java&#xad;script:1",
    "java&#x200b;script:1",
    "jav&amp;#97;script:1",
    "javascript&amp;colon;1",
    "java&amp;Tab;script:1",
    "vbscript:1",
    "livescript:1",
    "mocha:1",
]
OTHER_LINKS = ["data:text/html,x", "mailto:a@b", "ftp://x/", "file:///etc/passwd", "blob:x", "about:blank", "x-y.z+1:q"]


@pytest.mark.parametrize("attribute", ["href", "xlink:href", "HREF", "h:hReF"])
@pytest.mark.parametrize("element", ["a", "image", "feImage", "linearGradient", "h:area"])
def test_links_keep_relative_and_web_urls(element: str, attribute: str) -> None:
    """A scheme is read as a browser reads it: not behind a `/`, `?`, `#` or a space."""
    for link in HARMLESS_LINKS:
        document = f'<{element} {attribute}="{link}"/>'
        assert content_of(document) == document


@pytest.mark.parametrize("attribute", ["href", "xlink:href", "HREF", "h:hReF"])
@pytest.mark.parametrize("element", ["a", "image", "A", "h:area"])
def test_links_lose_script_urls(element: str, attribute: str) -> None:
    """However the scheme is spelled; the element stays."""
    for link in SCRIPT_LINKS:
        assert content_of(f'<{element} {attribute}="{link}" id="x">y</{element}>') == f'<{element} id="x">y</{element}>'


@pytest.mark.parametrize("link", OTHER_LINKS)
def test_links_lose_other_schemes(link: str) -> None:
    """Only http and https are allowed."""
    assert content_of(f'<a href="{link}"/>') == "<a/>"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ('<image href="data:image/png;base64,AA=="/>', '<image href="data:image/png;base64,AA=="/>'),
        ('<IMAGE xlink:href="data:image/png,x"/>', '<IMAGE xlink:href="data:image/png,x"/>'),
        ('<feImage href="data:image/png,x"/>', "<feImage/>"),
        ('<h:img src="data:image/png,x"/>', '<h:img src="data:image/png,x"/>'),
        ('<h:img src="a.png"/>', '<h:img src="a.png"/>'),
        ('<h:img src="file:///x"/>', "<h:img/>"),
        ('<h:video poster="javascript:1" src="javascript:1"/>', "<h:video/>"),
    ],
)
def test_pictures_may_be_inside_the_document(document: str, expected: str) -> None:
    """`data:` is allowed where only a picture can come of it."""
    assert content_of(document) == expected


@pytest.mark.parametrize(
    ("link", "is_kept"),
    [("#a", True), ("", True), (" #a", False), ("a.svg#a", False), ("http://x/#a", False), ("data:x#a", False)],
)
def test_use_refers_to_this_document_only(link: str, is_kept: bool) -> None:
    """Another document's content would be part of this one, with its handlers."""
    kept = f'<use xlink:href="{link}" x="1"/>'
    assert content_of(kept) == (kept if is_kept else '<use x="1"/>')


@pytest.mark.parametrize("attribute", ["data", "poster", "action", "background", "h:anything", "values", "xml:base"])
def test_a_script_url_goes_from_any_attribute(attribute: str) -> None:
    """Lists of URL attributes age; schemes that run script are few."""
    assert content_of(f'<g {attribute}=" java&#9;script:1"/>') == "<g/>"
    assert content_of(f'<g {attribute}="x: y"/>') == f'<g {attribute}="x: y"/>'


@pytest.mark.parametrize(
    ("animation", "is_kept"),
    [
        ('<animate attributeName="fill" values="red;blue"/>', True),
        ('<animate attributeName="href" values="#a;#b; #c"/>', True),
        ('<set attributeName="xlink:href" to="#b"/>', True),
        ('<set attributeName="href" to=""/>', True),
        ('<animate attributeName="href" values="#a;javascript:1"/>', False),
        ('<animate attributeName="xlink:href" from="#a" to="java&#10;script:1"/>', False),
        ('<animate attributeName=" HREF " by="http://x/"/>', False),
        ('<SET ATTRIBUTENAME="href" TO="data:x"/>', False),
        ('<h:set attributeName="h:href" to="x"/>', False),
        ('<animateTransform attributeName="src" to="javascript:1"/>', False),
        ('<animateMotion attributeName="onclick" to="alert(1)"/>', False),
        ('<animate h:attributeName="fill" attributeName="href" to="javascript:1"/>', False),
    ],
)
def test_animations_change_links_to_fragments_only(animation: str, is_kept: bool) -> None:
    """Frames of `use` stay animated; a link that becomes a script URL later does not."""
    assert content_of(f"<a>{animation}</a>") == (f"<a>{animation}</a>" if is_kept else "<a/>")


@pytest.mark.parametrize(
    "text",
    [
        "<style>rect &gt; g { fill: url(#a) }</style>",
        "<style><![CDATA[ a < b > c & d ]]></style>",
        '<rect style="fill:red" d="M0 0&#10;L1 1"/>',
        "<text>a &amp; b &lt; c  ü 語</text>",
        "<!-- a <script> in a comment --><g/>",
        "<?php echo ?><g/>",
        '<g a="it\'s" b="&quot;x&quot;"/>',
    ],
)
def test_everything_else_stays(text: str) -> None:
    """Text, styles, comments, CDATA and instructions come out as they went in."""
    before, after = (ET.canonicalize(document) for document in (wrapped(text), clean(wrapped(text))))
    assert before == after
    assert ("CDATA" in text) == ("CDATA" in clean(wrapped(text)))


@pytest.mark.parametrize("target", ["xml-stylesheet", "XML-Stylesheet"])
def test_stylesheet_instructions_go(target: str) -> None:
    """They may name a transformation; inside the root they say nothing and lose their text."""
    link = f'<?{target} type="text/xsl" href="javascript:1"?>'
    document = f"{link}<!-- a --><?keep me?>{wrapped(link)}<?keep too?>{link}<!-- z -->"
    assert clean(document) == f"<!-- a -->\n<?keep me?>\n{wrapped(f'<?{target}?>')}\n<?keep too?>\n<!-- z -->"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"<svg/>", b"<svg/>"),
        (b"<svg></svg>\n", b"<svg/>\n"),
        (b'<?xml version="1.0"?><svg/>', b'<?xml version="1.0"?><svg/>'),
        (b"<?xml version='1.0'?>\n<svg/>", b'<?xml version="1.0"?>\n<svg/>'),
        (
            b'<?xml version="1.0" encoding="utf-8" standalone="no"?>\r\n<!-- c -->\r\n<svg/>\r\n',
            b'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<!-- c -->\n<svg/>\n',
        ),
        (
            '<?xml version="1.0" encoding="iso-8859-1"?><svg>é</svg>'.encode("latin-1"),
            '<?xml version="1.0" encoding="UTF-8"?><svg>é</svg>'.encode(),
        ),
        (
            '<?xml version="1.0" encoding="utf-16"?>\n<svg>é</svg>\n'.encode("utf-16"),
            '<?xml version="1.0" encoding="UTF-8"?>\n<svg>é</svg>\n'.encode(),
        ),
        ("<svg>é</svg>".encode("utf-16"), "<svg>é</svg>".encode()),
        ("\ufeff<svg>é</svg>".encode(), "<svg>é</svg>".encode()),
        (b'<?xml version="1.1"?><svg/>', b'<?xml version="1.0"?><svg/>'),
    ],
)
def test_the_result_is_utf_8_with_a_declaration_where_one_was(document: bytes, expected: bytes) -> None:
    """Byte order marks go, line breaks around the root stay."""
    assert sanitized(document) == expected


def test_a_declared_encoding_does_not_hide_script() -> None:
    """The text is judged after decoding, and written in the one encoding that is left."""
    document = '<?xml version="1.0" encoding="utf-16be"?><svg><script/><g onload="1"/></svg>'.encode("utf-16-be")
    assert sanitized(document) == b'<?xml version="1.0" encoding="UTF-8"?><svg><g/></svg>'


def test_the_example_of_the_reference_comes_out_as_recorded() -> None:
    """One document with most of the tricks, and a doctype that stays."""
    document = (
        '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x "y">]><svg xmlns="http://www.w3.org/2000/svg"'
        ' xmlns:xlink="http://www.w3.org/1999/xlink" width="50" height="50" onload="alert(1)">'
        '<script>alert(2)</script><a xlink:href="javascript:alert(3)"><rect width="50" height="50" fill="red"'
        ' onclick="alert(4)"/></a><foreignObject><iframe src="http://x"/></foreignObject>'
        '<use href="http://evil/x.svg#a"/><text>&amp;ok</text></svg>'
    )
    assert clean(document) == (
        '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x "y">]><svg xmlns="http://www.w3.org/2000/svg"'
        ' xmlns:xlink="http://www.w3.org/1999/xlink" width="50" height="50"><a><rect width="50" height="50"'
        ' fill="red"/></a><foreignObject/><use/><text>&amp;ok</text></svg>'
    )
