"""What API Gateway answers by itself: the problem documents of the API, as the local gateway has them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import pytest
from aws_cdk import aws_apigateway as apigateway
from aws_cdk.assertions import Template

from api.problems import MEDIA_TYPE, problems
from api.requests.cors import cors_headers
from infra.config import ApiConfig
from infra.uploads.gateway_responses import REFUSALS, TYPE_PREFIX, Refusal, refusals
from tests.infra.api_parts import api_template, gateway_answers

ORIGIN: Final = "https://editor.example.com"
SEVERAL: Final = (ORIGIN, "https://shop.example.com")


@pytest.fixture(scope="module")
def template(stub_packages: Path) -> Template:
    """With tokens, without pages of other origins."""
    return api_template(ApiConfig(), stub_packages)


@pytest.fixture(scope="module")
def with_iam(stub_packages: Path) -> Template:
    """With signatures instead of tokens."""
    return api_template(ApiConfig(auth="iam"), stub_packages)


def _headers(answer: Mapping[str, Any]) -> dict[str, str]:
    prefix = "gatewayresponse.header."
    return {name.removeprefix(prefix): value for name, value in answer["ResponseParameters"].items()}


def test_no_answer_is_the_gateways_own(template: Template) -> None:
    """Every type that it has, but the one for API keys, of which there are none."""
    kinds = {
        getattr(apigateway.ResponseType, name).response_type for name in vars(apigateway.ResponseType) if name.isupper()
    }

    assert set(gateway_answers(template)) == kinds - {"INVALID_API_KEY"}


@pytest.mark.parametrize("auth", ["tokens", "iam"])
def test_answers_are_problems_of_the_api(template: Template, with_iam: Template, auth: str) -> None:
    """The same type, title, status and headers as the functions and the local gateway send (`api.problems`)."""
    kinds = {kind.name: kind for kind in problems()}
    for answer in gateway_answers(with_iam if auth == "iam" else template).values():
        document = json.loads(answer["ResponseTemplates"]["application/json"])
        kind = kinds[document["type"].removeprefix(TYPE_PREFIX)] if document["type"] != "about:blank" else None
        title, status = (kind.title, kind.status) if kind else ("Forbidden", HTTPStatus.FORBIDDEN)
        wanted = dict(kind("").headers() if kind else {"Content-Type": MEDIA_TYPE})
        if auth == "iam" and status == HTTPStatus.UNAUTHORIZED:
            wanted["WWW-Authenticate"] = "AWS4-HMAC-SHA256"

        assert (document["title"], document["status"], answer["StatusCode"]) == (title, status, str(int(status)))
        assert document["detail"].endswith(".")
        assert document["request_id"] == "$context.requestId"
        assert _headers(answer) == {
            name: f"'{value}'"
            for name, value in {**wanted, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}.items()
        }


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        ("UNAUTHORIZED", 401, "unauthorized"),
        ("ACCESS_DENIED", 403, "forbidden-scope"),
        ("AUTHORIZER_FAILURE", 503, "tokens-unavailable"),
        ("AUTHORIZER_CONFIGURATION_ERROR", 503, "tokens-unavailable"),
        ("MISSING_AUTHENTICATION_TOKEN", 404, "not-found"),
        ("BAD_REQUEST_BODY", 400, "invalid-request"),
        ("REQUEST_TOO_LARGE", 413, "too-large"),
        ("THROTTLED", 429, "too-many-requests"),
        ("DEFAULT_5XX", 502, "function-failed"),
        ("INTEGRATION_TIMEOUT", 504, "timeout"),
    ],
)
def test_a_case_has_the_problem_that_the_local_gateway_has_for_it(kind: str, status: int, name: str) -> None:
    """What that one answers to each of them, tests/api/test_gateway.py shows."""
    assert (REFUSALS[kind].status, REFUSALS[kind].name) == (status, name)


def test_an_unsigned_request_is_told_to_sign(with_iam: Template) -> None:
    """API Gateway says the same of a request without a signature and of a path that is not there."""
    answer = gateway_answers(with_iam)["MISSING_AUTHENTICATION_TOKEN"]

    assert answer["StatusCode"] == "401"
    assert "Sign the request" in answer["ResponseTemplates"]["application/json"]
    assert refusals(ApiConfig(auth="iam"))["THROTTLED"] is REFUSALS["THROTTLED"]


def test_variables_in_a_document_are_the_gateways_own() -> None:
    """They are put in as they are: what a client wrote could end the text that it stands in."""
    found = {variable for refusal in REFUSALS.values() for variable in re.findall(r"\$[\w.]+", refusal.template())}

    assert found == {"$context.requestId"}
    assert json.loads(Refusal(status=403, title="a", detail='"b"').template())["detail"] == '"b"'


@pytest.mark.parametrize("origins", [(), ("*",), (ORIGIN,), ("*", ORIGIN)])
def test_pages_may_read_why_they_were_refused(stub_packages: Path, origins: tuple[str, ...]) -> None:
    """With the headers that a function would send them."""
    template = api_template(ApiConfig(allow_origins=origins), stub_packages)
    wanted = {name: f"'{value}'" for name, value in cors_headers(ORIGIN, origins).items()}

    for answer in gateway_answers(template).values():
        headers = _headers(answer)
        found = {name: value for name, value in headers.items() if name.startswith("Access-Control-") or name == "Vary"}
        assert found == wanted


def test_of_several_origins_the_one_that_asks_is_named(stub_packages: Path) -> None:
    """A mapping cannot choose: these documents are the same for everybody."""
    template = api_template(ApiConfig(allow_origins=SEVERAL), stub_packages)

    assert {_headers(answer)["Access-Control-Allow-Origin"] for answer in gateway_answers(template).values()} == {
        "method.request.header.Origin"
    }
