"""Who a token belongs to: by a list in the settings, or by one in AWS Secrets Manager that is read again and again.

A secret is believed for `BILDWERK_API_TOKENS_SECONDS`, one lifetime. When it cannot be read then, or holds no usable
list, the last good list serves until it is four lifetimes old; after that every request is refused with 503, because
a token may have been revoked meanwhile. A token that is unknown has the secret read early, at most every ten seconds,
so that a new token works soon and a stranger cannot make us ask all the time. What a gateway remembers
of an authorizer's answers comes on top.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from api.access.principal import Principal
from api.access.token_list import BadTokenList, TokenList, is_token, read_tokens
from api.problems import TokensUnavailable
from api.settings import AccessSettings
from api.stores.aws import Clients
from renderer.errors import ConfigurationError

_log = logging.getLogger(__name__)

LIFETIMES: Final = 4
"""How many lifetimes a list may be old that cannot be read again."""

PAUSE_SECONDS: Final = 10.0
"""Between two readings of the secret that are early, or that follow a failed one; a lifetime if that is shorter."""

_FIRST_PAUSE_SECONDS: Final = 1.0
"""The same as long as there is no list at all: nobody can be let in, so it is tried again sooner."""


class Tokens(Protocol):
    """Knows tokens."""

    def principal(self, token: str) -> Principal | None:
        """Whose token it is; None if it is nobody's.

        Raises:
            TokensUnavailable: that cannot be told now.
        """


class SecretUnreadable(Exception):
    """The secret could not be read; the text says why, and holds nothing of it."""


class SecretTokens:
    """Tokens of a secret, of which the newest good list is kept.

    Args:
        read: the secret's text; raises SecretUnreadable, and has a deadline.
        lifetime_seconds: how long a list is believed.
        clock: seconds of a clock that goes on while a Lambda function is frozen, as `time.monotonic` need not.
    """

    def __init__(
        self, read: Callable[[], str], *, lifetime_seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._read = read
        self._lifetime_seconds = lifetime_seconds
        self._clock = clock
        self._lock = threading.Lock()
        # The list, and when it was asked for.
        self._held: tuple[TokenList, float] | None = None
        self._tried_at: float | None = None

    def principal(self, token: str) -> Principal | None:
        """Whose token it is; None if it is nobody's.

        Raises:
            TokensUnavailable: there is no list that is young enough.
        """
        found = self._current(self._lifetime_seconds).principal(token)
        if found is None and is_token(token):
            found = self._current(PAUSE_SECONDS).principal(token)
        return found

    def _current(self, most_seconds: float) -> TokenList:
        """The list, read again if it is older than that and may be read now."""
        # While one thread reads, others go on with the list that they have, if it may serve still.
        if self._is_due(most_seconds) and self._lock.acquire(blocking=not self._serves(self._held)):
            try:
                if self._is_due(most_seconds):
                    self._try()
            finally:
                self._lock.release()
        held = self._held
        if held is None or not self._serves(held):
            raise TokensUnavailable("Tokens cannot be checked now.")
        return held[0]

    def _serves(self, held: tuple[TokenList, float] | None) -> bool:
        return held is not None and self._is_younger(held[1], LIFETIMES * self._lifetime_seconds)

    def _is_due(self, most_seconds: float) -> bool:
        pause = _FIRST_PAUSE_SECONDS if self._held is None else min(PAUSE_SECONDS, self._lifetime_seconds)
        if self._tried_at is not None and self._is_younger(self._tried_at, pause):
            return False
        return self._held is None or not self._is_younger(self._held[1], most_seconds)

    def _is_younger(self, since: float, seconds: float) -> bool:
        """Whether that was less long ago; what lies ahead, because the clock was set back, was ages ago."""
        return 0 <= self._clock() - since < seconds

    def _try(self) -> None:
        asked_at = self._clock()
        try:
            self._held = read_tokens(self._read()), asked_at
        except (SecretUnreadable, BadTokenList) as error:
            served = "no request is let in" if self._held is None else "the last good list serves for a while"
            _log.error("The list of tokens cannot be used, %s: %s", served, error)
        finally:
            # Counted from the end: an attempt may take longer than the pause.
            self._tried_at = self._clock()


def configured_tokens(settings: AccessSettings, read_secret: Callable[[str], str]) -> Tokens:
    """Tokens as the settings say; the secret is read when the first request comes.

    Args:
        settings: where the list is.
        read_secret: the text of a secret by its name or ARN; raises SecretUnreadable.

    Raises:
        ConfigurationError: there is no list, or `BILDWERK_API_TOKENS` has mistakes; every one is named.
    """
    if settings.tokens_secret:
        return SecretTokens(
            lambda: read_secret(settings.tokens_secret), lifetime_seconds=float(settings.tokens_seconds)
        )
    if not settings.tokens.strip():
        raise ConfigurationError(
            ["BILDWERK_API_TOKENS, BILDWERK_API_TOKENS_SECRET: expected one of the two, or BILDWERK_API_AUTH=iam"]
        )
    try:
        return read_tokens(settings.tokens)
    except BadTokenList as error:
        raise ConfigurationError([f"BILDWERK_API_TOKENS: {problem}" for problem in error.problems]) from None


def secret_text(clients: Clients, secret: str) -> str:
    """The text of a secret as Secrets Manager has it now: the stage AWSCURRENT, also while it is being rotated.

    Args:
        clients: of the SDK.
        secret: name or ARN.

    Raises:
        SecretUnreadable: with the name of the error that AWS or the connection gave.
    """
    from botocore.exceptions import (  # type: ignore[import-untyped]  # the SDK has no types
        BotoCoreError,
        ClientError,
    )

    try:
        answer = clients.secretsmanager.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")
    except ClientError as error:
        raise SecretUnreadable(str(error.response.get("Error", {}).get("Code", "unknown error"))) from error
    except BotoCoreError as error:
        raise SecretUnreadable(type(error).__name__) from error
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise SecretUnreadable("the secret holds no text")
    return text
