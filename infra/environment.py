"""How the environment of a deployment becomes its configuration: every variable is in `VARIABLES`, none is unknown.

Pure: the environment itself is read in `infra/app.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from infra.config import (
    CLOUDFRONT_REGION,
    ConfigurationError,
    DomainConfig,
    StageConfig,
)
from infra.stages import stage

PREFIX: Final = "BILDWERK_DEPLOY_"

VARIABLES: Final[Mapping[str, str]] = {
    "STAGE": "One of infra/stages.py: dev (the default) or production.",
    "REGION": f"Where the stack lives; {CLOUDFRONT_REGION} if blank. With another, two small stacks come with it.",
    "IMAGE": "repository@sha256:..., in the stack's region; blank builds the Dockerfile.",
    "RELEASE": "Name of what is deployed, for the tag v-<release>: letters, digits, dots, hyphens, underscores.",
    "DOMAIN": "A name of your own, like img.example.com.",
    "CERTIFICATE_ARN": f"Its certificate, in {CLOUDFRONT_REGION}; blank asks for one in the hosted zone.",
    "HOSTED_ZONE_ID": "The Route 53 zone of the domain.",
    "HOSTED_ZONE_NAME": "That zone's name.",
    "HTTP_SOURCES": "true lets sources be http(s) URLs, through NAT; false (the default) keeps tasks off the internet.",
    "CANARY": "true gives new releases 10 % of the requests first.",
    "ACCOUNT_LOG_ROLE": "true sets API Gateway's log role of account and region, which must be there for access logs.",
    "RESERVE_CONCURRENCY": "false for an account whose Lambda quota is still 10: nothing can be reserved there.",
    "ALARM_EMAIL": "Who gets the alarms.",
    "ALLOW_ORIGINS": "Origins of web pages that may use the upload API, separated by commas.",
    "ORIGIN_HEADER_GENERATION": "Raised by one to rotate the secret between CloudFront and the load balancer.",
}


def _boolean(name: str, text: str) -> bool:
    if text not in {"true", "false"}:
        raise ConfigurationError(f"{PREFIX}{name} is {text!r}: write true or false.")
    return text == "true"


def _count(name: str, text: str) -> int:
    if not text.isdecimal() or not text.isascii():
        raise ConfigurationError(f"{PREFIX}{name} is {text!r}: write a whole number.")
    return int(text)


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    for name in sorted(environment):
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in VARIABLES:
            near = get_close_matches(name.removeprefix(PREFIX), VARIABLES, n=1)
            hint = f"did you mean {PREFIX}{near[0]}?" if near else f"known are {', '.join(VARIABLES)}."
            raise ConfigurationError(f"unknown variable {name}: {hint}")


def _domain(given: Mapping[str, str]) -> DomainConfig | None:
    if "DOMAIN" not in given:
        orphans = sorted({"CERTIFICATE_ARN", "HOSTED_ZONE_ID", "HOSTED_ZONE_NAME"} & given.keys())
        if orphans:
            raise ConfigurationError(f"{PREFIX}{orphans[0]} without a domain: write {PREFIX}DOMAIN as well.")
        return None
    return DomainConfig(
        name=given["DOMAIN"],
        certificate_arn=given.get("CERTIFICATE_ARN", ""),
        hosted_zone_id=given.get("HOSTED_ZONE_ID", ""),
        hosted_zone_name=given.get("HOSTED_ZONE_NAME", ""),
    )


def read_configuration(environment: Mapping[str, str]) -> StageConfig:
    """The deployment that the environment asks for; `ConfigurationError` says what to write instead."""
    _refuse_unknown(environment)
    given = {name: text for name in VARIABLES if (text := environment.get(f"{PREFIX}{name}", "").strip())}
    base = stage(given.get("STAGE", "dev"), given.get("REGION", CLOUDFRONT_REGION))
    origins = tuple(origin.strip() for origin in given.get("ALLOW_ORIGINS", "").split(",") if origin.strip())
    generation = given.get("ORIGIN_HEADER_GENERATION", str(base.delivery.origin_header_generation))
    return replace(
        base,
        network=replace(base.network, http_sources=_boolean("HTTP_SOURCES", given.get("HTTP_SOURCES", "false"))),
        renderer=replace(
            base.renderer,
            image=given.get("IMAGE", base.renderer.image),
            release=given.get("RELEASE", base.renderer.release),
            canary=_boolean("CANARY", given.get("CANARY", "false")),
        ),
        delivery=replace(
            base.delivery,
            domain=_domain(given),
            origin_header_generation=_count("ORIGIN_HEADER_GENERATION", generation),
        ),
        api=replace(
            base.api,
            allow_origins=origins or base.api.allow_origins,
            account_log_role=_boolean("ACCOUNT_LOG_ROLE", given.get("ACCOUNT_LOG_ROLE", "false")),
            reserve_concurrency=_boolean("RESERVE_CONCURRENCY", given.get("RESERVE_CONCURRENCY", "true")),
        ),
        monitoring=replace(base.monitoring, alarm_email=given.get("ALARM_EMAIL", base.monitoring.alarm_email)),
    )
