"""Who may call what, as API Gateway finds out: a REQUEST authorizer, its policy, and the memory of both.

A policy is remembered for its `Authorization` header and holds for every route, so it must say what it allows in
general, as on AWS. Refusals are not remembered.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.local.calls import ACCOUNT, REGION, Calls, Context, Event, Function, Malformed
from api.problems import InternalProblem, Problem, ScopeMissing, Unauthorized

_log = logging.getLogger(__name__)

STAGE: Final = "local"
API_ID: Final = "local"

CACHE_SECONDS: Final = 60.0
"""For how long a policy is remembered; API Gateway can be told 0 to 3,600 s."""

MOST_CACHED: Final = 256
"""Policies; more tokens than anybody uses against one machine at a time."""

_WORD: Final = "Unauthorized"
"""The message by which an authorizer says that a token is not known (API Gateway's documentation of authorizers)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an authorizer answered: its policy's statements, and what the functions are told of the caller."""

    statements: tuple[Mapping[str, Any], ...]
    context: Mapping[str, str]

    def allows(self, arn: str) -> bool:
        """Whether a method may be called: something allows it and nothing denies it."""
        effects = {statement.get("Effect") for statement in self.statements if _concerns(statement, arn)}
        return effects == {"Allow"}


def method_arn(method: str, path: str) -> str:
    """The name of a method in policies."""
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/{STAGE}/{method}/{path.removeprefix('/')}"


def verdict_of(answer: object) -> Verdict:
    """An authorizer's answer.

    Raises:
        Malformed: it is none that API Gateway takes.
    """
    if not isinstance(answer, Mapping) or not isinstance(answer.get("principalId"), str):
        raise Malformed("there is no principalId")
    document = answer.get("policyDocument")
    statements = document.get("Statement") if isinstance(document, Mapping) else None
    statements = [statements] if isinstance(statements, Mapping) else statements
    if not isinstance(statements, list) or not all(isinstance(statement, Mapping) for statement in statements):
        raise Malformed("there is no policy")
    context = answer.get("context") or {}
    if not isinstance(context, Mapping):
        raise Malformed("its context is no object")
    told = {str(name): _text(value) for name, value in context.items()}
    return Verdict(statements=tuple(statements), context={**told, "principalId": answer["principalId"]})


class Access:
    """Asks an authorizer about `Authorization` headers, and remembers its answers."""

    def __init__(self, authorizer: Function, calls: Calls, clock: Callable[[], float] = time.monotonic) -> None:
        self._authorizer = authorizer
        self._calls = calls
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Verdict]] = OrderedDict()

    async def granted(self, event: Event, authorization: str, context: Context) -> dict[str, Any]:
        """What the functions are told of the caller.

        Args:
            event: of the proxy integration, without its body.
            authorization: the header, not empty.
            context: of the authorizer's call.

        Raises:
            Unauthorized: the authorizer does not know the token.
            ScopeMissing: its policy does not allow this.
            InternalProblem: it failed.
        """
        began = self._clock()
        arn = method_arn(event["httpMethod"], event["path"])
        verdict = await self._verdict({**event, "type": "REQUEST", "methodArn": arn}, authorization, context)
        if not verdict.allows(arn):
            raise ScopeMissing("This token does not allow the request.")
        return {**verdict.context, "integrationLatency": round((self._clock() - began) * 1000)}

    async def _verdict(self, event: Event, authorization: str, context: Context) -> Verdict:
        # The token itself is not kept.
        name = hashlib.sha256(authorization.encode("utf-8", "surrogateescape")).digest()
        ends_at, verdict = self._known.get(name, (0.0, None))
        if verdict is not None and self._clock() < ends_at:
            self._known.move_to_end(name)
            return verdict
        verdict = await self._asked(event, context)
        self._known[name] = (self._clock() + CACHE_SECONDS, verdict)
        self._known.move_to_end(name)
        while len(self._known) > MOST_CACHED:
            self._known.popitem(last=False)
        return verdict

    async def _asked(self, event: Event, context: Context) -> Verdict:
        try:
            return verdict_of(await self._calls.run(self._authorizer, event, context))
        except Problem:
            raise
        except Exception as error:
            if str(error) == _WORD:
                raise Unauthorized("The token is not known.") from None
            _log.exception("The authorizer failed")
            raise InternalProblem("Whether the token is known could not be found out.") from error


def _concerns(statement: Mapping[str, Any], arn: str) -> bool:
    return _matches(statement.get("Action"), "execute-api:Invoke", re.IGNORECASE) and _matches(
        statement.get("Resource"), arn
    )


def _matches(patterns: object, text: str, flags: re.RegexFlag = re.NOFLAG) -> bool:
    """Whether one of the patterns, of which there may be one without a list, is the text; `*` and `?` as in IAM."""
    several = patterns if isinstance(patterns, list) else [patterns]
    for pattern in several:
        expression = re.escape(str(pattern)).replace(r"\*", ".*").replace(r"\?", ".")
        if pattern is not None and re.fullmatch(expression, text, re.DOTALL | flags):
            return True
    return False


def _text(value: object) -> str:
    """A value of the context, which becomes text on its way to a function."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise Malformed("its context holds more than text, numbers and booleans")
