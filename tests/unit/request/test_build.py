"""Requests are written as paths that read as the same request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.formats import ImageFormat
from renderer.options.arguments import Gravity, GravityType
from renderer.options.crop import Cropping
from renderer.options.delivery import Delivery
from renderer.options.filters import Filters
from renderer.options.output import Output
from renderer.options.resize import Resize, ResizingType
from renderer.request.build import Encoding, build_path
from renderer.request.parse import Grammar, parse_request
from renderer.request.path import split_path
from renderer.request.source_url import SourceGrammar
from renderer.request.values import Pipeline, RenderRequest

MakeGrammar = Callable[..., Grammar]

URL = "http://example.com/images/curiosity.jpg"
KEY = bytes(range(16))


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (RenderRequest(source_url=URL), f"plain/{URL}"),
        (
            RenderRequest(source_url=URL, pipelines=(Pipeline(resize=Resize(width=10, dpr=2)),)),
            f"w:10/dpr:2/plain/{URL}",
        ),
        (RenderRequest(source_url=URL, output=Output(format=ImageFormat.PNG)), f"plain/{URL}@png"),
        (
            RenderRequest(source_url=URL, output=Output(format=ImageFormat.PNG), delivery=Delivery(raw=True)),
            f"f:png/raw:1/plain/{URL}",
        ),
        (RenderRequest(source_url=URL, delivery=Delivery(filename="a/b:c")), f"fn:YS9iOmM:1/plain/{URL}"),
        (RenderRequest(source_url=URL, output=Output(strip_metadata=False)), f"sm:0/plain/{URL}"),
    ],
)
def test_a_path_names_what_is_not_the_default_under_its_shortest_name(request_: RenderRequest, path: str) -> None:
    """A path names what is not the default under its first alias, and the format as an extension."""
    assert build_path(request_) == path


def test_the_encodings_write_the_same_source_in_three_ways(grammar: MakeGrammar) -> None:
    """The encodings write the same source in three ways."""
    request = RenderRequest(source_url="local:///a.jpg", output=Output(format=ImageFormat.WEBP))

    assert build_path(request) == "plain/local:///a.jpg@webp"
    assert build_path(request, encoding="base64") == "bG9jYWw6Ly8vYS5qcGc.webp"
    path = build_path(request, encoding="encrypted", encryption_key=KEY)
    assert path.startswith("enc/")
    assert path.endswith(".webp")
    assert parse_request(path, grammar(sources=SourceGrammar(encryption_key=KEY))) == request
    assert build_path(request, encoding="encrypted", encryption_key=KEY) == path


@pytest.mark.parametrize("encoding", ["plain", "base64"])
@pytest.mark.parametrize("format", [None, ImageFormat.PNG])
@pytest.mark.parametrize(
    "url",
    [
        "http://h/a b?c=d@e%20f#g",
        "http://h/?u=http:/other",
        "local:///a:/b.jpg",
        "local:/a.jpg",
        "a:/",
        "x:",
        "100%",
        "äöü/\u2003/\udce4",
        "/plain/http:/x",
        "http://h/[1].jpg",
        "a//b/../c/",
    ],
)
def test_a_source_survives_the_way_through_a_request_target(
    grammar: MakeGrammar, url: str, format: ImageFormat | None, encoding: Encoding
) -> None:
    """Whatever a source URL contains survives the way through a request target and its repair."""
    request = RenderRequest(source_url=url, output=Output(format=format))
    target = f"/sig/{build_path(request, encoding=encoding)}"

    assert parse_request(split_path(target).signed, grammar()) == request
    assert "?" not in target
    assert "#" not in target


@pytest.mark.parametrize(
    ("request_", "separator"),
    [
        (RenderRequest(source_url=URL, delivery=Delivery(cachebuster="a/b")), ":"),
        (RenderRequest(source_url=URL, delivery=Delivery(cachebuster="a:b")), ":"),
        (RenderRequest(source_url=URL, delivery=Delivery(cachebuster="a,b")), ","),
        (RenderRequest(source_url=URL, delivery=Delivery(cachebuster="a?b")), ":"),
        (RenderRequest(source_url=URL, delivery=Delivery(cachebuster="a b")), ":"),
        (RenderRequest(source_url=URL, delivery=Delivery(cachebuster="a%3Ab")), ","),
        (RenderRequest(source_url=URL, delivery=Delivery(cachebuster="50%")), ":"),
        (RenderRequest(source_url=URL, pipelines=(Pipeline(filters=Filters(blur=0.5)),)), "."),
        (
            RenderRequest(source_url=URL, pipelines=(Pipeline(resize=Resize(resizing_type=ResizingType.FILL_DOWN)),)),
            "-",
        ),
        (
            RenderRequest(
                source_url=URL,
                pipelines=(Pipeline(cropping=Cropping(gravity=Gravity(type=GravityType.NORTH, x=-1))),),
            ),
            "-",
        ),
        (RenderRequest(source_url=URL), "l"),
    ],
)
def test_a_request_that_no_path_reads_as_is_refused(request_: RenderRequest, separator: str) -> None:
    """A request that no path reads as is refused, instead of written as another one."""
    with pytest.raises(ValueError, match=r"cannot be written|would read as an option"):
        build_path(request_, separator=separator)


def test_an_encoded_source_with_the_separator_in_it_is_refused() -> None:
    """An encoded source that would read as an option under this separator is refused."""
    request = RenderRequest(source_url="local:///~~?")

    with pytest.raises(ValueError, match="would read as an option"):
        build_path(request, encoding="base64", separator="b")
    assert build_path(request, separator="_") == "plain/local:///~~%3F"
