"""The authorizer: who is let in, what its policy allows, and what the functions make of it."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest

from api.access.authorizer import Refused, authorize, iam_principal, principal_of
from api.access.principal import Principal, Scope
from api.access.token_list import read_tokens
from api.problems import TokensUnavailable, Unauthorized

UPLOAD, DELETE, BOTH, NONE = (f"bw_{name:-<30}" for name in ("upload", "delete", "both", "none"))
STAGE = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod"
TOKENS = read_tokens(
    json.dumps(
        [
            {"name": "upload", "token": UPLOAD, "scopes": ["upload"], "prefix": "schuhe/ä/"},
            {"name": "delete", "token": DELETE, "scopes": ["delete"]},
            {"name": "both", "token": BOTH, "scopes": ["upload", "delete"]},
            {"name": "none", "token": NONE, "scopes": []},
        ]
    )
)


def event(headers: dict[str, Any], arn: str = f"{STAGE}/GET/images/a.jpg", **members: Any) -> dict[str, Any]:
    """What API Gateway sends to an authorizer."""
    multi = {name: value if isinstance(value, list) else [value] for name, value in headers.items()}
    single = {name: values[-1] for name, values in multi.items() if values}
    return {"type": "REQUEST", "methodArn": arn, "headers": single, "multiValueHeaders": multi, **members}


def is_allowed(policy: dict[str, Any], method_arn: str) -> bool:
    """Whether a policy lets a request through, as API Gateway decides it: `*` is anything, slashes too."""
    patterns = [pattern for statement in policy["policyDocument"]["Statement"] for pattern in statement["Resource"]]
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), method_arn, re.DOTALL) for pattern in patterns
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {BOTH}"},
        {"authorization": f"bearer {BOTH}"},
        {"AUTHORIZATION": f"BEARER   {BOTH} "},
        {"Accept": "*/*", "Authorization": [f"Bearer {BOTH}"]},
    ],
)
def test_a_known_token_is_let_in(headers: dict[str, Any]) -> None:
    """However scheme and name of the header are written."""
    answer = authorize(event(headers), tokens=TOKENS)
    assert answer["principalId"] == "both"
    assert answer["context"] == {"token": "both", "scopes": "read,delete,upload", "prefix": "="}


def test_an_event_without_lists_of_headers_is_understood() -> None:
    """Older tools send one value for each name, or null."""
    given = event({"Authorization": f"Bearer {BOTH}"}) | {"multiValueHeaders": None}
    assert authorize(given, tokens=TOKENS)["principalId"] == "both"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": BOTH},
        {"Authorization": f"Basic {BOTH}"},
        {"Authorization": f"Bearer\t{BOTH}"},
        {"Authorization": f"Bearer {BOTH}x"},
        {"Authorization": f"Bearer {BOTH}, Bearer {UPLOAD}"},
        {"Authorization": f"Bearer {BOTH} {BOTH}"},
        {"Authorization": f"Bearer {BOTH}\nx"},
        {"Authorization": [f"Bearer {BOTH}", f"Bearer {BOTH}"]},
        {"Authorization": f"Bearer {BOTH}", "authorization": f"Bearer {UPLOAD}"},
        {"Authorization": "Bearer " + "a" * 100_000},
        {"Authorization": "Bearer ä"},
        {"X-Authorization": f"Bearer {BOTH}"},
    ],
)
def test_everybody_else_is_refused_with_the_text_that_makes_401(
    headers: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """API Gateway compares the error's whole text; nothing is logged, no token is in the chain of errors."""
    with caplog.at_level(logging.DEBUG), pytest.raises(Exception) as refused:  # noqa: PT011  its text is what counts
        authorize(event(headers), tokens=TOKENS)
    assert isinstance(refused.value, Refused)
    assert str(refused.value) == "Unauthorized"
    assert refused.value.__cause__ is None
    assert not caplog.records


READING = ("GET/images/a.jpg", "HEAD/images/a/b:c/d.jpg", "GET/uploads/0123", "GET/openapi.json")
WRITING = ("POST/images", "PUT/images/a/b.jpg", "POST/uploads")
DELETING = ("DELETE/images/a.jpg", "DELETE/images/a/PUT/images/b.jpg")
NOBODYS = ("POST/images/a.jpg", "PUT/uploads/0123", "DELETE/uploads/0123", "PATCH/images/a.jpg", "GET/purge", "GET/")


