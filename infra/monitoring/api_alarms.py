"""What is watched of the upload API: the gateway, its functions, the purge queue and the bucket behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from infra.monitoring.alarms import Alarm
from infra.monitoring.sources import Source, Sources, formula, rate

LEAST_REQUESTS: Final = 50
"""In five minutes, before a share of them says anything."""
REFUSES_BY_FAILING: Final = "authorize"
"""An authorizer says 401 by raising, so its Errors are bad tokens; its own failures are the gateway's 5xx."""
BY_EVENT: Final = ("arrival", "change")
"""Functions that S3 calls: nobody waits for their answer, so nobody sees them fail."""


def api_alarms(sources: Sources, timeouts: Mapping[str, float]) -> tuple[Alarm, ...]:
    """The alarms. `timeouts` has the seconds of each function by its name."""
    return (
        *_gateway(sources),
        *(alarm for name, seconds in timeouts.items() for alarm in _function(name, sources.functions[name], seconds)),
        *_purges(sources),
        *_events(sources),
        _originals(sources),
    )


def _gateway(sources: Sources) -> tuple[Alarm, ...]:
    requests = sources.api.metric("Count", seconds=300)
    return (
        Alarm(
            name="api-5xx",
            metric=sources.api.metric("5XXError", seconds=300),
            threshold=3,
            periods=2,
            says="The upload API has failed more than three times in five minutes, twice in a row.",
            why="clients try again when S3 or SQS fail once; more of it is no accident.",
            pages=True,
        ),
        Alarm(
            name="api-4xx-rate",
            metric=rate(
                sources.api.metric("4XXError", seconds=300),
                requests,
                at_least=LEAST_REQUESTS,
                seconds=300,
                label="4xx",
            ),
            threshold=50,
            periods=3,
            says="The upload API has refused more than half of its requests for a quarter of an hour.",
            why="a bad upload now and then is normal, half of them is a client with a wrong token or somebody who"
            f" guesses tokens; under {LEAST_REQUESTS} requests it is not looked at.",
        ),
        Alarm(
            name="api-firewall-blocks",
            metric=sources.api_firewall.metric("BlockedRequests", seconds=300),
            threshold=100,
            periods=1,
            says="The firewall of the API blocked more than 100 requests in five minutes.",
            why="clients of the API are few and known: either somebody scans, or a rule hits real uploads.",
        ),
    )


def _function(name: str, function: Source, seconds: float) -> Iterator[Alarm]:
    if name != REFUSES_BY_FAILING:
        yield Alarm(
            name=f"function-errors-{name}",
            section="function-errors",
            metric=function.metric("Errors", seconds=300),
            threshold=0,
            periods=1,
            says=f"The function {name} has crashed, run out of memory or out of time.",
            why="refusals are answers, not errors: one error is a defect, or AWS failing under it.",
        )
    yield Alarm(
        name=f"function-throttles-{name}",
        section="function-throttles",
        metric=function.metric("Throttles", seconds=300),
        threshold=0,
        periods=1,
        says=f"Lambda has refused to run the function {name}: its concurrency or the account's is used up.",
        why="the API's own throttle is below it, so there should be none.",
    )
    milliseconds = seconds * 800
    yield Alarm(
        name=f"function-duration-{name}",
        section="function-duration",
        metric=function.metric("Duration", "Maximum", seconds=300),
        threshold=milliseconds,
        periods=3,
        breaching=2,
        says=f"The function {name} comes close to its {seconds:g} s.",
        why="80 % of the timeout, at which Lambda ends it in the middle.",
    )


def _events(sources: Sources) -> tuple[Alarm, ...]:
    lost = {name: sources.functions[name].metric("DestinationDeliveryFailures", seconds=300) for name in BY_EVENT}
    return (
        Alarm(
            name="failed-events",
            metric=sources.failed_events.metric("ApproximateNumberOfMessagesVisible", "Maximum"),
            threshold=0,
            periods=1,
            says="A change of the bucket was given up: it is not purged, or a large upload is not taken in.",
            why="each event was tried three times over hours; one is one too many.",
            pages=True,
        ),
        Alarm(
            name="lost-events",
            metric=formula(" + ".join(f"FILL({name}, 0)" for name in lost), lost, seconds=300, label="lost events"),
            threshold=0,
            periods=1,
            says="A change of the bucket was given up and did not even reach the queue of failed events.",
            why="Lambda may send to that queue, so this means that somebody changed rights or the queue.",
        ),
    )


def _purges(sources: Sources) -> tuple[Alarm, ...]:
    return (
        Alarm(
            name="purge-dead-letters",
            metric=sources.dead_letters.metric("ApproximateNumberOfMessagesVisible", "Maximum"),
            threshold=0,
            periods=1,
            says="A purge was given up: a picture that was deleted or replaced is still delivered.",
            why="each was tried five times; one is one too many.",
            pages=True,
        ),
        Alarm(
            name="purge-age",
            metric=sources.purges.metric("ApproximateAgeOfOldestMessage", "Maximum"),
            threshold=300,
            periods=5,
            says="A purge has waited for more than five minutes.",
            why="the second purge of each change waits about 90 s on purpose, and one that failed comes again after six"
            " minutes: so at least two attempts have failed, or nobody takes purges from the queue.",
        ),
    )


def _originals(sources: Sources) -> Alarm:
    return Alarm(
        name="originals-5xx",
        metric=sources.originals.metric("5xxErrors", seconds=300),
        threshold=20,
        periods=2,
        says="S3 has failed more than 20 requests for originals in five minutes, twice in a row.",
        why="S3 asks for slower requests (503) while it divides a bucket's load, and clients repeat them; ten minutes"
        " of it are more than that.",
    )
