"""The topic that alarms of a region go to: encrypted with a key that CloudWatch may use, and closed to plain HTTP.

A key of one's own, because the key that SNS would take by itself lets no other service publish (Amazon SNS Developer
Guide, "Enable compatibility between event sources from AWS services and encrypted topics").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

CLOUDWATCH: Final = "cloudwatch.amazonaws.com"
BUDGETS: Final = "budgets.amazonaws.com"


class AlarmTopic(Construct):
    """The topic, its key, and the address that reads it if there is one."""

    def __init__(self, scope: Construct, construct_id: str, *, email: str, publishers: Sequence[str]) -> None:
        """`publishers` are the AWS services that may publish, for this account alone."""
        super().__init__(scope, construct_id)
        key = kms.Key(
            self,
            "Key",
            description="Alarms of Bildwerk, on their way",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,  # nothing is kept under it
        )
        self.topic: Final = sns.Topic(self, "Topic", display_name="Bildwerk alarms", master_key=key, enforce_ssl=True)
        for service in publishers:
            key.add_to_resource_policy(_allows(service, "kms:Decrypt", "kms:GenerateDataKey*", resource="*"))
            self.topic.add_to_resource_policy(_allows(service, "sns:Publish", resource=self.topic.topic_arn))
        if email:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))


def _allows(service: str, *actions: str, resource: str) -> iam.PolicyStatement:
    """In the policy of a key `*` is that key."""
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(service)],
        actions=list(actions),
        resources=[resource],
        conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
    )
