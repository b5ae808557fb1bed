"""Which step needs which right, and how the refusal is seen: in the log of whoever asked, by AWS's name for it.

A right that no step here can prove is in `UNPROVEN` with the reason. So every right of every role is in one of the two,
and a new one has to be put into one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.infra.emulator import steps
from tests.infra.emulator.roles import Right
from tests.infra.emulator.walk import Walk

_DENIED: Final = "AccessDenied"
_HEAD_DENIED: Final = "S3 answers 403 to HeadObject"
"""Answers to HEAD have no body that would name it."""

Step: TypeAlias = Callable[[Walk, bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A step that fails without a right.

    Attributes:
        step: asks for it; is given a picture.
        log: of which function, or `server`.
        says: what the log has then.
        prepare: what has to be there before.
    """

    step: Step
    log: str
    says: str
    prepare: Step = lambda _walk, _data: None


def _purging(function: str, step: Step) -> dict[Right, Proof]:
    """The rights on stored results of a function that purges them."""
    role = f"Functions/{function}Role"
    return {
        Right(role=role, action="s3:PutObject", on="Storage/Results/purged/*"): Proof(
            step=step, prepare=steps.changed, log=function, says="S3 would not write purged/"
        ),
        Right(role=role, action="s3:ListBucket", on="Storage/Results"): Proof(
            step=step, prepare=steps.changed, log=function, says="S3 would not list results/"
        ),
        Right(role=role, action="s3:DeleteObject", on="Storage/Results/results/*"): Proof(
            step=step, prepare=steps.rendered, log=function, says="S3 would not delete results/"
        ),
    }


_ORIGINALS: Final = "Storage/Originals/*"
_INCOMING: Final = "Storage/Originals/incoming/*"
_RESULTS: Final = "Storage/Results/*"
_QUEUE: Final = "Purges/Queue"
_TASK: Final = "Renderer/Task/Definition/TaskRole"
_EXECUTION: Final = "Renderer/Task/Definition/ExecutionRole"

FORMS_SENT: Final = Right(role="Functions/PresignRole", action="s3:PutObject", on=_INCOMING)
"""What a form is signed with."""

