"""The stack: composes the constructs, passes the outputs of one to the next, and makes the grants between them."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from infra.config import StageConfig
from infra.delivery.delivery import Delivery
from infra.delivery.edge import Edge
from infra.monitoring.monitoring import Monitoring
from infra.network import Network
from infra.rendering.autoscaling import Autoscaling
from infra.rendering.load_balancer import LoadBalancer
from infra.rendering.origin_firewall import OriginFirewall
from infra.rendering.renderer_service import RendererService
from infra.secrets import Secrets
from infra.storage import Storage
from infra.uploads.api_firewall import ApiFirewall
from infra.uploads.api_functions import ApiFunctions
from infra.uploads.purge_queue import PurgeQueue
from infra.uploads.upload_api import UploadApi


class BildwerkStack(Stack):
    """All of a stage in one region; with `edge` from another stack where that region is not us-east-1."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        packages: Path,
        edge: Edge | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(region=config.region),
            termination_protection=config.retain,
            cross_region_references=edge is not None,
            description=f"Bildwerk, stage {config.name}: pictures through CloudFront, ALB and Fargate; uploads through"
            " API Gateway and Lambda.",
        )
        days = config.monitoring.log_retention_days
        edge = edge or Edge(self, "Edge", config=config.delivery, log_retention_days=days)
        storage = Storage(self, "Storage", retain=config.retain, allow_origins=config.api.allow_origins)
        network = Network(
            self,
            "Network",
            config=config.network,
            buckets=(storage.originals, storage.results),
            log_retention_days=days,
        )
        secrets = Secrets(
            self,
            "Secrets",
            retain=config.retain,
            origin_header_generation=config.delivery.origin_header_generation,
        )
        load_balancer = LoadBalancer(
            self,
            "LoadBalancer",
            network=network,
            access_logs=storage.access_logs,
            origin_headers=secrets.origin_headers,
            renderer=config.renderer,
            retain=config.retain,
        )
        renderer = RendererService(
            self,
            "Renderer",
            config=config.renderer,
            http_sources=config.network.http_sources,
            network=network,
            storage=storage,
            secrets=secrets,
            load_balancer=load_balancer,
            log_retention_days=days,
            retain=config.retain,
        )
        Autoscaling(self, "Autoscaling", config=config.renderer, renderer=renderer, load_balancer=load_balancer)
        origin_firewall = OriginFirewall(
            self,
            "OriginFirewall",
            load_balancer=load_balancer,
            accepted=secrets.origin_headers if config.renderer.canary else (),
            log_retention_days=days,
        )
        delivery = Delivery(
            self,
            "Delivery",
            config=config.delivery,
            edge=edge,
            load_balancer=load_balancer,
            origin_header=secrets.origin_headers[0],
            timeout_seconds=config.renderer.timeout_seconds,
            log_retention_days=days,
        )
        # A new secret is shown only after the firewall knows it, as the rule of the load balancer does.
        delivery.distribution.node.add_dependency(origin_firewall)
        self.delivery = delivery
        purges = PurgeQueue(self, "Purges")
        functions = ApiFunctions(
            self,
            "Functions",
            config=config.api,
            packages=packages,
            storage=storage,
            purges=purges,
            distribution=delivery.distribution,
            tokens=secrets.api_tokens,
            timeout_seconds=config.renderer.timeout_seconds,
            log_retention_days=days,
        )
        api = UploadApi(self, "Api", config=config.api, functions=functions, log_retention_days=days)
        api_firewall = ApiFirewall(self, "ApiFirewall", config=config.api, api=api, log_retention_days=days)
        Monitoring(
            self,
            "Monitoring",
            config=config,
            edge=edge,
            delivery=delivery,
            load_balancer=load_balancer,
            renderer=renderer,
            storage=storage,
            functions=functions,
            api=api,
            purges=purges,
            firewalls=(origin_firewall, api_firewall),
        )
        CfnOutput(self, "PicturesUrl", value=delivery.url, description="Where processing URLs begin")
        CfnOutput(self, "ApiUrl", value=api.url, description="Where uploads and deletes go")
        CfnOutput(self, "OriginalsBucket", value=storage.originals.bucket_name)
        CfnOutput(self, "ResultsBucket", value=storage.results.bucket_name)
        CfnOutput(self, "TokensSecret", value=secrets.api_tokens.secret_name)
        CfnOutput(self, "SigningKeySecret", value=secrets.signing_key.secret_name)
        CfnOutput(self, "SigningSaltSecret", value=secrets.signing_salt.secret_name)
        CfnOutput(self, "DistributionId", value=delivery.distribution.distribution_id)
        CfnOutput(self, "ImageRepository", value=renderer.repository.repository_uri)
