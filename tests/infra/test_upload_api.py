"""API Gateway's part of the upload API: routes, who is asked for what, and what it answers by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from aws_cdk.assertions import Template

from api.routes import ROUTES as ROUTES_OF_THE_API
from api.stores.incoming import LIFETIME_SECONDS
from infra.config import ApiConfig
from infra.uploads.upload_api import ACCESS_LOG, OPEN, ROUTES
from scripts.synth.variants import VARIANTS
from tests.infra.api_parts import api_template, function_ids, gateway_answers, statements, where
from tests.infra.template_reading import properties_by_id

ROOT: Final = Path(__file__).parents[2]
ORIGIN: Final = "https://editor.example.com"


@pytest.fixture(scope="module")
def template(stub_packages: Path) -> Template:
    """With tokens, without pages of other origins."""
    return api_template(ApiConfig(), stub_packages)


@pytest.fixture(scope="module")
def with_pages(stub_packages: Path) -> Template:
    """For pages of one origin."""
    return api_template(ApiConfig(allow_origins=(ORIGIN,)), stub_packages)


@pytest.fixture(scope="module")
def with_iam(stub_packages: Path) -> Template:
    """With signatures instead of tokens, and the account's role for logs."""
    return api_template(ApiConfig(auth="iam", account_log_role=True), stub_packages)


def _path(template: Template, resource_id: str) -> str:
    """Of a resource of API Gateway."""
    found = properties_by_id(template, "AWS::ApiGateway::Resource").get(resource_id)
    return "" if found is None else f"{_path(template, found['ParentId'].get('Ref', ''))}/{found['PathPart']}"


def _methods(template: Template) -> dict[tuple[str, str], dict[str, Any]]:
    """By path and method."""
    found = properties_by_id(template, "AWS::ApiGateway::Method").values()
    return {(_path(template, method["ResourceId"]["Ref"]), method["HttpMethod"]): method for method in found}


def _function(template: Template, method: Mapping[str, Any]) -> str:
    """The name of the function that a method is served by."""
    uri = json.dumps(method["Integration"]["Uri"])
    return next(name for logical, name in function_ids(template).items() if f'["{logical}", "Arn"]' in uri)


def _the(template: Template, kind: str) -> dict[str, Any]:
    (found,) = properties_by_id(template, kind).values()
    return found


