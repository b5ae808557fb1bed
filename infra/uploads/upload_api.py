"""The upload API's front: a Regional REST API of API Gateway, because only a REST API has a firewall and validation.

Its routes are those of `api.routes` (a test holds them together), each a proxy integration of its function. Everything
is asked for a token, or for a signature of IAM, but the document of the API and the preflights of browsers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.config import ApiConfig
from infra.findings import acknowledge, skip_checkov
from infra.log_groups import log_group
from infra.uploads.function_resources import GATEWAY_SECONDS
from infra.uploads.gateway_responses import add_gateway_responses

if TYPE_CHECKING:
    from infra.uploads.api_functions import ApiFunctions

ROUTES: Final[Mapping[str, Mapping[str, str]]] = {
    "/images": {"POST": "upload"},
    "/images/{key+}": {"PUT": "upload", "GET": "read", "HEAD": "read", "DELETE": "delete"},
    "/uploads": {"POST": "presign"},
    "/uploads/{id}": {"GET": "presign"},
    "/openapi.json": {"GET": "read"},
}
"""Functions by resource and method."""

OPEN: Final = frozenset({"/openapi.json"})
"""Resources that no token is asked for."""

BINARY_MEDIA_TYPES: Final = ("image/*", "multipart/form-data", "application/octet-stream")
"""Bodies that arrive as base64. Not `*/*`: JSON would too, and have a third less room."""

STAGE: Final = "v1"

AUTHORIZER_SECONDS: Final = 60
"""How long a token that was taken out of the list works on, beside the authorizer's own memory of the list."""

_LOG_POLICY: Final = "arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"

SECURITY_POLICY: Final = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
"""TLS 1.2 with forward secrecy, or 1.3 (API Gateway developer guide, "Supported security policies"); the default of a
Regional API takes TLS 1.0."""

ACCESS_LOG: Final[Mapping[str, str]] = {
    "time": "$context.requestTimeEpoch",
    "request_id": "$context.requestId",
    "extended_request_id": "$context.extendedRequestId",
    "trace_id": "$context.xrayTraceId",
    "source_ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "protocol": "$context.protocol",
    "tls": "$context.tlsVersion",
    "status": "$context.status",
    "refused_as": "$context.error.responseType",
    "token": "$context.authorizer.principalId",
    "caller": "$context.identity.userArn",
    "authorizer_status": "$context.authorizer.status",
    "authorizer_milliseconds": "$context.authorizer.latency",
    "function_request_id": "$context.integration.requestId",
    "function_status": "$context.integration.status",
    "function_milliseconds": "$context.integration.latency",
    "milliseconds": "$context.responseLatency",
    "response_bytes": "$context.responseLength",
    "firewall": "$context.waf.status",
}
"""Fields of a line, all text. `token` is a token's name. Nothing that a client writes freely, which could hold quotes,
tokens or the query: no header, no path; the functions name keys."""