@pytest.mark.parametrize(
    ("token", "allowed"),
    [(NONE, READING), (UPLOAD, READING + WRITING), (DELETE, READING + DELETING), (BOTH, READING + WRITING + DELETING)],
)
@pytest.mark.parametrize("asked", ["GET/images/first.jpg", "DELETE/images/arn:aws:execute-api:x/y/z"])
def test_a_policy_names_all_that_a_token_may_do(token: str, allowed: tuple[str, ...], asked: str) -> None:
    """Whatever the first request was: the gateway keeps the policy for the next ones."""
    policy = authorize(event({"Authorization": f"Bearer {token}"}, f"{STAGE}/{asked}"), tokens=TOKENS)

    let_through = {route for route in READING + WRITING + DELETING + NOBODYS if is_allowed(policy, f"{STAGE}/{route}")}
    assert let_through == set(allowed)
    assert policy["policyDocument"]["Version"] == "2012-10-17"
    assert {statement["Effect"] for statement in policy["policyDocument"]["Statement"]} == {"Allow"}
    assert {statement["Action"] for statement in policy["policyDocument"]["Statement"]} == {"execute-api:Invoke"}


def test_a_policy_holds_for_its_own_stage_only() -> None:
    """Not for another API or stage of the account, and it fits into API Gateway's 8 KB."""
    policy = authorize(event({"Authorization": f"Bearer {BOTH}"}), tokens=TOKENS)
    for arn in (STAGE.replace("prod", "test"), STAGE.replace("abc123", "other"), STAGE.replace("aws", "aws-cn", 1)):
        assert not is_allowed(policy, f"{arn}/GET/images/a.jpg")
    assert len(json.dumps(policy)) < 8192


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_every_partition_has_its_arns(partition: str) -> None:
    """And a path may be empty."""
    stage = STAGE.replace("aws", partition, 1)
    policy = authorize(event({"Authorization": f"Bearer {BOTH}"}, f"{stage}/GET/"), tokens=TOKENS)
    assert is_allowed(policy, f"{stage}/POST/images")


@pytest.mark.parametrize("arn", ["", "arn:aws:s3:::bucket/key/x", "arn:aws:execute-api:r:1:api", "a:b:c:d:e:f/g/h"])
def test_an_event_of_something_else_is_an_error(arn: str) -> None:
    """No policy is made of it."""
    with pytest.raises(ValueError, match="no ARN of a method"):
        authorize(event({"Authorization": f"Bearer {BOTH}"}, arn), tokens=TOKENS)


def test_tokens_that_cannot_be_checked_let_nobody_in() -> None:
    """The error is another one than that of an unknown token."""

    class Away:
        def principal(self, token: str) -> Principal | None:
            assert token == BOTH
            raise TokensUnavailable("Tokens cannot be checked now.")

    with pytest.raises(TokensUnavailable) as refused:
        authorize(event({"Authorization": f"Bearer {BOTH}"}), tokens=Away())
    assert refused.value.status == 503


@pytest.mark.parametrize("token", [NONE, UPLOAD, DELETE, BOTH])
def test_the_functions_learn_who_asks(token: str) -> None:
    """What was put into the context comes out again; all of it is text, as API Gateway demands."""
    context = authorize(event({"Authorization": f"Bearer {token}"}), tokens=TOKENS)["context"]
    assert all(isinstance(value, str) for value in context.values())
    # The gateway adds members of its own.
    assert principal_of({**context, "principalId": "x", "integrationLatency": 12}) == TOKENS.principal(token)


@pytest.mark.parametrize("missing", ["token", "scopes", "prefix"])
@pytest.mark.parametrize("value", [None, 1, ""])
def test_a_context_that_is_not_whole_is_nobodys(missing: str, value: object) -> None:
    """A missing prefix is not every prefix."""
    context: dict[str, object] = {"token": "cms", "scopes": "upload", "prefix": "="}
    with pytest.raises(Unauthorized):
        principal_of(context | {missing: value})
    with pytest.raises(Unauthorized):
        principal_of({name: text for name, text in context.items() if name != missing})


def test_a_scope_that_nobody_knows_gives_no_right() -> None:
    """As an authorizer that is newer than the function may name it."""
    principal = principal_of({"token": "cms", "scopes": "read,upload,admin,", "prefix": "="})
    assert principal.scopes == {Scope.UPLOAD}


def test_an_identity_of_iam_may_do_everything() -> None:
    """API Gateway has checked its signature and its policy."""
    arn = "arn:aws:sts::123456789012:assumed-role/Editor/session"
    assert iam_principal({"identity": {"userArn": arn}}) == Principal(name=arn)


@pytest.mark.parametrize("context", [{}, {"identity": None}, {"identity": {}}, {"identity": {"userArn": None}}])
def test_a_request_without_a_signature_is_nobodys(context: dict[str, Any]) -> None:
    """Even behind a gateway that should have stopped it."""
    with pytest.raises(Unauthorized):
        iam_principal(context)