def test_routes_are_those_of_the_api() -> None:
    """Of its table, and of the document that it shows."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    served = {(path, method): function for path, methods in ROUTES.items() for method, function in methods.items()}

    assert served == {(route.resource, route.method): route.function for route in ROUTES_OF_THE_API}
    assert {route.resource for route in ROUTES_OF_THE_API if route.is_open} == OPEN
    assert {(path.replace("+}", "}"), method.lower()) for path, method in served} == {
        (path, method) for path, methods in document["paths"].items() for method in methods
    }


def test_each_route_is_served_by_its_function(template: Template) -> None:
    """Whole requests go there, and whole answers come back."""
    methods = _methods(template)

    assert {route: _function(template, method) for route, method in methods.items()} == {
        (path, method): function for path, functions in ROUTES.items() for method, function in functions.items()
    }
    assert {
        (
            method["Integration"]["Type"],
            method["Integration"]["IntegrationHttpMethod"],
            method["Integration"]["TimeoutInMillis"],
        )
        for method in methods.values()
    } == {("AWS_PROXY", "POST", 29_000)}


@pytest.mark.parametrize("variant", VARIANTS)
def test_row_18_every_method_asks_who_is_there(templates: Mapping[str, Template], variant: str) -> None:
    """But for the document, which is public, and for preflights, which carry no token."""
    template = templates[variant]
    wanted = "AWS_IAM" if variant == "canary_iam" else "CUSTOM"

    for (path, method), found in _methods(template).items():
        is_open = path in OPEN or method == "OPTIONS"
        assert found["AuthorizationType"] == ("NONE" if is_open else wanted), (path, method)
        assert ("AuthorizerId" in found) == (found["AuthorizationType"] == "CUSTOM"), (path, method)


@pytest.mark.parametrize("variant", VARIANTS)
def test_row_18_requests_are_checked_throttled_logged_and_traced(
    templates: Mapping[str, Template], variant: str
) -> None:
    """All of them, on every route; nothing of their content is written down, and answers are not kept."""
    template = templates[variant]
    stage, validator = _the(template, "AWS::ApiGateway::Stage"), _the(template, "AWS::ApiGateway::RequestValidator")
    (settings,) = stage["MethodSettings"]
    (validators,) = {json.dumps(method["RequestValidatorId"]) for method in _methods(template).values()}

    assert (validator["ValidateRequestBody"], validator["ValidateRequestParameters"]) == (True, True)
    assert "Validator" in validators
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert 1 <= settings["ThrottlingRateLimit"] <= settings["ThrottlingBurstLimit"]
    assert (settings["MetricsEnabled"], settings["LoggingLevel"]) == (True, "ERROR")
    assert (settings["DataTraceEnabled"], settings["CachingEnabled"]) == (False, False)
    assert stage["TracingEnabled"] is True
    assert where(stage["AccessLogSetting"]["DestinationArn"]) == "ApiAccessLog"


@pytest.mark.parametrize("variant", VARIANTS)
def test_row_18_a_firewall_stands_before_the_stage(templates: Mapping[str, Template], variant: str) -> None:
    """An association of its own: only a REST API may have one."""
    associations = properties_by_id(templates[variant], "AWS::WAFv2::WebACLAssociation").values()

    assert [found for found in associations if "/stages/" in json.dumps(found["ResourceArn"])]


def test_the_api_is_regional_takes_pictures_as_bytes_and_no_old_tls(template: Template) -> None:
    """`*/*` as a binary type would have JSON arrive in base64, too."""
    api = _the(template, "AWS::ApiGateway::RestApi")

    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api["BinaryMediaTypes"] == ["image/*", "multipart/form-data", "application/octet-stream"]
    assert re.fullmatch(r"SecurityPolicy_TLS13_1_2_PFS_PQ_\d{4}_\d{2}", api["SecurityPolicy"])
    assert api["EndpointAccessMode"] == "STRICT"


def test_a_token_that_is_taken_back_works_for_a_minute_at_the_most(template: Template) -> None:
    """In the gateway's memory; docs/security.md says what comes on top."""
    authorizer = _the(template, "AWS::ApiGateway::Authorizer")

    assert authorizer["Type"] == "REQUEST"
    assert authorizer["IdentitySource"] == "method.request.header.Authorization"
    assert authorizer["AuthorizerResultTtlInSeconds"] <= 60


def test_functions_are_called_by_their_own_routes_only(template: Template) -> None:
    """Whoever else called one would say who asks (docs/security.md)."""
    permissions = properties_by_id(template, "AWS::Lambda::Permission").values()
    sources = [
        json.dumps(found["SourceArn"]) for found in permissions if found["Principal"] == "apigateway.amazonaws.com"
    ]

    assert len(sources) == len(_methods(template)) + 1  # of the authorizer
    assert not [source for source in sources if '/*/*"' in source or "test-invoke-stage" in source]


def test_the_functions_answer_preflights_where_pages_may_ask(template: Template, with_pages: Template) -> None:
    """And there is no OPTIONS where none may."""
    preflights = {
        path: _function(with_pages, found)
        for (path, method), found in _methods(with_pages).items()
        if method == "OPTIONS"
    }

    assert preflights == dict.fromkeys(ROUTES, "read")
    assert "OPTIONS" not in {method for _, method in _methods(template)}


def test_bodies_that_are_no_objects_wake_no_function(template: Template) -> None:
    """JSON alone is looked at: a picture has another type, and the gateway then looks at nothing."""
    model = _the(template, "AWS::ApiGateway::Model")
    posts = [found["RequestModels"] for (_, method), found in _methods(template).items() if method == "POST"]

    assert (model["ContentType"], model["Schema"]["type"]) == ("application/json", "object")
    assert [list(found) for found in posts] == [["application/json"]] * 2


