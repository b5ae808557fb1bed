"""Tokens: what a list may be, whom a token belongs to, and how long a secret is believed."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from api.access.principal import Principal, Scope
from api.access.token_list import LONGEST, BadTokenList, is_token, read_tokens
from api.access.tokens import SecretTokens, SecretUnreadable, configured_tokens, secret_text
from api.problems import TokensUnavailable
from api.settings import AccessSettings, StoreSettings
from api.stores.aws import Clients
from renderer.errors import ConfigurationError

CMS = "bw_cms-0123456789abcdefghij"
SHOP = "bw_shop-0123456789abcdefghij"
OTHER = "bw_other-0123456789abcdefghij"


def entry(name: str = "cms", token: str = CMS, **members: Any) -> dict[str, Any]:
    """An entry with a hash."""
    return {"name": name, "token_sha256": hashlib.sha256(token.encode()).hexdigest(), "scopes": ["upload"], **members}


def listed(*entries: object) -> str:
    """A list as JSON."""
    return json.dumps(entries)


class Secret:
    """A secret that may change or fail, and a clock that only the test moves."""

    def __init__(self, text: str) -> None:
        self.text: str | Exception = text
        self.now = 1_000_000.0
        self.reads = 0

    def read(self) -> str:
        """The text, or what is wrong."""
        self.reads += 1
        if isinstance(self.text, Exception):
            raise self.text
        return self.text

    def tokens(self, lifetime_seconds: float = 300) -> SecretTokens:
        """Tokens of this secret."""
        return SecretTokens(self.read, lifetime_seconds=lifetime_seconds, clock=lambda: self.now)


def test_a_token_belongs_to_its_entry_with_its_rights() -> None:
    """By the token itself or by its hash, in either case of letters."""
    tokens = read_tokens(
        listed(
            {"name": "cms", "token": CMS, "scopes": ["upload", "delete"]},
            entry("shop", SHOP, prefix="shoes/"),
            entry("other", OTHER, scopes=[]) | {"token_sha256": hashlib.sha256(OTHER.encode()).hexdigest().upper()},
        )
    )

    assert tokens.principal(CMS) == Principal(name="cms")
    assert tokens.principal(SHOP) == Principal(name="shop", scopes=frozenset({Scope.UPLOAD}), prefix="shoes/")
    assert tokens.principal(OTHER) == Principal(name="other", scopes=frozenset())


@pytest.mark.parametrize(
    "given", ["", "x", CMS[:-1], f"{CMS}x", CMS.upper(), f" {CMS}", "ä" * 30, "\ud800" * 30, "a" * 513]
)
def test_what_is_no_known_token_is_nobodys(given: str) -> None:
    """However near it comes, and whatever it is made of."""
    assert read_tokens(listed(entry())).principal(given) is None


def test_the_list_keeps_hashes_only() -> None:
    """A dump of the process does not show a token of the list."""
    assert CMS not in repr(read_tokens(listed({"name": "cms", "token": CMS, "scopes": []})))


def test_an_empty_list_lets_nobody_in() -> None:
    """It is how all tokens are revoked at once."""
    assert read_tokens("[]").principal(CMS) is None


@pytest.mark.parametrize(
    ("written", "problems"),
    [
        ("", ["expected a JSON list of tokens"]),
        ("[" * 100_000, ["expected a JSON list of tokens"]),
        (f'[{{"name": "cms", "token": "{CMS}"', ["expected a JSON list of tokens"]),
        (json.dumps(entry()), ["expected a JSON list of tokens"]),
        (listed(CMS), ["entry 1: input should be a valid dictionary or instance of TokenEntry"]),
        (listed({"name": "cms"}), ["entry 1: `scopes`: field required"]),
        (listed({"name": "cms", "scopes": []}), ["entry 1: expected one of `token` and `token_sha256`"]),
        (listed(entry(token_sha256=CMS)), ["entry 1: `token_sha256`: expected 64 hexadecimal digits"]),
        (listed(entry(scopes=[CMS])), ["entry 1: `scopes`: input should be 'upload' or 'delete'"]),
        (listed(entry() | {"tokn": CMS}), ["entry 1: has a member that is unknown; is `token` meant?"]),
        (listed(entry() | {CMS: 1}), ["entry 1: has a member that is unknown"]),
        (listed(entry(prefix="/shoes")), ["entry 1: `prefix`: no key can begin with it"]),
        (listed(entry(prefix="incoming/")), ["entry 1: `prefix`: no key can begin with it"]),
        (listed(entry(), entry(token=SHOP)), ["entry 2: has the name of entry 1"]),
        (listed(entry(), entry("shop")), ["entry 2: has the token of entry 1"]),
        (listed(entry(), {"name": "x", "token": CMS, "scopes": []}), ["entry 2: has the token of entry 1"]),
        (
            listed(entry("", token_sha256="0"), entry("ok", SHOP), entry("ä")),
            [
                "entry 1: `name`: expected 1 to 64 printable ASCII characters",
                "entry 1: `token_sha256`: expected 64 hexadecimal digits",
                "entry 3: `name`: expected 1 to 64 printable ASCII characters",
            ],
        ),
    ],
)
def test_every_mistake_is_named_and_no_token_is_shown(written: str, problems: list[str]) -> None:
    """Even one that stands in the wrong member."""
    with pytest.raises(BadTokenList) as refused:
        read_tokens(written)

    assert list(refused.value.problems) == problems
    # Neither alone nor where the whole chain of errors is logged.
    assert CMS not in "".join(traceback.format_exception(refused.value))


_TEXTS = st.text() | st.sampled_from([CMS, SHOP, "cms", "upload", hashlib.sha256(CMS.encode()).hexdigest()])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_ENTRIES = st.dictionaries(
    st.sampled_from(["name", "token", "token_sha256", "scopes", "prefix", CMS]), _JSON | _TEXTS, max_size=6
)


@given(st.text() | st.lists(_ENTRIES | _JSON, max_size=3).map(json.dumps))
def test_whatever_a_list_is_it_is_read_or_refused(text: str) -> None:
    """With our own error and no other, and without the token in it."""
    try:
        read_tokens(text)
    except BadTokenList as error:
        assert error.problems
        assert CMS not in str(error)


@pytest.mark.parametrize("token", ["short", "a" * 19, "a" * (LONGEST + 1), "with spaces in the middle", "ü" * 30, ""])
def test_a_token_that_could_be_guessed_or_not_be_sent_is_refused(token: str) -> None:
    """Twenty characters at least, of those that the header may hold."""
    with pytest.raises(BadTokenList, match="`token`: a token has 20 to 512"):
        read_tokens(listed({"name": "cms", "token": token, "scopes": []}))
    assert not is_token(token)


@pytest.mark.parametrize("name", ["a", "cms", "editor's desk (2)", "x" * 64])
def test_a_name_is_printable(name: str) -> None:
    """It goes into logs and metadata."""
    found = read_tokens(listed(entry(name))).principal(CMS)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", "a\x7f", "a ", "a\n"])
def test_a_name_that_would_break_a_log_line_is_refused(name: str) -> None:
    """Or that would not be told from another."""
    with pytest.raises(BadTokenList, match="`name`"):
        read_tokens(listed(entry(name)))


def test_a_secret_is_read_once_in_a_lifetime() -> None:
    """And not before the first request."""
    secret = Secret(listed(entry()))
    tokens = secret.tokens()
    assert secret.reads == 0

    for now in (0.0, 1.0, 299.0):
        secret.now = 1_000_000.0 + now
        assert tokens.principal(CMS) is not None
    assert secret.reads == 1


def test_a_revoked_token_works_until_the_lifetime_is_over() -> None:
    """And no longer."""
    secret = Secret(listed(entry()))
    tokens = secret.tokens()
    assert tokens.principal(CMS) is not None
    secret.text = listed()

    secret.now += 299
    assert tokens.principal(CMS) is not None
    secret.now += 1
    assert tokens.principal(CMS) is None


def test_a_new_token_works_soon() -> None:
    """An unknown token has the secret read early, but not more often than every ten seconds."""
    secret = Secret(listed(entry()))
    tokens = secret.tokens()
    assert tokens.principal(CMS) is not None
    secret.text = listed(entry(), entry("shop", SHOP))

    secret.now += 9
    assert tokens.principal(SHOP) is None
    assert secret.reads == 1
    secret.now += 1
    assert tokens.principal(SHOP) is not None
    assert secret.reads == 2


def test_strangers_do_not_make_the_secret_be_read_all_the_time() -> None:
    """A thousand unknown tokens in a hundred seconds are ten readings, and what cannot be a token is none."""
    secret = Secret(listed(entry()))
    tokens = secret.tokens()
    for number in range(1000):
        secret.now += 0.1
        assert tokens.principal(f"bw_stranger-{number:020}") is None
        assert tokens.principal("no token") is None
    assert secret.reads <= 11


@pytest.mark.parametrize("trouble", [SecretUnreadable("AccessDeniedException"), "no list", listed({"name": CMS})])
def test_the_last_good_list_serves_for_four_lifetimes(
    trouble: str | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Then nobody is let in, until the secret can be read again; the log says what is wrong."""
    secret = Secret(listed(entry()))
    tokens = secret.tokens()
    assert tokens.principal(CMS) is not None
    secret.text = trouble

    with caplog.at_level(logging.ERROR):
        for _ in range(119):
            secret.now += 10
            assert tokens.principal(CMS) is not None
    assert "the last good list serves for a while" in caplog.text
    assert CMS not in caplog.text
    secret.now += 10
    with pytest.raises(TokensUnavailable):
        tokens.principal(CMS)
    secret.text = listed(entry())
    secret.now += 10
    assert tokens.principal(CMS) is not None


