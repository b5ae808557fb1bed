"""The list of tokens: JSON text -> hashes, and who a given token belongs to. Pure.

What is wrong with a list is told by the place of an entry, never by what stands there: it may be a token that was put
into the wrong member.
"""

from __future__ import annotations

import difflib
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from api.access.principal import Principal, Scope
from api.keys import checked_key
from api.problems import InvalidKey

SHORTEST: Final = 20
"""Characters of a token: 20 of base64 are 120 bits if they are random, which nobody guesses."""

LONGEST: Final = 512
"""Characters of a token; what is longer is not even hashed."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""RFC 6750 section 2.1."""
_MOST_PROBLEMS: Final = 20


class BadTokenList(Exception):
    """The list cannot be used: `problems` has a line for each mistake, without anything that stands in the list."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def is_token(text: str) -> bool:
    """Whether text can be a token at all."""
    return SHORTEST <= len(text) <= LONGEST and _TOKEN.fullmatch(text) is not None


def _checked_token(token: SecretStr) -> SecretStr:
    if not is_token(token.get_secret_value()):
        raise ValueError(f"a token has {SHORTEST} to {LONGEST} letters, digits and -._~+/, then any number of =")
    return token


def _checked_prefix(prefix: str) -> str:
    try:
        # Whatever follows it: a prefix is good if a key can begin with it.
        checked_key(f"{prefix}x")
    except InvalidKey as error:
        raise ValueError("no key can begin with it") from error
    return prefix


class TokenEntry(BaseModel):
    """One token of the list.

    Attributes:
        name: who has it, for logs and for the metadata of what is stored.
        token: itself, for a list on a developer's machine.
        token_sha256: its hash, hexadecimal.
        scopes: what it may do; none is looking up only.
        prefix: what its keys begin with.
    """

    # An error's text must not repeat what it is about.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^[!-~]([ -~]{0,62}[!-~])?$")
    token: Annotated[SecretStr, AfterValidator(_checked_token)] | None = None
    token_sha256: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f]{64}$")
    scopes: frozenset[Scope]
    prefix: Annotated[str, Field(max_length=1000), AfterValidator(_checked_prefix)] = ""

    @model_validator(mode="after")
    def _has_one_of_them(self) -> Self:
        if (self.token is None) == (self.token_sha256 is None):
            raise ValueError("expected one of `token` and `token_sha256`")
        return self

    def digest(self) -> bytes:
        """SHA-256 of the token."""
        return hashed(self.token.get_secret_value()) if self.token else bytes.fromhex(self.token_sha256 or "")


_LIST: Final = TypeAdapter(list[TokenEntry])
_TEXTS: Final = {
    ("name", "string_pattern_mismatch"): "expected 1 to 64 printable ASCII characters",
    ("token_sha256", "string_pattern_mismatch"): "expected 64 hexadecimal digits",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenList:
    """Whom tokens belong to; of the tokens only their hashes are here."""

    entries: tuple[tuple[bytes, Principal], ...] = ()

    def principal(self, token: str) -> Principal | None:
        """Whose token it is, or None; how long that takes does not tell which entry it is, or how near it came."""
        if not is_token(token):
            return None
        given = hashed(token)
        found = None
        for digest, principal in self.entries:
            if hmac.compare_digest(digest, given):
                found = principal
        return found


def hashed(token: str) -> bytes:
    """SHA-256 of a token: it is random and long, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).digest()


def read_tokens(text: str) -> TokenList:
    """The list that JSON text holds.

    Raises:
        BadTokenList: naming every mistake.
    """
    try:
        written = json.loads(text)
    except (ValueError, RecursionError):
        written = None
    if not isinstance(written, list):
        # Without its cause, which holds the text.
        raise BadTokenList(["expected a JSON list of tokens"]) from None
    try:
        entries = _LIST.validate_python(written)
    except ValidationError as error:
        # Likewise.
        raise BadTokenList([_problem(found) for found in _found(error)]) from None
    if problems := [*_doubles(entries)]:
        raise BadTokenList(problems[:_MOST_PROBLEMS])
    return TokenList(
        entries=tuple(
            (entry.digest(), Principal(name=entry.name, scopes=entry.scopes, prefix=entry.prefix)) for entry in entries
        )
    )


def _found(error: ValidationError) -> Sequence[Mapping[str, Any]]:
    # What pydantic tells of an error is a typed dictionary of its own.
    return error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_PROBLEMS]


def _problem(found: Mapping[str, Any]) -> str:
    """A line on what pydantic found: the place, and what is expected there."""
    index, *path = found["loc"]
    member = str(path[0]) if path else ""
    place = f"entry {index + 1}"
    if found["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(member, TokenEntry.model_fields, 1)
        return f"{place}: has a member that is unknown{f'; is `{nearest[0]}` meant?' if nearest else ''}"
    text = _TEXTS.get((member, found["type"]), str(found["msg"]).removeprefix("Value error, "))
    return f"{place}: {f'`{member}`: ' if member else ''}{text[:1].lower()}{text[1:]}"


def _doubles(entries: Sequence[TokenEntry]) -> Iterator[str]:
    names: dict[str, int] = {}
    digests: dict[bytes, int] = {}
    for place, entry in enumerate(entries, 1):
        if (first := names.setdefault(entry.name, place)) != place:
            yield f"entry {place}: has the name of entry {first}"
        if (first := digests.setdefault(entry.digest(), place)) != place:
            yield f"entry {place}: has the token of entry {first}"