def test_the_accounts_role_for_logs_is_made_only_when_it_is_asked_for(template: Template, with_iam: Template) -> None:
    """There is one for an account and region: another team's would be overwritten."""
    assert properties_by_id(template, "AWS::ApiGateway::Account") == {}
    assert len(properties_by_id(with_iam, "AWS::ApiGateway::Account")) == 1


def test_logs_of_the_gateway_itself_have_an_end(template: Template) -> None:
    """It would make the group for its own failures by itself, without one."""
    groups = properties_by_id(template, "AWS::Logs::LogGroup")
    stage = next(iter(template.find_resources("AWS::ApiGateway::Stage").values()))
    (own,) = [name for name, found in groups.items() if "API-Gateway-Execution-Logs_" in json.dumps(found)]

    assert groups[own]["RetentionInDays"] == 7
    assert own in stage["DependsOn"]


def test_a_line_of_the_access_log_is_json_and_holds_nothing_that_a_client_wrote(template: Template) -> None:
    """A quote would break the line, and queries and headers may hold tokens."""
    text = _the(template, "AWS::ApiGateway::Stage")["AccessLogSetting"]["Format"]
    told = " ".join(json.loads(text).values())

    assert json.loads(text) == dict(ACCESS_LOG)
    assert "$context.requestId" in told
    assert not re.search(r"\$context\.(path|authorizer\.(token|claims)|identity\.(userAgent|apiKey)|error\.m)", told)
    assert not re.search(r"\$(input|stageVariables|context\.(customDomain|requestOverride))", told)


def test_row_19_large_files_have_a_way_in(templates: Mapping[str, Template]) -> None:
    """The refusal names the way, the function that signs forms may write below `incoming/` alone, what is left there
    goes after a day, and what arrives is looked at.

    That S3 refuses a file which is too large, tests/api/test_incoming.py shows, and what becomes of one that arrives,
    tests/api/test_uploads.py.
    """
    template = templates["production"]
    too_large = json.loads(gateway_answers(template)["REQUEST_TOO_LARGE"]["ResponseTemplates"]["application/json"])
    writable = [
        where(found["Resource"]) for found in statements(template, "presign") if "s3:PutObject" in found["Action"]
    ]
    arrivals = [
        rule
        for rule in properties_by_id(template, "AWS::Events::Rule").values()
        if "incoming/*/file" in json.dumps(rule)
    ]
    bucket = next(
        found
        for name, found in properties_by_id(template, "AWS::S3::Bucket").items()
        if name.startswith("StorageOriginals")
    )
    (expiry,) = [rule for rule in bucket["LifecycleConfiguration"]["Rules"] if rule.get("Prefix") == "incoming/"]

    assert too_large["uploads"] == "/uploads"
    assert ("/uploads", "POST") in _methods(template)
    assert writable == ["StorageOriginals/incoming/*"]
    assert [function_ids(template)[rule["Targets"][0]["Arn"]["Fn::GetAtt"][0]] for rule in arrivals] == ["arrival"]
    assert (expiry["ExpirationInDays"], expiry["Status"]) == (1, "Enabled")
    assert LIFETIME_SECONDS < 24 * 60 * 60


def test_row_19_pages_may_send_forms_to_the_bucket_where_they_may_use_the_api(
    templates: Mapping[str, Template],
) -> None:
    """From the same origins, and from no others."""
    found = {}
    for variant in ("production", "canary_iam"):
        buckets = properties_by_id(templates[variant], "AWS::S3::Bucket").items()
        found[variant] = [
            rule
            for name, bucket in buckets
            if name.startswith("StorageOriginals")
            for rule in bucket.get("CorsConfiguration", {}).get("CorsRules", [])
        ]

    assert found["production"] == []
    assert [(rule["AllowedMethods"], rule["AllowedOrigins"]) for rule in found["canary_iam"]] == [(["POST"], [ORIGIN])]
