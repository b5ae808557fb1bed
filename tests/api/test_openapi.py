"""The OpenAPI document: what it promises holds of the models, the keys and the pages."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st

from api.application import Api
from api.examples import EXAMPLES, example_of
from api.keys import MAX_BYTES, PATTERN, checked_key
from api.models import ImageStored
from api.openapi import document, document_text
from api.problems import InvalidKey, MethodNotAllowed, problems
from api.routes import EVERYWHERE, GUARDED, ROUTES, Route, routes_of
from renderer.cache.tags import original_tag

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = document()


def _answers() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                yield f"{method} {path} {status}", answer


def _followed(value: dict[str, Any]) -> dict[str, Any]:
    for part in value["$ref"].removeprefix("#/").split("/") if "$ref" in value else ():
        value = DOCUMENT if value.get("$ref") else value
        value = value[part]
    return value


def _validator(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_the_document_is_openapi() -> None:
    """OpenAPI's own schema of 3.1 has nothing against it, nor JSON Schema's against the schemas inside."""
    schemathesis.openapi.from_dict(document()).validate()

    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_the_committed_document_is_the_one_that_is_served() -> None:
    """Whoever reads the repository reads what the API answers."""
    assert (ROOT / "docs/openapi.json").read_text() == document_text()


def test_every_example_is_what_its_schema_describes() -> None:
    """An example that a generated client would refuse helps nobody."""
    seen = 0
    for name, answer in _answers():
        for content in answer.get("content", {}).values():
            for example in content.get("examples", {}).values():
                assert _validator(content["schema"]).is_valid(_followed(example)["value"]), (name, example)
                seen += 1
    assert seen > 100


def test_the_example_of_an_original_is_one_that_could_be() -> None:
    """Its tag and its source belong to its key."""
    image = EXAMPLES[ImageStored]

    assert isinstance(image, ImageStored)
    assert image.cache_tag == original_tag(image.source_url)
    assert checked_key(image.key) in image.source_url


def test_every_problem_is_documented_somewhere() -> None:
    """Only a wrong method cannot be: no operation has it."""
    documented = {kind for route in ROUTES for kind in (*route.problems, *EVERYWHERE, *GUARDED)}

    assert set(problems()) - documented == {MethodNotAllowed}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation_id)
def test_every_route_has_a_function_and_stands_in_the_document(route: Route) -> None:
    """The gateway needs the one, a client the other."""
    assert callable(getattr(Api, route.function))
    assert DOCUMENT["paths"][route.resource.replace("+", "")][route.method.lower()]["operationId"] == route.operation_id


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/images", "/images"),
        ("/images/a", "/images/{key+}"),
        ("/images/a/b%2Fc", "/images/{key+}"),
        ("/images/%0A", "/images/{key+}"),
        ("/images//", "/images/{key+}"),
        ("/uploads", "/uploads"),
        ("/uploads/1", "/uploads/{id}"),
        ("/openapi.json", "/openapi.json"),
    ],
)
def test_a_path_belongs_to_one_resource(path: str, resource: str) -> None:
    """As API Gateway would match it."""
    assert {route.resource for route in routes_of(path)} == {resource}


@pytest.mark.parametrize("path", ["", "/", "/images/", "/uploads/", "/uploads/1/2", "/openapi-json", "/image"])
def test_other_paths_belong_to_none(path: str) -> None:
    """They are answered with 404."""
    assert routes_of(path) == ()


_PARTS: Final = st.lists(
    st.sampled_from([".", "..", "...", "incoming", "a", "", "ä", "\u202e", "?", "\x00", "\x9f", "\n", " "]) | st.text()
)


@given(_PARTS.map("/".join) | st.text())
def test_the_documented_pattern_is_the_rule_for_keys(text: str) -> None:
    """Beside NFC and the count of bytes, which no regular expression can say."""
    validator = jsonschema_rs.Draft202012Validator({"pattern": PATTERN})
    try:
        is_sayable = unicodedata.is_normalized("NFC", text) and len(text.encode()) <= MAX_BYTES
    except UnicodeEncodeError:
        return
    try:
        checked_key(text)
    except InvalidKey:
        is_key = False
    else:
        is_key = True
    if is_sayable:
        assert validator.is_valid(text) == is_key


def test_the_page_tells_of_every_problem() -> None:
    """Its table of errors is the API's: status, name, and a meaning for each."""
    page = (ROOT / "docs/api.md").read_text()
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \| [^|]+ \| [^|]+ \|$", page, re.MULTILINE)

    assert rows == [(str(kind.status), kind.name) for kind in problems()]


def test_the_page_shows_the_documents_example() -> None:
    """One picture, told of in both."""
    page = (ROOT / "docs/api.md").read_text()
    told = re.search(r"```json\n(\{.+?\})\n```", page, re.DOTALL)

    assert told is not None
    assert json.loads(told[1]) == example_of(ImageStored)


def test_the_page_tells_of_every_route() -> None:
    """By method and resource."""
    page = (ROOT / "docs/api.md").read_text()

    for route in ROUTES:
        assert route.method in page
        assert f"`{route.method} {route.resource}`".replace("{key+}", "KEY").replace("{id}", "ID") in page
