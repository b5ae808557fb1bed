"""Three buckets: originals, which are precious; results, which can be made again; access logs of all and of the ALB.

All are private, encrypted by S3, closed to plain HTTP, and owned by their bucket's account alone. Changes of originals
go to EventBridge, whoever made them, so that a purge follows (DESIGN 5).

A bucket that is not retained is deleted with the stack if it is empty. Nothing here empties it: a function that may
delete every original is not worth the saved command (infra/README.md has it).
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.findings import acknowledge, resource_of, skip_checkov

NONCURRENT_DAYS: Final = 30
"""For how long a picture that was replaced or deleted can be had back."""
RESULTS_DAYS: Final = 30
"""For how long a result is served, `BILDWERK_RESULTS_TTL` (docs/results.md, "The bucket")."""
MARKERS_DAYS: Final = 2
"""A marker of a purge counts for a day (docs/results.md, "The bucket")."""
ACCESS_LOGS_DAYS: Final = 90


class Storage(Construct):
    """The buckets."""

    def __init__(
        self, scope: Construct, construct_id: str, *, retain: bool, allow_origins: tuple[str, ...] = ()
    ) -> None:
        super().__init__(scope, construct_id)
        self._removal = RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY
        self.access_logs = self._bucket("AccessLogs", rules=[_expire("logs", days=ACCESS_LOGS_DAYS)])
        self.originals = self._bucket(
            "Originals",
            versioned=True,
            rules=[
                s3.LifecycleRule(
                    id="old-versions",
                    noncurrent_version_expiration=Duration.days(NONCURRENT_DAYS),
                    expired_object_delete_marker=True,
                ),
                # What was taken in or refused is nobody's to have back: old versions of it go as early.
                _expire("incoming", prefix="incoming/", days=1, noncurrent_days=1),
            ],
            cors=[_uploads_from(allow_origins)] if allow_origins else None,
        )
        self.results = self._bucket(
            "Results",
            rules=[
                _expire("results", prefix="results/", days=RESULTS_DAYS),
                _expire("purged", prefix="purged/", days=MARKERS_DAYS),
            ],
        )
        self._tell_changes()
        self._log_requests(self.originals, "originals/")
        self._explain()

    def _bucket(
        self,
        construct_id: str,
        *,
        rules: list[s3.LifecycleRule],
        versioned: bool = False,
        cors: list[s3.CorsRule] | None = None,
    ) -> s3.Bucket:
        return s3.Bucket(
            self,
            construct_id,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=versioned,
            lifecycle_rules=[
                *rules,
                s3.LifecycleRule(id="unfinished", abort_incomplete_multipart_upload_after=Duration.days(1)),
            ],
            cors=cors,
            removal_policy=self._removal,
        )

    def _tell_changes(self) -> None:
        """Turns EventBridge on. The bucket's own argument would add a function that calls S3 for it."""
        resource_of(self.originals).add_property_override(
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", value=True
        )

    def _log_requests(self, bucket: s3.Bucket, prefix: str) -> None:
        """S3's server access log, into the bucket of logs."""
        resource = bucket.node.default_child
        if not isinstance(resource, s3.CfnBucket):
            raise TypeError(f"{bucket.node.path} is no bucket")
        # Set by hand: without a feature flag, the bucket's own argument would want ACLs on the other one.
        resource.logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
            destination_bucket_name=self.access_logs.bucket_name, log_file_prefix=prefix
        )
        self.access_logs.add_to_resource_policy(
            iam.PolicyStatement(
                sid="ServerAccessLogs",
                principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[self.access_logs.arn_for_objects(f"{prefix}*")],
                conditions={
                    "ArnLike": {"aws:SourceArn": bucket.bucket_arn},
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                },
            )
        )

    def _explain(self) -> None:
        kept = "the log of requests would be as large as the store; results are made again, not missed"
        own = "a log of the requests that write logs would fill itself"
        acknowledge(self.results, {"AwsSolutions-S1": kept})
        acknowledge(self.access_logs, {"AwsSolutions-S1": own})
        skip_checkov(self.results, {"CKV_AWS_18": kept, "CKV_AWS_21": "old versions of results would only cost"})
        skip_checkov(self.access_logs, {"CKV_AWS_18": own, "CKV_AWS_21": "log files are written once"})


def _expire(
    rule_id: str, *, days: int, prefix: str | None = None, noncurrent_days: int | None = None
) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id=rule_id,
        prefix=prefix,
        expiration=Duration.days(days),
        noncurrent_version_expiration=None if noncurrent_days is None else Duration.days(noncurrent_days),
    )


def _uploads_from(origins: tuple[str, ...]) -> s3.CorsRule:
    """Browsers may post the forms that `POST /uploads` signs, and nothing else."""
    return s3.CorsRule(
        allowed_methods=[s3.HttpMethods.POST],
        allowed_origins=list(origins),
        allowed_headers=["*"],
        exposed_headers=["ETag"],
        max_age=3600,
    )
