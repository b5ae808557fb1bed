"""The OpenAPI 3.1 document of the API, from the table of routes and the models that validate its bodies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from api.examples import EXAMPLES, example_of, problem_example
from api.models import ProblemDocument
from api.problems import MEDIA_TYPE, TYPE_PREFIX, Problem, Unauthorized, problems
from api.routes import EVERYWHERE, GUARDED, ROUTES, Answer, Body, Parameter, Route
from renderer.version import VERSION

_REFERENCE: Final = "#/components/schemas/{model}"
_EXAMPLE: Final = "#/components/examples/{name}"
_TAGS: Final = {
    "images": "Originals: store, replace, look up, delete.",
    "uploads": "Large files, which do not fit into a request.",
    "document": "This document.",
}
_DESCRIPTION: Final = """\
Puts pictures into the store that the server renders from, replaces, looks up and deletes them. Whatever is replaced or
deleted disappears from the store of results and from the CDN, in every size and format.

Errors are RFC 9457 problems, and `type` says which one. A path that is none of these is answered with
`urn:bildwerk:problem:not-found`, another method with `urn:bildwerk:problem:method-not-allowed`.

A problem may have further members: `request_id` finds it in the log, `errors` lists where a JSON body is wrong.

Where the API is set up with IAM, requests are signed with SigV4 instead of carrying a token.
"""


_NO_DEFAULT: Final = ("default", None)


class _Plain(GenerateJsonSchema):
    """JSON schemas without titles that repeat the names of members, and without defaults that say: nothing."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  pydantic passes it
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return {name: value for name, value in super().default_schema(schema).items() if (name, value) != _NO_DEFAULT}


def document() -> dict[str, Any]:
    """The whole document, as JSON has it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bildwerk upload API",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "examples": _examples(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of this installation. It may be limited to scopes (`upload`, `delete`) and"
                    " to keys that begin with a prefix. Reading needs any token.",
                }
            },
        },
    }


def document_text() -> str:
    """The document as the file that is committed."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _paths() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        # OpenAPI has no sign for a parameter that takes the rest of the path; its description says so.
        paths.setdefault(route.resource.replace("+}", "}"), {})[route.method.lower()] = _operation(route)
    return paths


def _operation(route: Route) -> dict[str, Any]:
    operation = {
        "operationId": route.operation_id,
        "tags": [tag if (tag := route.resource.split("/")[1]) in _TAGS else "document"],
        "summary": route.summary,
        "description": route.description,
        "security": [] if route.is_open else [{"bearer": [route.scope.value] if route.scope else []}],
        "parameters": [_parameter(parameter) for parameter in route.parameters],
        "requestBody": {"required": True, "content": {body.media_type: _content(body) for body in route.bodies}},
        "responses": {
            **{str(status): _answer(answer) for status, answer in sorted(route.answers.items())},
            **{str(status): _problem(kinds, route) for status, kinds in _by_status(route).items()},
        },
    }
    empty = {name for name, content in (("parameters", route.parameters), ("requestBody", route.bodies)) if not content}
    return {name: content for name, content in operation.items() if name not in empty}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = TypeAdapter(parameter.kind).json_schema(schema_generator=_Plain)
    schema.pop("description", None)  # the parameter has its own
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": schema,
    }


def _content(body: Body) -> dict[str, Any]:
    return {"schema": _reference(body.model) if body.model else {"type": "string", "format": "binary"}}


def _answer(answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.description}
    if answer.headers:
        told["headers"] = {name: _header(description) for name, description in answer.headers.items()}
    if answer.model:
        name = answer.model.__name__
        content = {"schema": _reference(answer.model), "examples": {name: {"$ref": _EXAMPLE.format(name=name)}}}
        told["content"] = {answer.media_type: content}
    elif answer.media_type:
        told["content"] = {answer.media_type: {"schema": {"type": "object"}}}
    return told


def _by_status(route: Route) -> dict[int, list[type[Problem]]]:
    by_status: dict[int, list[type[Problem]]] = {}
    everywhere = EVERYWHERE if route.is_open else (*GUARDED, *EVERYWHERE)
    for kind in sorted({*route.problems, *everywhere}, key=lambda kind: (kind.status, kind.name)):
        by_status.setdefault(kind.status, []).append(kind)
    return by_status


def _problem(kinds: list[type[Problem]], route: Route) -> dict[str, Any]:
    """The answer that one status is for, whichever of its problems it is."""
    status = kinds[0].status
    told: dict[str, Any] = {"description": " ".join(f"{kind.title}." for kind in kinds)}
    if headers := _problem_headers(kinds):
        told["headers"] = headers
    if route.method == "HEAD":
        return told
    members = route.members.get(status)
    told["content"] = {
        MEDIA_TYPE: {
            "schema": {
                "allOf": [
                    *(_reference(model) for model in (ProblemDocument, members) if model),
                    {
                        "properties": {
                            "type": {"enum": [TYPE_PREFIX + kind.name for kind in kinds]},
                            "status": {"const": status},
                        }
                    },
                ]
            },
            "examples": {kind.name: _problem_example(kind, members) for kind in kinds},
        }
    }
    return told


def _problem_example(kind: type[Problem], members: type[BaseModel] | None) -> dict[str, Any]:
    if members:
        return {"summary": kind.title, "value": problem_example(kind, members)}
    return {"$ref": _EXAMPLE.format(name=kind.name)}


def _problem_headers(kinds: list[type[Problem]]) -> dict[str, Any]:
    headers = {}
    if any(kind.retry_after_seconds for kind in kinds):
        headers["Retry-After"] = _header("Seconds after which to ask again.")
    if Unauthorized in kinds:
        headers["WWW-Authenticate"] = _header("`Bearer`.")
    return headers


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _examples() -> dict[str, Any]:
    """Those that several answers share."""
    seen = {kind for route in ROUTES for kinds in _by_status(route).values() for kind in kinds}
    return {
        **{model.__name__: {"value": example_of(model)} for model in EXAMPLES},
        **{kind.name: {"summary": kind.title, "value": problem_example(kind)} for kind in problems() if kind in seen},
    }


def _schemas() -> Mapping[str, Any]:
    asked = (body.model for route in ROUTES for body in route.bodies)
    told = (answer.model for route in ROUTES for answer in route.answers.values())
    wanted: Iterable[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "validation") for model in asked if model),
        *((model, "serialization") for model in told if model),
        (ProblemDocument, "serialization"),
    ]
    _, definitions = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REFERENCE, schema_generator=_Plain)
    return cast("Mapping[str, Any]", definitions["$defs"])
