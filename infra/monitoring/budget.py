"""The month's bill of a stage: a warning at 80 % of what it may cost, and when it is going to cost more than that.

It counts what carries the stage's tags, so both have to be activated as cost allocation tags in the account's billing
console; until then it counts nothing (runbook, section budget).
"""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_sns as sns
from constructs import Construct

SPENT_PERCENT: Final = 80
"""Of what was spent: leaves a fifth of the month to do something."""
FORECAST_PERCENT: Final = 100
"""Of what AWS expects for the whole month."""


class Budget(Construct):
    """The budget, with who is told."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: str, monthly_usd: int, email: str, topic: sns.ITopic
    ) -> None:
        super().__init__(scope, construct_id)
        subscriber = budgets.CfnBudget.SubscriberProperty(
            subscription_type="EMAIL" if email else "SNS", address=email or topic.topic_arn
        )
        budget = budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=monthly_usd, unit="USD"),
                filter_expression=budgets.CfnBudget.ExpressionProperty(
                    and_=[_tagged("application", "bildwerk"), _tagged("stage", stage)]
                ),
                metrics=["UnblendedCost"],
            ),
            notifications_with_subscribers=[
                _notification("ACTUAL", SPENT_PERCENT, subscriber),
                _notification("FORECASTED", FORECAST_PERCENT, subscriber),
            ],
        )
        policy = topic.node.try_find_child("Policy")
        if policy and not email:
            budget.node.add_dependency(policy)  # AWS Budgets may publish before it is told to


def _tagged(key: str, value: str) -> budgets.CfnBudget.ExpressionProperty:
    return budgets.CfnBudget.ExpressionProperty(
        tags=budgets.CfnBudget.TagValuesProperty(key=key, values=[value], match_options=["EQUALS"])
    )


def _notification(
    kind: str, percent: int, subscriber: budgets.CfnBudget.SubscriberProperty
) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=budgets.CfnBudget.NotificationProperty(
            comparison_operator="GREATER_THAN",
            notification_type=kind,
            threshold=percent,
            threshold_type="PERCENTAGE",
        ),
        subscribers=[subscriber],
    )
