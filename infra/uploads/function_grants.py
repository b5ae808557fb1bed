"""What each function of the API may do: the table of docs/security.md ("Elevation of privilege"), and nothing else.

Written out instead of `grant_*`: those give wildcards (`s3:GetObject*`) and more than is called. The functions see
strangers' files, so a right too many is what an attacker gets who takes one of them over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

if TYPE_CHECKING:
    from infra.uploads.function_resources import FunctionResources

INCOMING: Final = "incoming/"
"""Where large files arrive; `api.keys` keeps it closed to all other keys."""
RESULTS: Final = "results/"
"""Stored results in the bucket of results, and beside them the markers of purges (`renderer.cache.layout`)."""
MARKERS: Final = "purged/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Actions on one resource.

    Attributes:
        on: a name of `_arns`.
    """

    actions: tuple[str, ...]
    on: str


_KNOW_WHAT_IS_MISSING: Final = Right(actions=("s3:ListBucket",), on="originals")
"""Without it S3 says 403 for what is not there. It has no prefix: a look at one object carries none to compare."""
_ORDER_PURGES: Final = Right(actions=("sqs:SendMessage",), on="purges")
_PURGE_RESULTS: Final = (
    # Results themselves are nobody's to write here: a forged one would be shown to visitors.
    Right(actions=("s3:PutObject",), on="markers"),
    Right(actions=("s3:DeleteObject",), on="stored results"),
    Right(actions=("s3:ListBucket",), on="results"),
)
_STORE: Final = (
    Right(actions=("s3:GetObject", "s3:PutObject"), on="every original"),
    _KNOW_WHAT_IS_MISSING,
    *_PURGE_RESULTS,
    _ORDER_PURGES,
)

RIGHTS: Final[Mapping[str, tuple[Right, ...]]] = {
    "upload": _STORE,
    "arrival": (*_STORE, Right(actions=("s3:DeleteObject",), on="incoming")),
    "delete": (
        Right(actions=("s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion"), on="every original"),
        Right(actions=("s3:ListBucket", "s3:ListBucketVersions"), on="originals"),
        *_PURGE_RESULTS,
        _ORDER_PURGES,
    ),
    "read": (Right(actions=("s3:GetObject",), on="every original"), _KNOW_WHAT_IS_MISSING),
    # Forms are signed with these rights: they reach no further than the function itself.
    "presign": (Right(actions=("s3:PutObject", "s3:GetObject"), on="incoming"), _KNOW_WHAT_IS_MISSING),
    "authorize": (Right(actions=("secretsmanager:GetSecretValue",), on="tokens"),),
    "change": (_ORDER_PURGES,),
    "purge": (
        Right(actions=("cloudfront:CreateInvalidation",), on="distribution"),
        *_PURGE_RESULTS,
        Right(
            actions=("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            on="purges",
        ),
    ),
}


_WILDCARDS: Final[Mapping[str, str]] = {
    "every original": "*",
    "incoming": f"{INCOMING}*",
    "markers": f"{MARKERS}*",
    "stored results": f"{RESULTS}*",
}
"""Objects that are reached by the beginning of their names."""
_WHY: Final[Mapping[str, str]] = {
    "every original": "the keys of originals are the clients'",
    "incoming": "files on their way have an id each",
    "markers": "a marker for each original",
    "stored results": "results of each original",
}


def rights_of(name: str, resources: FunctionResources) -> list[iam.PolicyStatement]:
    """The statements of a function's own policy."""
    arns = _arns(resources)
    return [iam.PolicyStatement(actions=list(right.actions), resources=[arns[right.on]]) for right in RIGHTS[name]]


def writes_logs(log_group_arn: str) -> iam.PolicyStatement:
    """What Lambda does with a function's role: one group, which is there already."""
    return iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group_arn])


def findings_of(name: str, resources: FunctionResources) -> Mapping[str, str]:
    """Why a function's `*` are as narrow as they can be, by what cdk-nag calls them."""
    return {
        "AwsSolutions-IAM5[Resource::*]": "X-Ray's actions have no resources (Service Authorization Reference)",
        **{
            f"AwsSolutions-IAM5[Resource::<{_logical_id(resources, on)}.Arn>/{_WILDCARDS[on]}]": _WHY[on]
            for on in _WILDCARDS
            if any(right.on == on for right in RIGHTS[name])
        },
    }


def _arns(resources: FunctionResources) -> Mapping[str, str]:
    originals, results = resources.originals, resources.results
    return {
        "originals": originals.bucket_arn,
        "every original": originals.arn_for_objects(_WILDCARDS["every original"]),
        "incoming": originals.arn_for_objects(_WILDCARDS["incoming"]),
        "results": results.bucket_arn,
        "markers": results.arn_for_objects(_WILDCARDS["markers"]),
        "stored results": results.arn_for_objects(_WILDCARDS["stored results"]),
        "purges": resources.purges.queue_arn,
        "distribution": resources.distribution.distribution_arn,
        "tokens": resources.tokens.secret_arn,
    }


def _logical_id(resources: FunctionResources, on: str) -> str:
    bucket = resources.originals if on in {"every original", "incoming"} else resources.results
    resource = bucket.node.default_child
    if not isinstance(resource, s3.CfnBucket):
        raise TypeError(f"{bucket.node.path} is no bucket")
    return Stack.of(resource).get_logical_id(resource)
