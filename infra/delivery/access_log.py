"""CloudFront's log of viewers' requests, in CloudWatch Logs.

Standard logging v2: CloudFront's own setting writes to S3 with bucket ACLs only. Its API takes a distribution in
us-east-1 alone (Amazon CloudFront Developer Guide, Configure standard logging (v2)), so for a stack elsewhere it is in
`watch.WatchStack`.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Names
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.log_groups import log_group

FIELDS: Final = (
    "timestamp(ms)",
    "x-edge-request-id",
    "x-edge-location",
    "x-edge-result-type",
    "x-edge-detailed-result-type",
    "c-ip",
    "c-country",
    "cs-method",
    "x-host-header",
    "cs-uri-stem",
    "cs-protocol-version",
    "cs(Referer)",
    "cs(User-Agent)",
    "sc-status",
    "sc-content-type",
    "sc-bytes",
    "time-taken",
    "time-to-first-byte",
    "origin-fbl",
)
"""No cookies and no query strings: neither reaches the server, and both may hold what is nobody else's business."""


class AccessLog(Construct):
    """One JSON object for each request."""

    def __init__(
        self, scope: Construct, construct_id: str, *, distribution: cloudfront.IDistribution, log_retention_days: int
    ) -> None:
        super().__init__(scope, construct_id)
        name = Names.unique_resource_name(self, max_length=60, separator="-")
        self.log_group: Final = log_group(self, "Log", days=log_retention_days)
        source = logs.CfnDeliverySource(
            self, "Source", name=name, log_type="ACCESS_LOGS", resource_arn=distribution.distribution_arn
        )
        destination = logs.CfnDeliveryDestination(
            self,
            "Destination",
            name=name,
            destination_resource_arn=self.log_group.log_group_arn,
            output_format="json",
        )
        delivery = logs.CfnDelivery(
            self,
            "Delivery",
            delivery_source_name=source.name,
            delivery_destination_arn=destination.attr_arn,
            record_fields=list(FIELDS),
        )
        delivery.add_resource_dependency(source)  # it knows the source by its name alone
