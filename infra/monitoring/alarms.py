"""What an alarm is here: data first, then a CloudWatch alarm that says why it is one and where to read on.

Every alarm tells the topic when it begins and when it ends, says what missing data means, and links to its section of
the runbook.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

PAGE: Final = "page"
"""Name of the alarm over those that cannot wait until morning."""

NOT_BREACHING: Final = cloudwatch.TreatMissingData.NOT_BREACHING
BREACHING: Final = cloudwatch.TreatMissingData.BREACHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A metric that passes a threshold for some periods.

    Attributes:
        name: what it is called, with the stage before it.
        metric: what is watched; it knows its period.
        threshold: passed when the metric is above it, or below it with `is_floor`.
        periods: how many are looked at.
        breaching: how many of them have to be bad; 0 is all.
        says: what is wrong when it rings.
        why: where the threshold comes from.
        missing: what it means that there is no data, and so no traffic or no task.
        pages: whether somebody has to get up.
        section: of the runbook; blank is the name.
    """

    name: str
    metric: cloudwatch.IMetric
    threshold: float
    is_floor: bool = False
    periods: int
    breaching: int = 0
    says: str
    why: str
    missing: cloudwatch.TreatMissingData = NOT_BREACHING
    pages: bool = False
    section: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Who hears of alarms, and where the runbook is that these point to.

    Attributes:
        stage: goes into the names.
        runbook: path or URL without `#`.
        topic: of the region that the alarms are in.
    """

    stage: str
    runbook: str
    topic: sns.ITopic

    def alarm_name(self, name: str) -> str:
        """The name that CloudWatch shows: a subject line has to say which stage it is."""
        return f"bildwerk-{self.stage}-{name}"

    def description(self, says: str, why: str, section: str) -> str:
        """What stands in the mail: what is wrong, why this is the bound, where to read on."""
        return f"{says} Threshold: {why} Runbook: {self.runbook}#{section}"


def add_alarms(scope: Construct, alarms: Iterable[Alarm], announcement: Announcement) -> dict[str, cloudwatch.Alarm]:
    """Makes the alarms; by name."""
    return {alarm.name: _add_alarm(scope, alarm, announcement) for alarm in alarms}


def _add_alarm(scope: Construct, alarm: Alarm, announcement: Announcement) -> cloudwatch.Alarm:
    operators = cloudwatch.ComparisonOperator
    made = cloudwatch.Alarm(
        scope,
        alarm.name,
        alarm_name=announcement.alarm_name(alarm.name),
        alarm_description=announcement.description(alarm.says, alarm.why, alarm.section or alarm.name),
        metric=alarm.metric,
        threshold=alarm.threshold,
        comparison_operator=operators.LESS_THAN_THRESHOLD if alarm.is_floor else operators.GREATER_THAN_THRESHOLD,
        evaluation_periods=alarm.periods,
        datapoints_to_alarm=alarm.breaching or alarm.periods,
        treat_missing_data=alarm.missing,
    )
    _announce(made, announcement)
    return made


def adopt_alarms(
    alarms: Mapping[str, cloudwatch.Alarm], texts: Mapping[str, tuple[str, str]], announcement: Announcement
) -> None:
    """Gives alarms that were made elsewhere names, texts and actions like the others: what each says and why, by name.

    Raises:
        KeyError: an alarm has no text, so no section of the runbook either.
    """
    for name, alarm in alarms.items():
        says, why = texts[name]
        resource = alarm.node.default_child
        if not isinstance(resource, cloudwatch.CfnAlarm):
            raise TypeError(f"the alarm {name} is an imported one")
        resource.alarm_name = announcement.alarm_name(name)
        resource.alarm_description = announcement.description(says, why, name)
        _announce(alarm, announcement)


def add_page(
    scope: Construct, declared: Iterable[Alarm], made: Mapping[str, cloudwatch.Alarm], announcement: Announcement
) -> cloudwatch.CompositeAlarm:
    """One alarm over all that page: an incident sets off several of them, and a pager should ring once."""
    rings = [
        cloudwatch.AlarmRule.from_alarm(made[alarm.name], cloudwatch.AlarmState.ALARM)
        for alarm in declared
        if alarm.pages
    ]
    page = cloudwatch.CompositeAlarm(
        scope,
        PAGE,
        composite_alarm_name=announcement.alarm_name(PAGE),
        alarm_rule=cloudwatch.AlarmRule.any_of(*rings),
        alarm_description=announcement.description(
            "Visitors see errors, wait, or see what was deleted.", "any alarm that cannot wait until morning.", PAGE
        ),
    )
    _announce(page, announcement)
    return page


def _announce(alarm: cloudwatch.AlarmBase, announcement: Announcement) -> None:
    action = actions.SnsAction(announcement.topic)
    alarm.add_alarm_action(action)
    alarm.add_ok_action(action)
