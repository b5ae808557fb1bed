"""The buckets: what is in them can neither be lost by mistake nor be read by others, and does not stay for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from aws_cdk.assertions import Template

from infra.config import ApiConfig
from infra.stages import development, production
from tests.infra.renderer_parts import renderer_stack
from tests.infra.template_reading import as_text, environment, properties, resources

STAGES = ("dev", "production", "europe", "http_sources", "canary_iam")
BUCKET = "AWS::S3::Bucket"


def _bucket(template: Template, name: str) -> dict[str, Any]:
    (found,) = (one for key, one in resources(template, BUCKET).items() if key.startswith(f"Storage{name}"))
    return found


def _rules(template: Template, name: str) -> dict[str, dict[str, Any]]:
    return {rule["Id"]: rule for rule in _bucket(template, name)["Properties"]["LifecycleConfiguration"]["Rules"]}


@pytest.mark.parametrize("stage", STAGES)
def test_row_21_originals_are_versioned_and_outlive_a_retained_stack(
    templates: Mapping[str, Template], stage: str
) -> None:
    """Row 21: RETAIN, versioning, lifecycle; a stage for trying goes with its stack."""
    template = templates[stage]
    originals = _bucket(template, "Originals")
    rules = _rules(template, "Originals")

    assert originals["DeletionPolicy"] == ("Delete" if stage == "dev" else "Retain")
    assert originals["UpdateReplacePolicy"] == originals["DeletionPolicy"]
    assert originals["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert rules["old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rules["unfinished"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert (rules["incoming"]["Prefix"], rules["incoming"]["ExpirationInDays"]) == ("incoming/", 1)
    assert rules["incoming"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


@pytest.mark.parametrize("stage", STAGES)
def test_row_21_every_bucket_is_private_encrypted_and_asked_by_tls_only(
    templates: Mapping[str, Template], stage: str
) -> None:
    """Block public access, SSE-S3, no ACLs, and a policy that denies plain HTTP."""
    template = templates[stage]
    denied = {
        as_text(policy["Bucket"]).strip("<>")
        for policy in properties(template, "AWS::S3::BucketPolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }

    assert denied == set(resources(template, BUCKET))
    for bucket in properties(template, BUCKET):
        (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert "BucketName" not in bucket


@pytest.mark.parametrize("stage", STAGES)
def test_changes_of_originals_are_told_without_a_function_of_the_cdk(
    templates: Mapping[str, Template], stage: str
) -> None:
    """No purge depends on who made the change; a custom resource would have rights on every bucket."""
    template = templates[stage]
    told = _bucket(template, "Originals")["Properties"]["NotificationConfiguration"]

    assert told == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert not resources(template, "Custom::S3BucketNotifications")
    assert not resources(template, "Custom::S3AutoDeleteObjects")


def test_results_go_when_they_are_not_served_any_more() -> None:
    """The figure that the server is told; a marker counts for a day."""
    template = renderer_stack(production()).template
    rules = _rules(template, "Results")
    served = int(environment(template)["BILDWERK_RESULTS_TTL"])

    assert rules["results"]["ExpirationInDays"] * 86_400 == served
    assert (rules["results"]["Prefix"], rules["purged"]["Prefix"]) == ("results/", "purged/")
    assert rules["purged"]["ExpirationInDays"] >= 2
    assert "VersioningConfiguration" not in _bucket(template, "Results")["Properties"]


def test_access_logs_come_from_s3_and_the_load_balancer_alone_and_go_after_90_days() -> None:
    """The bucket of logs takes what its own originals and load balancer write."""
    template = renderer_stack(production()).template
    (policy,) = (
        one
        for one in properties(template, "AWS::S3::BucketPolicy")
        if as_text(one["Bucket"]).startswith("<StorageAccessLogs")
    )
    allowed = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    (own,) = (one for one in allowed if one["Principal"] == {"Service": "logging.s3.amazonaws.com"})

    assert as_text(own["Condition"]["ArnLike"]["aws:SourceArn"]).startswith("<StorageOriginals")
    assert {one["Action"] for one in allowed} == {"s3:PutObject", "s3:GetBucketAcl"}
    assert _rules(template, "AccessLogs")["logs"]["ExpirationInDays"] == 90
    logging = _bucket(template, "Originals")["Properties"]["LoggingConfiguration"]
    assert as_text(logging["DestinationBucketName"]).startswith("<StorageAccessLogs")


def test_browsers_may_post_from_the_origins_that_are_named_and_else_from_none() -> None:
    """CORS is off unless a company turns it on (DESIGN 6)."""
    origin = "https://editor.example.com"
    opened = replace(development(), api=ApiConfig(allow_origins=(origin,)))
    (rule,) = _bucket(renderer_stack(opened).template, "Originals")["Properties"]["CorsConfiguration"]["CorsRules"]

    assert (rule["AllowedOrigins"], rule["AllowedMethods"]) == ([origin], ["POST"])
    assert "CorsConfiguration" not in _bucket(renderer_stack(development()).template, "Originals")["Properties"]
