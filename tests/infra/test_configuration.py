"""What a company may write, and the sentence that it gets for what cannot be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.config import ConfigurationError, NetworkConfig, RendererConfig, ScalingConfig, StageConfig
from infra.environment import PREFIX, VARIABLES, read_configuration
from tests.infra.programs import ROOT, ended

CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/0a1b2c3d-0000-4000-8000-000000000000"
PINNED = f"registry.example.com/bildwerk@sha256:{'0' * 64}"


def read(**given: str) -> StageConfig:
    """The configuration of an environment with these variables."""
    return read_configuration({f"{PREFIX}{name}": text for name, text in given.items()})


def test_an_empty_environment_is_the_development_stage() -> None:
    """`cdk deploy` needs no variable at all."""
    config = read_configuration({"HOME": "somewhere", "BILDWERK_BUCKET": "not ours"})

    assert (config.name, config.region, config.retain, config.delivery.domain) == ("dev", "us-east-1", False, None)


def test_every_variable_reaches_the_configuration() -> None:
    """A variable without effect would be a promise broken in silence."""
    config = read(
        STAGE="production",
        REGION="eu-central-1",
        IMAGE=PINNED,
        RELEASE="2026-11-27",
        DOMAIN="img.example.com",
        CERTIFICATE_ARN=CERTIFICATE,
        HOSTED_ZONE_ID="Z1",
        HOSTED_ZONE_NAME="example.com",
        HTTP_SOURCES="true",
        CANARY="true",
        ACCOUNT_LOG_ROLE="true",
        RESERVE_CONCURRENCY="false",
        ALARM_EMAIL="night@example.com",
        ALLOW_ORIGINS="https://a.example.com, https://b.example.com",
        ORIGIN_HEADER_GENERATION="3",
    )
    domain = config.delivery.domain

    assert domain is not None
    assert (domain.name, domain.certificate_arn) == ("img.example.com", CERTIFICATE)
    assert (domain.hosted_zone_id, domain.hosted_zone_name) == ("Z1", "example.com")
    assert (config.name, config.region, config.needs_edge_stack) == ("production", "eu-central-1", True)
    assert (config.renderer.image, config.renderer.release, config.renderer.canary) == (PINNED, "2026-11-27", True)
    assert config.network.http_sources
    assert (config.api.account_log_role, config.api.reserve_concurrency) == (True, False)
    assert config.monitoring.alarm_email == "night@example.com"
    assert config.api.allow_origins == ("https://a.example.com", "https://b.example.com")
    assert config.delivery.origin_header_generation == 3


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"STAGE": "prod"}, "unknown stage 'prod': write one of dev, production"),
        ({"REGION": "frankfurt"}, "write it like us-east-1"),
        ({"REGION": "cn-north-1"}, "use another region"),
        ({"IMAGE": "bildwerk:latest"}, "write repository@sha256:<64 hexadecimal digits>"),
        ({"RELEASE": "v 1"}, "write letters, digits, dots, hyphens and underscores"),
        ({"DOMAIN": "img.example.com"}, "write certificate_arn, of a certificate in us-east-1, or hosted_zone_id"),
        ({"DOMAIN": "img_example"}, "write it like img.example.com"),
        ({"DOMAIN": "img.example.com", "CERTIFICATE_ARN": CERTIFICATE.replace("us-east-1", "eu-west-1")}, "eu-west-1"),
        ({"DOMAIN": "img.example.com", "CERTIFICATE_ARN": "mine"}, "is not the ARN of a certificate"),
        ({"DOMAIN": "img.example.com", "HOSTED_ZONE_ID": "Z1"}, "write both or neither"),
        (
            {"DOMAIN": "img.example.com", "HOSTED_ZONE_ID": "Z1", "HOSTED_ZONE_NAME": "example.org"},
            "name the zone that it is in",
        ),
        ({"CERTIFICATE_ARN": CERTIFICATE}, "BILDWERK_DEPLOY_DOMAIN as well"),
        ({"HTTP_SOURCES": "yes"}, "write true or false"),
        ({"ALARM_EMAIL": "night"}, "write an address"),
        ({"ALLOW_ORIGINS": "editor.example.com"}, "write an origin like https://"),
        ({"ORIGIN_HEADER_GENERATION": "second"}, "write a whole number"),
        ({"ORIGIN_HEADER_GENERATION": "0"}, "counts from 1"),
        ({"DOMIAN": "img.example.com"}, "did you mean BILDWERK_DEPLOY_DOMAIN?"),
    ],
)
def test_a_bad_variable_is_refused_with_what_to_write(given: Mapping[str, str], sentence: str) -> None:
    """One sentence that names the way out."""
    with pytest.raises(ConfigurationError, match=".") as refusal:
        read(**given)

    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ScalingConfig(min_tasks=8, max_tasks=4), "raise max_tasks or lower min_tasks"),
        (lambda: ScalingConfig(min_tasks=1), "write 2 or more"),
        (lambda: ScalingConfig(cpu_percent=100), "write 10 to 90"),
        (lambda: ScalingConfig(pictures_per_second_per_vcpu=0), "what `make bench` measured"),
        (lambda: RendererConfig(cpu_units=1000), "write one of 256, 512, 1024"),
        (lambda: RendererConfig(cpu_units=1024, memory_mib=512), "write 2048 to 8192"),
        (lambda: RendererConfig(timeout_seconds=200), "write 2 to 90"),
        (lambda: RendererConfig(settings=(("IMGPROXY_KEY", "abcd"),)), "put secrets into Secrets Manager"),
        (lambda: NetworkConfig(availability_zones=("eu-central-1a",)), "name at least two"),
        (lambda: NetworkConfig(nat_gateways=3), "write 1 to 2"),
        (lambda: NetworkConfig(cidr="10.20.0.0/33"), "write a private network like 10.20.0.0/16"),
        (lambda: NetworkConfig(cidr="9.0.0.0/16"), "write a private network like 10.20.0.0/16"),
        (
            lambda: StageConfig(
                name="x1", region="eu-west-1", network=NetworkConfig(availability_zones=("us-east-1a", "us-east-1b"))
            ),
            "which is not in eu-west-1",
        ),
    ],
)
def test_a_bad_stage_is_refused_with_what_to_write(make: type[StageConfig], sentence: str) -> None:
    """A stage that a company wrote wrong never becomes a template."""
    with pytest.raises(ConfigurationError, match=".") as refusal:
        make()

    assert sentence in str(refusal.value)


def test_the_application_ends_with_the_sentence_and_no_traceback(tmp_path: Path) -> None:
    """What `cdk synth` shows for a domain without a certificate."""
    environment = {**os.environ, f"{PREFIX}DOMAIN": "img.example.com", "CDK_OUTDIR": str(tmp_path / "out")}

    done = ended("infra.app", environment=environment)

    assert done.returncode != 0
    assert "bildwerk: domain img.example.com has no certificate: write certificate_arn" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_every_variable_is_told_in_the_readme() -> None:
    """Who deploys finds each variable in one table, in the words of this one."""
    readme = (ROOT / "infra" / "README.md").read_text(encoding="utf-8")

    rows = {name: f"| `{PREFIX}{name}` | {what} |" for name, what in VARIABLES.items()}
    assert [name for name, row in rows.items() if row not in readme] == []