PROOFS: Final[Mapping[Right, Proof]] = {
    Right(role="Functions/UploadRole", action="s3:GetObject", on=_ORIGINALS): Proof(
        step=steps.put, prepare=steps.changed, log="Upload", says=_HEAD_DENIED
    ),
    Right(role="Functions/UploadRole", action="s3:PutObject", on=_ORIGINALS): Proof(
        step=steps.put_new, log="Upload", says=f"S3 answers {_DENIED} to PutObject"
    ),
    Right(role="Functions/UploadRole", action="sqs:SendMessage", on=_QUEUE): Proof(
        step=steps.put, log="Upload", says="purge-not-queued"
    ),
    **_purging("Upload", steps.put),
    Right(role="Functions/ReadRole", action="s3:GetObject", on=_ORIGINALS): Proof(
        step=steps.read, prepare=steps.changed, log="Read", says=_HEAD_DENIED
    ),
    Right(role="Functions/DeleteRole", action="s3:GetObject", on=_ORIGINALS): Proof(
        step=steps.delete, prepare=steps.changed, log="Delete", says=_HEAD_DENIED
    ),
    Right(role="Functions/DeleteRole", action="s3:DeleteObject", on=_ORIGINALS): Proof(
        step=steps.delete, prepare=steps.changed, log="Delete", says=f"S3 answers {_DENIED} to DeleteObject"
    ),
    Right(role="Functions/DeleteRole", action="s3:ListBucketVersions", on="Storage/Originals"): Proof(
        step=steps.delete_versions,
        prepare=steps.changed,
        log="Delete",
        says=f"{_DENIED} to ListObjectVersions",
    ),
    Right(role="Functions/DeleteRole", action="s3:DeleteObjectVersion", on=_ORIGINALS): Proof(
        step=steps.delete_versions, prepare=steps.changed, log="Delete", says=f"S3 answers {_DENIED} to DeleteObject"
    ),
    Right(role="Functions/DeleteRole", action="sqs:SendMessage", on=_QUEUE): Proof(
        step=steps.delete, log="Delete", says="purge-not-queued"
    ),
    **_purging("Delete", steps.delete),
    FORMS_SENT: Proof(step=steps.ask_for_a_form, log="Presign", says=f"S3 answers {_DENIED} to PutObject"),
    Right(role="Functions/PresignRole", action="s3:GetObject", on=_INCOMING): Proof(
        step=steps.ask_after_a_form, log="Presign", says=f"S3 answers {_DENIED} to GetObject"
    ),
    Right(role="Functions/AuthorizeRole", action="secretsmanager:GetSecretValue", on="Secrets/ApiTokens"): Proof(
        step=steps.show_a_token_to_a_new_authorizer, log="Authorize", says=_DENIED
    ),
    Right(role="Functions/ArrivalRole", action="s3:GetObject", on=_ORIGINALS): Proof(
        step=steps.arrive, log="Arrival", says=f"S3 answers {_DENIED} to GetObject"
    ),
    Right(role="Functions/ArrivalRole", action="s3:PutObject", on=_ORIGINALS): Proof(
        step=steps.arrive, log="Arrival", says=f"S3 answers {_DENIED} to PutObject"
    ),
    Right(role="Functions/ArrivalRole", action="s3:DeleteObject", on=_INCOMING): Proof(
        step=steps.arrive, log="Arrival", says=f"S3 answers {_DENIED} to DeleteObject"
    ),
    Right(role="Functions/ArrivalRole", action="sqs:SendMessage", on=_QUEUE): Proof(
        step=steps.arrive, log="Arrival", says=f"{_DENIED}) when calling the SendMessageBatch"
    ),
    **_purging("Arrival", steps.arrive),
    Right(role="Functions/ChangeRole", action="sqs:SendMessage", on=_QUEUE): Proof(
        step=steps.tell_of_a_change, log="Change", says=f"{_DENIED}) when calling the SendMessageBatch"
    ),
    **_purging("Purge", steps.purge),
    Right(role="Functions/PurgeRole", action="cloudfront:CreateInvalidation", on="Delivery/Distribution"): Proof(
        step=steps.purge, log="Purge", says=f"makes no invalidation: 403 {_DENIED}"
    ),
    Right(role="Functions/PurgeRole", action="sqs:SendMessage", on=_QUEUE): Proof(
        step=steps.purge, log="Purge", says="the repeat is not queued"
    ),
    Right(role=_TASK, action="s3:GetObject", on=_ORIGINALS): Proof(
        step=steps.look, prepare=steps.changed, log="server", says=_DENIED
    ),
    Right(role=_TASK, action="s3:GetObjectVersion", on=_ORIGINALS): Proof(
        step=steps.look_at_a_version, prepare=steps.changed, log="server", says=_DENIED
    ),
    Right(role=_TASK, action="s3:GetObject", on=_RESULTS): Proof(
        step=steps.look, prepare=steps.changed, log="server", says="S3 would not read"
    ),
}

RESULTS_KEPT: Final = Right(role=_TASK, action="s3:PutObject", on=_RESULTS)
SECRETS_READ: Final = frozenset(
    Right(role=_EXECUTION, action="secretsmanager:GetSecretValue", on=f"Secrets/{name}")
    for name in ("SigningKey", "SigningSalt")
)
"""Rights that are proven by what is missing then, and by the answer to ECS."""

UNPROVEN: Final[Mapping[str, str]] = {
    "*Role logs:*": "Lambda, ECS and VPC write logs, the emulator asks no role for that",
    "Functions/* xray:* *": "the emulator has no X-Ray",
    "Functions/*Role sqs:* Functions/Failures": "Lambda sends there what failed for good, six hours later at the most",
    "Functions/PurgeRole sqs:[RDG]* Purges/Queue": "Lambda's poller asks with them, the emulator's own does not ask",
    "* s3:ListBucket Storage/Originals": "S3 says 403 instead of 404 without it, the emulator says 404",
    f"{_TASK} s3:ListBucket Storage/Results": "likewise",
    f"{_TASK} s3:DeleteObject Storage/Results/*": "damaged and outdated results, which a walk does not meet",
    f"{_EXECUTION} ecr:*": "no image is pulled",
    f"{_EXECUTION} secretsmanager:DescribeSecret *": "CDK's grant to read has it, and ECS does not use it",
}
"""By patterns of role, action and resource: why no step here can show that they are needed."""