class UploadApi(Construct):
    """The API, its stage and what it logs.

    Attributes:
        url: of the stage, with a slash behind.
        execution_log_group: what API Gateway says when it fails, without requests and answers.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: ApiConfig,
        functions: ApiFunctions,
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._functions = functions.by_name
        self.access_log_group = log_group(self, "AccessLog", days=log_retention_days)
        self.rest_api = self._api()
        self.stage = self.rest_api.deployment_stage
        self.url = self.rest_api.url
        # API Gateway would make it itself, and keep it for ever.
        self.execution_log_group = log_group(
            self,
            "ExecutionLog",
            days=log_retention_days,
            name=f"API-Gateway-Execution-Logs_{self.rest_api.rest_api_id}/{STAGE}",
        )
        self.stage.node.add_dependency(self.execution_log_group)
        self._authorizer = self._asks_for_tokens() if config.auth == "tokens" else None
        self._validator = apigateway.RequestValidator(
            self,
            "Validator",
            rest_api=self.rest_api,
            validate_request_body=True,
            validate_request_parameters=True,
        )
        self._object = self.rest_api.add_model(
            "Object",
            content_type="application/json",
            description="What is no object is refused here; the functions tell what is wrong with one.",
            schema=apigateway.JsonSchema(
                schema=apigateway.JsonSchemaVersion.DRAFT4, type=apigateway.JsonSchemaType.OBJECT
            ),
        )
        for path, methods in ROUTES.items():
            self._add_resource(path, methods)
        add_gateway_responses(Construct(self, "Responses"), self.rest_api, config)
        self._explain()

    def _api(self) -> apigateway.RestApi:
        api = apigateway.RestApi(
            self,
            "RestApi",
            rest_api_name=f"{Stack.of(self).stack_name}-uploads",
            description="Bildwerk: uploads and deletes (docs/api.md)",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            binary_media_types=list(BINARY_MEDIA_TYPES),
            cloud_watch_role=self._config.account_log_role,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                throttling_rate_limit=self._config.requests_per_second,
                throttling_burst_limit=self._config.burst,
                access_log_destination=apigateway.LogGroupLogDestination(self.access_log_group),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,  # it writes whole requests, tokens included
                metrics_enabled=True,
                tracing_enabled=True,
                caching_enabled=False,
            ),
        )
        resource = api.node.default_child
        if not isinstance(resource, apigateway.CfnRestApi):
            raise TypeError("a REST API is made of something else than AWS::ApiGateway::RestApi")
        resource.security_policy = SECURITY_POLICY
        resource.endpoint_access_mode = "STRICT"  # TLS and HTTP have to name the same host
        return api

    def _asks_for_tokens(self) -> apigateway.RequestAuthorizer:
        return apigateway.RequestAuthorizer(
            self,
            "Authorizer",
            handler=self._functions["authorize"],
            identity_sources=[apigateway.IdentitySource.header("Authorization")],
            results_cache_ttl=Duration.seconds(AUTHORIZER_SECONDS),
        )

    def _add_resource(self, path: str, methods: Mapping[str, str]) -> None:
        resource = self.rest_api.root.resource_for_path(path)
        why_open = "the document of the API is public" if path in OPEN else ""
        for method, function in methods.items():
            self._add_method(resource, method, function, why_open=why_open)
        if self._config.allow_origins:
            # Every function answers preflights alike; this one is small.
            self._add_method(
                resource, "OPTIONS", "read", why_open="browsers send no token with a preflight (Fetch standard)"
            )

    def _add_method(self, resource: apigateway.IResource, method: str, function: str, *, why_open: str = "") -> None:
        guarded = apigateway.AuthorizationType.CUSTOM if self._authorizer else apigateway.AuthorizationType.IAM
        added = resource.add_method(
            method,
            _integration(self._functions[function]),
            authorization_type=apigateway.AuthorizationType.NONE if why_open else guarded,
            authorizer=None if why_open else self._authorizer,
            request_validator=self._validator,
            request_parameters={f"method.request.path.{name}": True for name in _parameters(resource.path)},
            request_models={"application/json": self._object} if method == "POST" else None,
        )
        _explain_method(added, why_open)

    def _explain(self) -> None:
        acknowledge(self.stage, {"AwsSolutions-APIG3": "infra/uploads/api_firewall.py puts a web ACL before the stage"})
        skip_checkov(
            self.stage,
            {
                "CKV_AWS_120": "answers are no-store: what an original is may change with the next request",
                "CKV2_AWS_4": "errors are logged; more would write what clients send",
                "CKV2_AWS_51": "tokens or IAM say who asks; functions need no certificate of the gateway",
            },
        )
        if self._config.account_log_role:
            acknowledge(
                self.rest_api, {f"AwsSolutions-IAM4[Policy::{_LOG_POLICY}]": "AWS made it for this one purpose"}
            )


def _parameters(path: str) -> list[str]:
    return [part.strip("{}+") for part in path.split("/") if part.startswith("{")]


def _integration(function: lambda_.IFunction) -> apigateway.LambdaIntegration:
    """A function may be called for this method of the stage alone, not from the console's test as well."""
    return apigateway.LambdaIntegration(function, allow_test_invoke=False, timeout=Duration.seconds(GATEWAY_SECONDS))


def _explain_method(method: apigateway.Method, why_open: str) -> None:
    reasons = {"AwsSolutions-COG4": "tokens of our own or IAM instead of Cognito: clients are programs, not people"}
    if why_open:
        reasons["AwsSolutions-APIG4"] = why_open
        skip_checkov(method, {"CKV_AWS_59": why_open})
    acknowledge(method, reasons)
