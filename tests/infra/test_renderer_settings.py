"""The environment of server and functions: every name is a setting, and the server starts with exactly this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from aws_cdk.assertions import Template

from api.settings import TABLES as API_TABLES
from api.settings import UploadSettings
from infra.config import ConfigurationError, NetworkConfig, RendererConfig, StageConfig
from infra.rendering.renderer_settings import server_environment
from infra.stages import development, production
from renderer.settings.load import Settings, load_settings, unknown_settings
from tests.infra.renderer_parts import renderer_stack
from tests.infra.template_reading import container, environment, properties

STAGES = ("dev", "production", "europe", "http_sources", "canary_iam")
SIGNING = {"IMGPROXY_KEY": "00ff" * 32, "IMGPROXY_SALT": "ff00" * 32}
"""What Secrets Manager makes up looks like this."""
MIB = 1_048_576


def _loaded(config: RendererConfig, *, http_sources: bool = False) -> Settings:
    given = server_environment(
        config,
        originals="the-originals",
        results="the-results",
        region="us-east-1",
        service_name="Bildwerk-dev",
        http_sources=http_sources,
    )
    return load_settings({**given, **SIGNING})


@pytest.mark.parametrize("stage", STAGES)
def test_every_variable_of_server_and_functions_is_a_setting(templates: Mapping[str, Template], stage: str) -> None:
    """A misspelled name would be a warning in a log that nobody reads."""
    template = templates[stage]
    server = [*environment(template), *(one["Name"] for one in container(template)["Secrets"])]
    functions = [
        name
        for function in properties(template, "AWS::Lambda::Function")
        for name in function.get("Environment", {}).get("Variables", {})
    ]

    assert "IMGPROXY_USE_S3" in server
    assert "BILDWERK_BUCKET" in functions
    assert unknown_settings(server) == []
    assert unknown_settings(functions, API_TABLES.values()) == []


@pytest.mark.parametrize(
    "config",
    [
        development(),
        production(),
        replace(production("eu-central-1"), network=NetworkConfig(http_sources=True)),
        StageConfig(name="tiny", region="us-east-1", renderer=RendererConfig(cpu_units=256, memory_mib=512)),
        StageConfig(name="huge", region="us-east-1", renderer=RendererConfig(cpu_units=8192, memory_mib=61440)),
    ],
    ids=lambda config: f"{config.name} {config.region}",
)
def test_the_server_loads_exactly_what_its_container_is_given(config: StageConfig) -> None:
    """By the loader that `bildwerk serve` starts with, which refuses what it does not understand."""
    stack = renderer_stack(config)
    given = {name: value.strip("<>") for name, value in environment(stack.template).items()}
    given["IMGPROXY_ALLOWED_SOURCES"] = given["IMGPROXY_ALLOWED_SOURCES"].replace("<", "").replace(">", "")
    settings = load_settings({**given, **SIGNING})

    assert settings.s3.enabled
    assert settings.s3.region == settings.results.s3_region == config.region
    assert settings.s3.allowed_buckets == (given["IMGPROXY_S3_ALLOWED_BUCKETS"],)
    assert settings.log.format == "json"
    assert settings.server.timeout_seconds == config.renderer.timeout_seconds


def test_pictures_come_from_the_bucket_of_originals_and_nowhere_else() -> None:
    """By bucket and by URL, and no address inside the VPC."""
    settings = _loaded(RendererConfig())

    assert settings.s3.allowed_buckets == ("the-originals",)
    (allowed,) = settings.sources.allowed_sources
    assert allowed.match("s3://the-originals/shoes/1.jpg")
    assert not any(
        map(allowed.match, ("s3://the-originals-2/1.jpg", "local:///etc/passwd", "https://example.com/1.jpg"))
    )


def test_http_sources_never_lead_into_the_vpc() -> None:
    """The default lets private addresses pass; here they are the load balancer, endpoints and credentials."""
    settings = _loaded(RendererConfig(), http_sources=True)

    assert not settings.sources.allow_private_source_addresses
    assert not settings.sources.allow_loopback_source_addresses
    assert not settings.sources.allow_link_local_source_addresses


@pytest.mark.parametrize(("cpu_units", "memory_mib"), [(256, 512), (1024, 2048), (2048, 4096), (8192, 16384)])
def test_what_a_task_holds_fits_into_its_memory(cpu_units: int, memory_mib: int) -> None:
    """Results, sources and what waits to be written leave more than half of it to pixels and Python."""
    settings = _loaded(RendererConfig(cpu_units=cpu_units, memory_mib=memory_mib))
    held = settings.results.memory_bytes + settings.sources.max_source_bytes_in_flight

    assert held <= memory_mib * MIB / 2
    assert settings.server.process_max_memory_bytes * settings.server.processes < memory_mib * MIB


@pytest.mark.parametrize(("cpu_units", "processes"), [(256, 1), (512, 1), (1024, 1), (2048, 2), (8192, 8)])
def test_a_process_for_each_cpu_that_is_paid_for(cpu_units: int, processes: int) -> None:
    """A Fargate task may see more CPUs than it may use (decision 0006)."""
    settings = _loaded(
        RendererConfig(cpu_units=cpu_units, memory_mib={256: 512, 512: 1024}.get(cpu_units, cpu_units * 2))
    )

    assert (settings.server.processes, settings.server.workers) == (processes, 2 * processes)


@pytest.mark.parametrize(("cpu_units", "memory_mib"), [(256, 512), (1024, 2048), (8192, 16384)])
def test_who_gets_a_place_in_the_queue_is_answered_in_time(cpu_units: int, memory_mib: int) -> None:
    """The rest is told 429 at once, instead of 503 at the deadline."""
    config = RendererConfig(cpu_units=cpu_units, memory_mib=memory_mib)
    queue = _loaded(config).server.requests_queue_size
    seconds = queue / (config.scaling.pictures_per_second_per_vcpu * config.vcpus)

    assert queue >= 1
    assert seconds <= config.timeout_seconds / 4 + 0.5


def test_a_company_may_set_more_and_set_it_otherwise() -> None:
    """`config.settings` wins."""
    settings = _loaded(RendererConfig(settings=(("IMGPROXY_QUALITY", "72"), ("BILDWERK_BROWSER_TTL", "60"))))

    assert settings.formats.quality == 72
    assert settings.server.browser_ttl_seconds == 60


@pytest.mark.parametrize(
    "name", ["IMGPROXY_TIMEOUT", "IMGPROXY_BIND", "IMGPROXY_CACHE_BUCKET", "IMGPROXY_AUTO_JXL", "IMGPROXY_S3_ENDPOINT"]
)
def test_what_the_rest_of_the_stack_relies_on_cannot_be_set_otherwise(name: str) -> None:
    """A longer deadline than CloudFront waits for, or a port that no health check asks, would be found in operation."""
    with pytest.raises(ConfigurationError, match=f"settings has {name}, .*leave it out"):
        _loaded(RendererConfig(settings=((name, "1"),)))


def test_the_server_renders_whatever_the_upload_api_takes() -> None:
    """And every such source fits into what may be in memory at once, in the smallest task."""
    settings = _loaded(RendererConfig(cpu_units=256, memory_mib=512))

    assert settings.sources.max_src_file_size == UploadSettings().max_large_bytes
    assert settings.sources.max_src_file_size <= settings.sources.max_source_bytes_in_flight


def test_browsers_forget_soon_what_the_cdn_keeps_for_long() -> None:
    """A purge reaches CloudFront, not browsers."""
    server = _loaded(RendererConfig()).server

    assert server.browser_ttl_seconds is not None
    assert server.browser_ttl_seconds <= 600
    assert server.ttl_seconds >= 30 * 86_400
