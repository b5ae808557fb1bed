"""Of a doctype only harmless entities get into a sanitised SVG, and they hide nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from renderer.security.svg import sanitized

SVG_DOCTYPE = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"'


def clean(document: str) -> str:
    """The sanitised text of a document."""
    return sanitized(document.encode()).decode()


def test_an_editors_entities_work_as_before() -> None:
    """Illustrator names namespaces and styles with entities: names are written out, the rest stays a reference."""
    document = clean(
        f'{SVG_DOCTYPE} [\n\t<!ENTITY ns_svg "http://www.w3.org/2000/svg">\n\t<!ENTITY st0 "fill:#f00">\n'
        '\t<!ENTITY st1 "&st0;;opacity:.5">\n]>\n'
        '<svg xmlns="&ns_svg;" width="10"><rect style="&st1;"/><text>&st0;</text></svg>'
    )
    assert document.startswith(f'{SVG_DOCTYPE} [<!ENTITY ns_svg "http://www.w3.org/2000/svg">')
    assert (
        '<svg xmlns="http://www.w3.org/2000/svg" width="10"><rect style="&st1;"/><text>&st0;</text></svg>' in document
    )
    rect, text = ET.fromstring(document)  # noqa: S314 - written by this test
    assert (rect.get("style"), text.text) == ("fill:#f00;opacity:.5", "fill:#f00")


@pytest.mark.parametrize("text", ["plain", "50% of &#34;it&#34;", "a'b", "&#38;amp;", "&#38;#60;b>", "&#10;"])
def test_entity_text_survives_being_written_again(text: str) -> None:
    """Quotes, percent signs and references in the text mean the same afterwards."""
    document = f'<!DOCTYPE svg [<!ENTITY e "{text.replace("%", "&#37;")}">]><svg><text>&e;</text></svg>'
    before, after = (ET.fromstring(each)[0].text for each in (document, clean(document)))  # noqa: S314
    assert before == after


@pytest.mark.parametrize(
    "declarations",
    [
        '<!ENTITY e "<script>1</script>">',
        '<!ENTITY e "&#60;script>1&#60;/script>">',
        "<!ENTITY e \"<g onload='1'/>\">",
        '<!ENTITY f "<script/>"><!ENTITY e "&f;">',
        '<!ENTITY e "&f;"><!ENTITY f "&#60;script/>">',
        "<!ENTITY % p '<!ENTITY e \"&#60;script/>\">'>%p;",
        '<!ENTITY e SYSTEM "file:///etc/passwd">',
        '<!ENTITY e PUBLIC "x" "http://127.0.0.1:9/x.xml">',
    ],
)
def test_an_entity_with_markup_becomes_empty(declarations: str, active_parts: Callable[[str], list[str]]) -> None:
    """Its references stay, and stand for nothing."""
    document = clean(f"<!DOCTYPE svg [{declarations}]><svg><g>&e;</g></svg>")
    assert active_parts(document) == []
    assert "".join(ET.fromstring(document).itertext()) == ""  # noqa: S314 - written by this test
    assert "<g>&e;</g>" in document


@pytest.mark.parametrize(
    ("declarations", "link"),
    [
        ('<!ENTITY e "javascript:1">', "&e;"),
        ('<!ENTITY a "java"><!ENTITY b "script:1">', "&a;&b;"),
        ('<!ENTITY a "java"><!ENTITY e "&a;script:1">', "&e;"),
        ('<!ENTITY e "&#106;avascript:1">', "&e;"),
        ('<!ENTITY e "&#38;#106;avascript:1">', "&e;"),
        ('<!ENTITY e "&#38;#9;javascript&#38;#58;1">', "&e;"),
        ('<!ENTITY e ":">', "javascript&e;1"),
        ('<!ENTITY e "">', "java&e;script:1"),
        ("<!ENTITY % p '<!ENTITY e \"javascript:1\">'>%p;", "&e;"),
    ],
)
def test_links_are_judged_with_their_entities_replaced(declarations: str, link: str) -> None:
    """A scheme made of entities is a scheme."""
    assert "<a/>" in clean(f'<!DOCTYPE svg [{declarations}]><svg><a href="{link}"/></svg>')


def test_links_are_judged_with_the_entities_that_the_result_has() -> None:
    """A name that only an outside file declares stands for nothing afterwards, so it hides nothing."""
    doctype = '<!DOCTYPE svg SYSTEM "http://127.0.0.1:9/x.dtd">'
    document = clean(f'{doctype}<svg><a href="&slash;javascript:1">&nbsp;</a></svg>')
    assert document == '<!DOCTYPE svg [<!ENTITY nbsp "">]>\n<svg><a>&nbsp;</a></svg>'


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE svg [<!ATTLIST g onload CDATA "1">]>',
        '<!DOCTYPE svg [<!ATTLIST g href CDATA #FIXED "javascript:1"><!ELEMENT g ANY><!NOTATION n SYSTEM "x">]>',
        '<!DOCTYPE svg SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE svg SYSTEM "x.dtd" [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x">%p;]>',
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://evil.test/svg11.dtd">',
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">',
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" \'http://www.w3.org/"[<!ENTITY x "y">]>\'>',
    ],
)
def test_nothing_but_entities_is_taken_over_from_a_doctype(
    doctype: str, active_parts: Callable[[str], list[str]]
) -> None:
    """Attribute defaults would bring handlers back; a foreign DTD names such as `&colon;`."""
    document = clean(f"{doctype}<svg><g/></svg>")
    assert active_parts(document) == []
    assert re.fullmatch(r'<!DOCTYPE svg( \[<!ENTITY p "">\])?>\n<svg><g/></svg>', document)


def test_predefined_entities_keep_their_meaning() -> None:
    """Redeclaring them changes nothing."""
    declarations = '<!ENTITY lt "&#38;#60;"><!ENTITY amp "&#38;#38;">'
    document = clean(f"<!DOCTYPE svg [{declarations}]><svg>&lt;script&gt;&amp;</svg>")
    assert document == "<!DOCTYPE svg>\n<svg>&lt;script&gt;&amp;</svg>"
