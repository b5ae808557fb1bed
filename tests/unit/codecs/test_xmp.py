"""An XMP packet is cut down to its copyright: two schemas stay, and four properties of Dublin Core."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.codecs.xmp import only_copyright

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
RIGHTS = "http://ns.adobe.com/xap/1.0/rights/"
CC = "http://creativecommons.org/ns#"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"

DECLARED = f'xmlns:dc="{DC}" xmlns:xmpRights="{RIGHTS}" xmlns:cc="{CC}" xmlns:ps="{PHOTOSHOP}"'

OPEN = f'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Bildwerk"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description'
CLOSE = "</rdf:RDF></x:xmpmeta>"


def description(content: str, attributes: str = "") -> str:
    """An `rdf:Description` in which every prefix of these tests is declared."""
    return f'<rdf:Description rdf:about="" {DECLARED} {attributes}>{content}</rdf:Description>'


def packet(descriptions: str) -> bytes:
    """A packet as a camera writes it, wrapped and padded."""
    return (
        "<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>\n"
        f"<x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='A camera'>\n<rdf:RDF xmlns:rdf='{RDF}'>\n"
        f"{descriptions}\n</rdf:RDF>\n</x:xmpmeta>\n{' ' * 100}<?xpacket end='w'?>"
    ).encode()


def result(prefix: str, namespace: str, content: str, attributes: str = "") -> bytes:
    """The packet that is written for properties of one namespace."""
    return f'{OPEN} xmlns:{prefix}="{namespace}" rdf:about=""{attributes}>{content}</rdf:Description>{CLOSE}'.encode()


@pytest.mark.parametrize(
    ("prefix", "namespace", "name"),
    [
        ("dc", DC, "rights"),
        ("dc", DC, "contributor"),
        ("dc", DC, "creator"),
        ("dc", DC, "publisher"),
        ("xmpRights", RIGHTS, "Marked"),
        ("xmpRights", RIGHTS, "WebStatement"),
        ("cc", CC, "attributionName"),
    ],
)
class TestWhatSurvives:
    """Both rights schemas survive, and four properties of Dublin Core."""

    def test_as_an_element(self, prefix: str, namespace: str, name: str) -> None:
        """A property written as an element survives as one."""
        element = f"<{prefix}:{name}>value</{prefix}:{name}>"

        assert only_copyright(packet(description(element))) == result(prefix, namespace, element)

    def test_as_an_attribute(self, prefix: str, namespace: str, name: str) -> None:
        """A property written as an attribute survives as one."""
        attribute = f'{prefix}:{name}="value"'

        expected = result(prefix, namespace, "", f" {attribute}").replace(b"></rdf:Description>", b"/>")
        assert only_copyright(packet(description("", attribute))) == expected


@pytest.mark.parametrize(
    "name", ["dc:format", "dc:title", "dc:subject", "dc:Rights", "ps:City", "ps:rights", "rdf:type"]
)
class TestWhatIsDropped:
    """Other namespaces, and other names of Dublin Core, are dropped."""

    def test_as_an_element(self, name: str) -> None:
        """A property written as an element is dropped."""
        assert only_copyright(packet(description(f"<{name}>value</{name}>"))) is None

    def test_as_an_attribute(self, name: str) -> None:
        """A property written as an attribute is dropped."""
        assert only_copyright(packet(description("", f'{name}="value"'))) is None

    def test_beside_what_survives(self, name: str) -> None:
        """It is dropped without harm to its neighbors, and stray text goes with it."""
        content = f'text<{name}>value</{name}>text<cc:license rdf:resource="u"/>text<{name}/>'

        kept = only_copyright(packet(description(content, f'{name}="value"')))

        assert kept == result("cc", CC, '<cc:license rdf:resource="u"/>')


def test_a_property_keeps_all_it_holds_without_the_white_space_of_its_layout() -> None:
    """Languages and lists survive, a value that is a space too; white space between elements does not."""
    text = """
      <dc:rights>
        <rdf:Alt>
          <rdf:li xml:lang="x-default">© Jo &amp; Bo</rdf:li>
          <rdf:li xml:lang="de"> </rdf:li>
        </rdf:Alt>
      </dc:rights>"""

    kept = only_copyright(packet(description(text)))

    languages = '<rdf:li xml:lang="x-default">© Jo &amp; Bo</rdf:li><rdf:li xml:lang="de"> </rdf:li>'
    assert kept == result("dc", DC, f"<dc:rights><rdf:Alt>{languages}</rdf:Alt></dc:rights>")


def test_what_several_descriptions_say_is_written_as_one() -> None:
    """The properties of several descriptions come out in one, in their order."""
    first = description("<dc:creator>Jo</dc:creator>", 'cc:license="u"')
    second = description("<ps:City>Wien</ps:City><xmpRights:Owner>Bo</xmpRights:Owner>")

    kept = only_copyright(packet(first + second))

    namespaces = f'xmlns:dc="{DC}" xmlns:xmpRights="{RIGHTS}" xmlns:cc="{CC}"'
    properties = "<dc:creator>Jo</dc:creator><xmpRights:Owner>Bo</xmpRights:Owner>"
    assert kept == f'{OPEN} {namespaces} rdf:about="" cc:license="u">{properties}</rdf:Description>{CLOSE}'.encode()


def test_a_repeated_property_is_written_once() -> None:
    """XMP allows a name once; readers refuse a packet that repeats it."""
    first = description("<dc:creator>Jo</dc:creator><dc:creator>Bo</dc:creator>")

    kept = only_copyright(packet(first + description("", 'dc:creator="Mo"')))

    assert kept == result("dc", DC, "<dc:creator>Jo</dc:creator>")


def test_comments_and_identifiers_do_not_survive() -> None:
    """Comments, processing instructions and identifiers do not survive."""
    content = (
        f'<rdf:Description rdf:about="uuid:4711" rdf:ID="i" xml:lang="de" xmlns:dc="{DC}">'
        "<!-- secret --><dc:rights><!-- secret --><?secret pi?>Jo</dc:rights></rdf:Description>"
    )

    assert only_copyright(packet(content)) == result("dc", DC, "<dc:rights>Jo</dc:rights>")


def test_another_prefix_in_the_source_changes_nothing() -> None:
    """Namespaces count, prefixes do not."""
    content = f'<rdf:Description xmlns:q="{DC}" xmlns:ps="{PHOTOSHOP}" q:rights="Jo"><q:creator/></rdf:Description>'

    assert only_copyright(packet(content)) == result("dc", DC, "<dc:creator/>", ' dc:rights="Jo"')


def test_a_foreign_namespace_stays_declared_where_a_property_uses_it() -> None:
    """What a property holds may be of any namespace, which stays declared."""
    nested = "<cc:work><ps:Credit>Jo</ps:Credit></cc:work>"

    expected = result("cc", CC, nested.replace("<cc:work>", f'<cc:work xmlns:ps="{PHOTOSHOP}">'))
    assert only_copyright(packet(description(nested))) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"", b"", id="no element around rdf:RDF"),
        pytest.param(b"<xapmeta xmlns='adobe:ns:meta/'>", b"</xapmeta>", id="the older xapmeta"),
        pytest.param(b"\n \t", b"\r\n", id="white space around"),
        pytest.param(b"", bytes(7), id="padded with zeros"),
        pytest.param(b"\xef\xbb\xbf", b"", id="byte order mark"),
        pytest.param(b'<?xml version="1.0" encoding="UTF-8"?>', b"", id="XML declaration"),
    ],
)
def test_the_wrapping_of_a_packet_may_differ(before: bytes, after: bytes) -> None:
    """A packet is read whatever stands around `rdf:RDF`."""
    rdf = f'<rdf:RDF xmlns:rdf="{RDF}">{description("<cc:license>u</cc:license>")}</rdf:RDF>'.encode()

    assert only_copyright(before + rdf + after) == result("cc", CC, "<cc:license>u</cc:license>")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0\0", id="zeros"),
        pytest.param(b"http://ns.adobe.com/xap/1.0/\0", id="no XML"),
        pytest.param(packet(description("<dc:rights>"))[:-20], id="not well-formed"),
        pytest.param(packet(description("<dc:rights>\xa9</dc:rights>")).replace(b"\xc2", b""), id="not UTF-8"),
        pytest.param(packet(description("<cc:a>&undefined;</cc:a>")), id="undefined entity"),
        pytest.param(b'<?xml version="1.0" encoding="none"?><a/>', id="unknown encoding"),
        pytest.param(b"<svg><rights/></svg>", id="no RDF"),
        pytest.param(packet(""), id="no description"),
        pytest.param(packet(f'<rdf:Bag xmlns:dc="{DC}" dc:rights="x"><dc:rights/></rdf:Bag>'), id="no rdf:Description"),
        pytest.param(b"<a>" + packet(description("<dc:rights/>"))[60:] + b"</a>", id="RDF not at the top"),
    ],
)
def test_what_is_no_xmp_is_dropped(data: bytes) -> None:
    """What does not parse, or is not built as XMP, gives nothing."""
    assert only_copyright(data) is None


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY e "text">',
        '<!ENTITY e SYSTEM "file:///etc/hostname">',
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;"><!ENTITY e "&b;&b;&b;&b;&b;">',
        "",
    ],
)
@pytest.mark.parametrize("content", ["<dc:rights>&e;</dc:rights>", "<dc:rights>Jo</dc:rights>"])
def test_a_document_type_is_refused(declaration: str, content: str) -> None:
    """A document type is refused, whether or not its entities are used."""
    document = f'<rdf:RDF xmlns:rdf="{RDF}">{description(content)}</rdf:RDF>'

    assert only_copyright(f"<!DOCTYPE rdf:RDF [{declaration}]>{document}".encode()) is None


def test_a_packet_beyond_one_mebibyte_is_refused() -> None:
    """One mebibyte is read, one byte more is not."""
    small = packet(description("<cc:license>u</cc:license>"))
    largest = small + b" " * ((1 << 20) - len(small))

    assert only_copyright(largest) == result("cc", CC, "<cc:license>u</cc:license>")
    assert only_copyright(largest + b" ") is None


def test_a_result_beyond_one_mebibyte_is_refused() -> None:
    """Text in another encoding may grow when it is written as UTF-8."""
    text = "ä" * 600_000
    rdf = f'<rdf:RDF xmlns:rdf="{RDF}">{description(f"<cc:a>{text}</cc:a>")}</rdf:RDF>'

    assert only_copyright(f'<?xml version="1.0" encoding="ISO-8859-1"?>{rdf}'.encode("latin-1")) is None


def test_a_large_history_beside_the_copyright_does_no_harm() -> None:
    """The bounds on what is kept do not count what is dropped."""
    history = "<ps:History><rdf:Bag>" + "<rdf:li>saved</rdf:li>" * 20_000 + "</rdf:Bag></ps:History>"

    kept = only_copyright(packet(description(f"{history}<cc:license>u</cc:license>")))

    assert kept == result("cc", CC, "<cc:license>u</cc:license>")


MANY_ATTRIBUTES = " ".join(f'cc:a{n}=""' for n in range(60_000))
MANY_NAMESPACES = " ".join(f'xmlns:n{n}="{n}"' for n in range(40_000))
LONG_NAMESPACE = f'xmlns:n="{"n" * 500_000}"'
NESTED_NAMESPACES = "".join(f'<n{n}:a xmlns:n{n}="{n}">' for n in range(200))
NESTED_NAMESPACES_END = "".join(f"</n{n}:a>" for n in reversed(range(200)))


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(description("", MANY_ATTRIBUTES), id="attributes"),
        pytest.param(description(f"<cc:a {MANY_ATTRIBUTES}/>"), id="attributes inside a property"),
        pytest.param(description("<cc:a/>" * 100_000), id="properties"),
        pytest.param("<rdf:Description/>" * 50_000, id="descriptions"),
        pytest.param(description("<cc:a/>", MANY_NAMESPACES), id="namespaces"),
        pytest.param(
            description(f"<cc:a>{NESTED_NAMESPACES}{'<cc:b/>' * 100_000}{NESTED_NAMESPACES_END}</cc:a>"),
            id="namespaces inside a property",
        ),
        pytest.param(
            description("".join(f"<cc:a{n}><n:b/></cc:a{n}>" for n in range(400)), LONG_NAMESPACE),
            id="a long namespace used often",
        ),
        pytest.param(description(f"<cc:a>{'<a>' * 5000}{'</a>' * 5000}</cc:a>"), id="depth"),
    ],
)
def test_a_packet_made_to_cost_time_is_refused_at_once(hostile: str) -> None:
    """Packets on which lxml would work for seconds or minutes are refused in a moment."""
    data = packet(hostile)

    assert len(data) < 1 << 20
    assert only_copyright(data) is None


@given(st.data())
def test_a_damaged_packet_gives_a_fixed_point_or_nothing(data: st.DataObject) -> None:
    """No damage raises an error, and a result filtered again stays as it is."""
    whole = packet(description('<dc:rights xml:lang="de">Jo</dc:rights>', 'cc:license="u"'))
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(start + 8, len(whole))))
    damaged = whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:]

    kept = only_copyright(damaged)

    assert kept is None or only_copyright(kept) == kept
