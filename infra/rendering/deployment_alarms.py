"""The three alarms that make a deployment go back: answers that fail, answers that are slow, tasks that are ill.

They look at the load balancer as a whole, because a canary's two target groups take turns: a tenth of the requests on a
bad version shows there too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from infra.rendering.load_balancer import LoadBalancer

FAILED_PERCENT: Final = 2
"""Answers of 500 and more: a bad version behind a canary's 10 % shows five times as much, normal days a tenth."""
REQUESTS_AT_LEAST: Final = 50
"""In a minute. Of fewer, one that fails would count as much as a bad version."""
_MINUTE: Final = Duration.minutes(1)


def deployment_alarms(
    scope: Construct, load_balancer: LoadBalancer, *, timeout_seconds: int
) -> Mapping[str, cloudwatch.Alarm]:
    """The alarms by name: failed-answers, slow-answers, unhealthy-tasks."""
    slow = timeout_seconds / 2
    return {
        "failed-answers": _alarm(
            scope,
            "FailedAnswers",
            metric=_failed(load_balancer.load_balancer),
            threshold=FAILED_PERCENT,
            periods=2,
            says=f"More than {FAILED_PERCENT} % of the answers are 500 and above.",
        ),
        "slow-answers": _alarm(
            scope,
            "SlowAnswers",
            metric=load_balancer.load_balancer.metrics.target_response_time(statistic="p95", period=_MINUTE),
            threshold=slow,
            periods=3,
            says=f"One answer in twenty takes more than {slow:g} s, half of the deadline.",
        ),
        "unhealthy-tasks": _alarm(
            scope,
            "UnhealthyTasks",
            metric=_unhealthy(load_balancer.target_groups),
            threshold=0,
            periods=3,
            says="A task fails its health check.",
        ),
    }


def _failed(balancer: elbv2.ApplicationLoadBalancer) -> cloudwatch.IMetric:
    """Percent of answers of 500 and above: of the tasks, and of the load balancer in their place."""
    return cloudwatch.MathExpression(
        expression=f"IF(all >= {REQUESTS_AT_LEAST}, 100 * (FILL(tasks, 0) + FILL(balancer, 0)) / all, 0)",
        using_metrics={
            "all": balancer.metrics.request_count(period=_MINUTE),
            "tasks": balancer.metrics.http_code_target(elbv2.HttpCodeTarget.TARGET_5XX_COUNT, period=_MINUTE),
            "balancer": balancer.metrics.http_code_elb(elbv2.HttpCodeElb.ELB_5XX_COUNT, period=_MINUTE),
        },
        label="failed answers, %",
        period=_MINUTE,
    )


def _unhealthy(groups: tuple[elbv2.ApplicationTargetGroup, ...]) -> cloudwatch.IMetric:
    metrics: dict[str, cloudwatch.IMetric] = {
        f"unhealthy{number}": group.metrics.unhealthy_host_count(statistic="Maximum", period=_MINUTE)
        for number, group in enumerate(groups)
    }
    return cloudwatch.MathExpression(
        expression=" + ".join(f"FILL({name}, 0)" for name in metrics),
        using_metrics=metrics,
        label="unhealthy tasks",
        period=_MINUTE,
    )


def _alarm(
    scope: Construct,
    construct_id: str,
    *,
    metric: cloudwatch.IMetric,
    threshold: float,
    periods: int,
    says: str,
) -> cloudwatch.Alarm:
    return cloudwatch.Alarm(
        scope,
        construct_id,
        metric=metric,
        threshold=threshold,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=periods,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,  # no requests, nothing wrong
        alarm_description=says,
    )
