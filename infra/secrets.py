"""Secrets: Secrets Manager makes their values up at deployment, so no template, log or person has seen one.

The keys of signatures are hexadecimal, as the server wants them. The list of API tokens begins empty; `bildwerk token`
makes entries, which hold hashes only (infra/README.md). What CloudFront shows the load balancer is a secret for each
generation: raising the number adds a secret, the load balancer accepts it beside the last one, and only then CloudFront
shows it, so a rotation has no gap.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import RemovalPolicy, SecretValue
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.findings import acknowledge, skip_checkov

ORIGIN_HEADER_NAME: Final = "X-Bildwerk-Origin"
"""The request header by which the load balancer knows CloudFront's distribution."""

KEY_DIGITS: Final = 128
"""64 bytes: as long as the block of SHA-256, a longer key would be hashed first (RFC 2104)."""
ORIGIN_HEADER_DIGITS: Final = 64
"""256 bits, within the 128 characters that a listener rule compares."""
_NOT_HEXADECIMAL: Final = "ghijklmnopqrstuvwxyz"


class Secrets(Construct):
    """Everything that is secret in a stage."""

    def __init__(self, scope: Construct, construct_id: str, *, retain: bool, origin_header_generation: int) -> None:
        super().__init__(scope, construct_id)
        self._kept = RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY
        self.signing_key = self._signing("SigningKey", "Signs picture URLs: key")
        self.signing_salt = self._signing("SigningSalt", "Signs picture URLs: salt")
        self.api_tokens = self._tokens()
        generations = range(origin_header_generation, max(0, origin_header_generation - 2), -1)
        self.origin_headers: tuple[SecretValue, ...] = tuple(map(self._origin_header, generations))
        """Newest first: what CloudFront shows, and what it showed before the last rotation."""

    def _made(self, construct_id: str, description: str, digits: int) -> secretsmanager.Secret:
        return secretsmanager.Secret(
            self,
            construct_id,
            description=description,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=digits,
                exclude_punctuation=True,
                exclude_uppercase=True,
                include_space=False,
                exclude_characters=_NOT_HEXADECIMAL,
                require_each_included_type=False,
            ),
            removal_policy=self._kept,
        )

    def _signing(self, construct_id: str, description: str) -> secretsmanager.Secret:
        secret = self._made(construct_id, description, KEY_DIGITS)
        _explain(
            secret, "a new key makes every URL that a site has written invalid: it is added by hand, beside the old"
        )
        return secret

    def _tokens(self) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "ApiTokens",
            description="Tokens of the upload API, as hashes: a JSON list, entries by `bildwerk token`",
            secret_string_value=SecretValue.unsafe_plain_text("[]"),  # the empty list
            removal_policy=self._kept,
        )
        _explain(secret, "the list holds hashes; each token is replaced with whoever holds it")
        return secret

    def _origin_header(self, generation: int) -> SecretValue:
        described = f"What CloudFront shows the load balancer, generation {generation}"
        secret = self._made(f"OriginHeader{generation}", described, ORIGIN_HEADER_DIGITS)
        secret.apply_removal_policy(RemovalPolicy.DESTROY)
        _explain(secret, "rotated by raising origin_header_generation, so that the load balancer knows it first")
        return secret.secret_value


def _explain(secret: secretsmanager.Secret, why_not_rotated: str) -> None:
    acknowledge(secret, {"AwsSolutions-SMG4": why_not_rotated})
    skip_checkov(
        secret,
        {"CKV_AWS_149": "Secrets Manager encrypts with its own key; a key of one's own guards against nobody here"},
    )