def test_a_secret_that_fails_is_left_alone_for_a_while() -> None:
    """Ten seconds where there is a list to go on with, one second where there is none."""
    secret = Secret(listed(entry()))
    good = secret.text
    secret.text = SecretUnreadable("ThrottlingException")
    tokens = secret.tokens()
    for _ in range(10):
        with pytest.raises(TokensUnavailable):
            tokens.principal(CMS)
    assert secret.reads == 1
    secret.now += 1
    secret.text = good
    assert tokens.principal(CMS) is not None

    secret.text = SecretUnreadable("ThrottlingException")
    for second in range(300, 320):
        secret.now = 1_000_001.0 + second
        assert tokens.principal(CMS) is not None
    assert secret.reads == 4


def test_a_clock_that_is_set_back_makes_no_list_young_forever() -> None:
    """What was read in the future is read again."""
    secret = Secret(listed(entry()))
    tokens = secret.tokens()
    assert tokens.principal(CMS) is not None
    secret.text = listed()
    secret.now -= 100_000
    assert tokens.principal(CMS) is None


def never(secret: str) -> str:
    """Reads no secret."""
    raise AssertionError(secret)


def test_a_list_in_the_settings_needs_no_secret() -> None:
    """That is a developer's machine."""
    tokens = configured_tokens(AccessSettings(tokens=listed(entry())), never)
    assert tokens.principal(CMS) is not None


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "BILDWERK_API_TOKENS, BILDWERK_API_TOKENS_SECRET: expected one of the two, or BILDWERK_API_AUTH=iam"),
        ({"tokens": CMS}, "BILDWERK_API_TOKENS: expected a JSON list of tokens"),
        (
            {"tokens": listed({"name": "a"}, entry(scopes=["admin"]))},
            (
                "BILDWERK_API_TOKENS: entry 1: `scopes`: field required\n"
                "BILDWERK_API_TOKENS: entry 2: `scopes`: input should be 'upload' or 'delete'"
            ),
        ),
    ],
)
def test_a_list_in_the_settings_that_cannot_be_used_stops_the_start(settings: dict[str, str], text: str) -> None:
    """Every mistake is a line, and the API never starts without a list by mistake."""
    with pytest.raises(ConfigurationError) as refused:
        configured_tokens(AccessSettings(**settings), never)
    assert str(refused.value) == text


