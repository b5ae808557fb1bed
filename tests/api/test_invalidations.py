"""CloudFront is told which tags to drop, patiently."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from api.purges.invalidations import ATTEMPT_SECONDS, MOST_TAGS, CloudFrontBusy, InvalidationFailed, Invalidations
from tests.api.queued import aws, client, invalidated, new_distribution, tag


@pytest.fixture(scope="module")
def cloudfront() -> Iterator[Any]:
    """A client of a CloudFront that records invalidations."""
    with aws() as address, client("cloudfront", address) as made:
        yield made


def test_cloudfront_gets_exactly_the_tags(cloudfront: Any) -> None:
    """As items with a hash sign, under the reference; the id that comes back is the invalidation's."""
    distribution = new_distribution(cloudfront)
    id = Invalidations(cloudfront, distribution).invalidate([tag(1), tag(2)], "reference-1")

    assert invalidated(cloudfront, distribution) == {id: ("reference-1", [f"#{tag(1)}", f"#{tag(2)}"])}


def test_a_full_invalidation_goes_through(cloudfront: Any) -> None:
    """3,000 tags are one request."""
    distribution = new_distribution(cloudfront)
    tags = [tag(number) for number in range(MOST_TAGS)]
    id = Invalidations(cloudfront, distribution).invalidate(tags, "full")

    assert invalidated(cloudfront, distribution)[id][1] == [f"#{each}" for each in tags]


@pytest.mark.parametrize("count", [0, MOST_TAGS + 1])
def test_no_tags_or_too_many_are_the_callers_mistake(cloudfront: Any, count: int) -> None:
    """CloudFront would refuse them."""
    distribution = new_distribution(cloudfront)
    with pytest.raises(ValueError, match=r"1 to 3,000 tags"):
        Invalidations(cloudfront, distribution).invalidate(["o-0"] * count, "wrong")

    assert invalidated(cloudfront, distribution) == {}


def test_an_unknown_distribution_is_an_error_at_once(cloudfront: Any) -> None:
    """Nobody waits for it."""
    slept: list[float] = []
    with pytest.raises(InvalidationFailed, match="404 NoSuchDistribution") as raised:
        Invalidations(cloudfront, "NOSUCHONE", sleep=slept.append).invalidate([tag()], "nowhere")

    assert not isinstance(raised.value, CloudFrontBusy)
    assert slept == []


def refused(code: str, status: int) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": "arn:aws:iam::123456789012:role/x"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },  # type: ignore[typeddict-item]  # only what is read
        "CreateInvalidation",
    )


@dataclass
class FakeCloudFront:
    """Raises what it is told to, one after the other, each after some seconds; then it makes an invalidation."""

    errors: list[Exception] = field(default_factory=list)
    seconds: float = 0.0
    now: float = 100.0
    slept: list[float] = field(default_factory=list)
    asked: list[tuple[str, Sequence[str]]] = field(default_factory=list)

    def create_invalidation(self, *, DistributionId: str, InvalidationBatch: dict[str, Any]) -> dict[str, Any]:  # noqa: N803  the SDK's names
        """The next error, or an invalidation."""
        assert DistributionId == "ID"
        self.now += self.seconds
        self.asked.append((InvalidationBatch["CallerReference"], InvalidationBatch["Paths"]["Items"]))
        if self.errors:
            raise self.errors.pop(0)
        return {"Invalidation": {"Id": "I1"}}

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.slept.append(seconds)
        self.now += seconds

    def invalidate(self, remaining_seconds: float) -> str:
        """One tag, through this."""
        one = Invalidations(self, "ID", clock=lambda: self.now, sleep=self.sleep)
        return one.invalidate([tag()], "stable", remaining_seconds=remaining_seconds)


BUSY = [
    refused("Throttling", 400),
    refused("ThrottlingException", 400),
    refused("TooManyInvalidationsInProgress", 400),
    refused("TooManyRequestsException", 429),
    refused("ServiceUnavailable", 503),
    refused("InternalFailure", 500),
    ReadTimeoutError(endpoint_url="https://cloudfront.amazonaws.com"),
    EndpointConnectionError(endpoint_url="https://cloudfront.amazonaws.com"),
]


@pytest.mark.parametrize(
    "error", BUSY, ids=lambda error: type(error).__name__ + str(getattr(error, "response", ""))[:45]
)
def test_a_busy_cloudfront_is_asked_again_under_the_same_reference(error: Exception) -> None:
    """After growing waits; it would recognise a request whose answer got lost."""
    fake = FakeCloudFront([error, error, error])

    assert fake.invalidate(60) == "I1"
    assert fake.slept == [0.5, 1.0, 2.0]
    assert {reference for reference, _ in fake.asked} == {"stable"}


def test_attempts_have_an_end() -> None:
    """After half a minute somebody else is to try."""
    fake = FakeCloudFront([BUSY[2]] * 100)
    with pytest.raises(CloudFrontBusy, match="400 TooManyInvalidationsInProgress"):
        fake.invalidate(10_000)

    assert fake.slept == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    assert len(fake.asked) == 7


@pytest.mark.parametrize("remaining", [10.0, 12.0, 20.0, 45.0])
@pytest.mark.parametrize("seconds", [0.0, 3.0])
def test_no_attempt_begins_without_time_for_it(remaining: float, seconds: float) -> None:
    """A function that is timed out answers nothing."""
    fake = FakeCloudFront([BUSY[0]] * 100, seconds=seconds)
    with pytest.raises(CloudFrontBusy):
        fake.invalidate(remaining)

    assert fake.now <= 100.0 + remaining
    assert fake.asked


def test_without_time_nothing_is_asked() -> None:
    """It is for the next delivery."""
    fake = FakeCloudFront()
    with pytest.raises(CloudFrontBusy, match="no time left"):
        fake.invalidate(ATTEMPT_SECONDS - 0.1)

    assert fake.asked == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (refused("AccessDenied", 403), "403 AccessDenied"),
        (refused("InvalidArgument", 400), "400 InvalidArgument"),
        (NoCredentialsError(), "NoCredentialsError"),
    ],
)
def test_a_no_stays_a_no(error: Exception, text: str) -> None:
    """The text is for the log and names no account."""
    fake = FakeCloudFront([error])
    with pytest.raises(InvalidationFailed) as raised:
        fake.invalidate(60)

    assert not isinstance(raised.value, CloudFrontBusy)
    assert text in str(raised.value)
    assert "123456789012" not in str(raised.value)
    assert len(fake.asked) == 1
