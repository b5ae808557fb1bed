"""The renderer's part of the stack alone, synthesised: storage, network, secrets, load balancer, service, scaling."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template

from infra.config import StageConfig
from infra.network import Network
from infra.rendering.autoscaling import Autoscaling
from infra.rendering.load_balancer import LoadBalancer
from infra.rendering.renderer_service import RendererService
from infra.secrets import Secrets
from infra.storage import Storage

DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class RendererStack:
    """What a test looks at: the constructs and what became of them."""

    stack: Stack
    storage: Storage
    network: Network
    secrets: Secrets
    load_balancer: LoadBalancer
    renderer: RendererService
    template: Template


def renderer_stack(config: StageConfig) -> RendererStack:
    """The constructs, composed as `infra/stack.py` composes them."""
    stack = Stack(App(analytics_reporting=False), "Renderer", env=Environment(region=config.region))
    storage = Storage(stack, "Storage", retain=config.retain, allow_origins=config.api.allow_origins)
    buckets = (storage.originals, storage.results)
    network = Network(stack, "Network", config=config.network, buckets=buckets, log_retention_days=DAYS)
    generation = config.delivery.origin_header_generation
    secrets = Secrets(stack, "Secrets", retain=config.retain, origin_header_generation=generation)
    load_balancer = LoadBalancer(
        stack,
        "LoadBalancer",
        network=network,
        access_logs=storage.access_logs,
        origin_headers=secrets.origin_headers,
        renderer=config.renderer,
        retain=config.retain,
    )
    renderer = RendererService(
        stack,
        "Renderer",
        config=config.renderer,
        http_sources=config.network.http_sources,
        network=network,
        storage=storage,
        secrets=secrets,
        load_balancer=load_balancer,
        log_retention_days=DAYS,
        retain=config.retain,
    )
    Autoscaling(stack, "Autoscaling", config=config.renderer, renderer=renderer, load_balancer=load_balancer)
    return RendererStack(
        stack=stack,
        storage=storage,
        network=network,
        secrets=secrets,
        load_balancer=load_balancer,
        renderer=renderer,
        template=Template.from_stack(stack),
    )