@pytest.fixture(scope="module")
def secrets_manager() -> Iterator[str]:
    """A Secrets Manager; its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def clients(secrets_manager: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Clients of it."""
    for name, value in {
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_manager,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    clients = Clients(StoreSettings())
    yield clients
    clients.close()


@pytest.fixture
def put(clients: Clients) -> Callable[..., None]:
    """Makes a secret, or gives it another value."""

    def put_one(name: str, **value: Any) -> None:
        existing = {secret["Name"] for secret in clients.secretsmanager.list_secrets()["SecretList"]}
        if name in existing:
            clients.secretsmanager.put_secret_value(SecretId=name, **value)
        else:
            clients.secretsmanager.create_secret(Name=name, **value)

    return put_one


def test_the_list_comes_from_secrets_manager(clients: Clients, put: Callable[..., None]) -> None:
    """In its current version: one that a rotation has only prepared does not count."""
    put("current", SecretString=listed(entry()))
    tokens = configured_tokens(AccessSettings(tokens_secret="current"), lambda secret: secret_text(clients, secret))
    assert tokens.principal(CMS) is not None

    put("current", SecretString=listed(), VersionStages=["AWSPENDING"])
    assert secret_text(clients, "current") == listed(entry())
    put("current", SecretString=listed(entry("shop", SHOP)))
    assert secret_text(clients, "current") == listed(entry("shop", SHOP))


def test_a_secret_that_cannot_be_read_says_why(clients: Clients, put: Callable[..., None]) -> None:
    """By the name of AWS's error."""
    with pytest.raises(SecretUnreadable, match=r"^ResourceNotFoundException$"):
        secret_text(clients, "none")
    put("binary", SecretBinary=b"x")
    with pytest.raises(SecretUnreadable, match=r"^the secret holds no text$"):
        secret_text(clients, "binary")


def test_a_secrets_manager_that_is_away_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the connection's error; so does an SDK without credentials."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    clients = Clients(StoreSettings())
    with pytest.raises(SecretUnreadable, match=r"^EndpointConnectionError$"):
        secret_text(clients, "none")
    clients.close()


@pytest.mark.parametrize("lifetime_seconds", [1, 2, 5])
def test_a_short_lifetime_is_kept_and_never_refuses_a_token_while_the_secret_can_be_read(lifetime_seconds: int) -> None:
    """The pause between readings must not be longer than what it is to save readings of."""
    secret = Secret(json.dumps([{"name": "me", "token": "x" * 30, "scopes": []}]))
    tokens = secret.tokens(lifetime_seconds)
    for _ in range(40):
        assert tokens.principal("x" * 30)
        secret.now += 0.5

    assert secret.reads == 20 // lifetime_seconds


def test_after_a_long_silence_requests_that_come_together_all_wait_for_the_list() -> None:
    """The list is too old to serve, so none is refused while another one's thread reads it."""
    secret = Secret(json.dumps([{"name": "me", "token": "x" * 30, "scopes": []}]))
    reading, may_go_on = threading.Event(), threading.Event()

    def slow() -> str:
        if secret.reads:
            reading.set()
            assert may_go_on.wait(10)
        return secret.read()

    tokens = SecretTokens(slow, lifetime_seconds=300, clock=lambda: secret.now)
    assert tokens.principal("x" * 30)
    secret.now += 3600
    found: list[object] = []

    def ask() -> None:
        try:
            found.append(tokens.principal("x" * 30))
        except TokensUnavailable as error:
            found.append(error)

    first, second = (threading.Thread(target=ask) for _ in range(2))
    first.start()
    assert reading.wait(10)
    second.start()
    second.join(0.2)  # it would be through by then if it did not wait
    may_go_on.set()
    for thread in (first, second):
        thread.join(10)

    assert [isinstance(answer, Principal) for answer in found] == [True, True]
    assert secret.reads == 2
