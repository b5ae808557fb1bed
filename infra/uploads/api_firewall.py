"""The web ACL of the upload API: AWS's rules for everybody, except those that judge pictures as if they were text.

Managed groups look at as much of a body as WAF hands them and let the rest pass (oversize handling CONTINUE). Here that
is 64 KB instead of 16. Behind it the functions read and check every byte.
"""

from __future__ import annotations

import json
from typing import Final

from aws_cdk.aws_wafv2 import CfnWebACL, CfnWebACLAssociation
from constructs import Construct

from infra.config import ApiConfig
from infra.firewalls.web_acl import REDACTED_HEADERS, WebAcl
from infra.firewalls.web_acl_rules import (
    BLOCK,
    CORE_RULES,
    KNOWN_BAD_INPUTS,
    REPUTATION,
    FirewallRule,
    all_of,
    any_of,
    has_method,
    labelled,
    managed_group,
    matches,
    not_,
    requests_per_client,
)
from infra.uploads.upload_api import UploadApi

BODY_RULES: Final = ("SizeRestrictions", "EC2MetaDataSSRF", "GenericLFI", "GenericRFI", "CrossSiteScripting")
"""Rules `<name>_BODY` of the core set; each labels what it finds `<name>_Body` (Baseline rule groups)."""

COUNTED_CORE_RULES: Final = (
    "SizeRestrictions_URIPATH",  # 1,024 bytes: a key may have as many, and three times that when escaped
    "RestrictedExtensions_URIPATH",  # a key may be `a.log.jpg`
    "NoUserAgent_HEADER",  # programs upload
)

_LABELS: Final = "awswaf:managed:aws:core-rule-set:"


_SHARE_OF_FIVE_MINUTES: Final = 150
"""Seconds of the API's whole throughput that one address may use up in five minutes: half of it, so that it cannot have
the API for itself."""

_TOO_MANY: Final = "too-many-requests"
_BODIES: Final = {
    _TOO_MANY: json.dumps(
        {
            "type": "urn:bildwerk:problem:too-many-requests",
            "title": "Too many requests",
            "status": 429,
            "detail": "Too many requests came from this address: wait a minute and send the same request again.",
        }
    )
}
"""WAF cannot send application/problem+json, and API Gateway's own answer to what WAF refuses has one status, 403."""

_REDACTED: Final = (*REDACTED_HEADERS, "x-amz-security-token")
"""The last goes with signatures of temporary credentials (api.auth = iam)."""


def _is_upload() -> CfnWebACL.StatementProperty:
    """POST /images and PUT /images/{key}, behind the name of the API's stage: their bodies are pictures or a URL."""
    path = CfnWebACL.FieldToMatchProperty(uri_path={})
    return any_of(
        all_of(has_method("POST"), matches(path, "ENDS_WITH", "/images")),
        all_of(has_method("PUT"), matches(path, "CONTAINS", "/images/")),
    )


def _rules(limit: int) -> tuple[FirewallRule, ...]:
    found = any_of(*(labelled(f"{_LABELS}{name}_Body") for name in BODY_RULES))
    return (
        requests_per_client(limit, body=_TOO_MANY),
        managed_group(REPUTATION),
        managed_group(KNOWN_BAD_INPUTS),
        managed_group(CORE_RULES, counted=(*COUNTED_CORE_RULES, *(f"{name}_BODY" for name in BODY_RULES))),
        # Counted above for all, refused here for all but uploads.
        FirewallRule(name="BodyOutsideUploads", statement=all_of(found, not_(_is_upload())), action=BLOCK),
    )


class ApiFirewall(Construct):
    """Stands before the stage of the upload API."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: ApiConfig,
        api: UploadApi,
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, construct_id)
        firewall = WebAcl(
            self,
            "Firewall",
            reach="REGIONAL",
            rules=_rules(config.requests_per_second * _SHARE_OF_FIVE_MINUTES),
            log_retention_days=log_retention_days,
            redacted_headers=_REDACTED,
            json_bodies=_BODIES,
            association=CfnWebACL.AssociationConfigProperty(
                request_body={
                    "API_GATEWAY": CfnWebACL.RequestBodyAssociatedResourceTypeConfigProperty(
                        default_size_inspection_limit="KB_64"
                    )
                }
            ),
        )
        self.web_acl: Final = firewall.acl
        self.metric_name: Final = firewall.metric_name
        self.log_group: Final = firewall.log_group
        CfnWebACLAssociation(self, "Association", resource_arn=api.stage.stage_arn, web_acl_arn=firewall.acl.attr_arn)
