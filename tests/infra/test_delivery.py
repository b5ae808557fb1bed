"""CloudFront before the load balancer: keys, times, headers, tags, TLS, log, and the way to the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Match, Template

from infra.config import CLOUDFRONT_REGION, ConfigurationError, DeliveryConfig, DomainConfig, RendererConfig
from infra.delivery.accept.source import NEGOTIABLE, function_source
from infra.delivery.caching import ERROR_SECONDS
from infra.delivery.delivery import Delivery
from infra.delivery.edge import Edge
from infra.delivery.origin_shield import shield_region
from infra.network import Network
from infra.rendering.load_balancer import LoadBalancer
from infra.secrets import ORIGIN_HEADER_NAME, Secrets
from infra.stages import development
from infra.storage import Storage
from infra.timeouts import IDLE_SECONDS
from renderer.web.headers import CONTENT_SECURITY_POLICY
from tests.infra.template_reading import only

ALL = ("dev", "production", "europe", "http_sources")
SVG = {"*.svg", "*@svg"}
CERTIFICATE = f"arn:aws:acm:{CLOUDFRONT_REGION}:123456789012:certificate/12345678-1234-1234-1234-123456789012"


def distribution(template: Template) -> dict[str, Any]:
    """What CloudFront is told."""
    return dict(only(template, "AWS::CloudFront::Distribution")["DistributionConfig"])


def origin(template: Template) -> dict[str, Any]:
    """The one origin."""
    (found,) = distribution(template)["Origins"]
    return dict(found)


def server_environment(template: Template) -> dict[str, Any]:
    """What the server's container is given."""
    (container,) = only(template, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return {entry["Name"]: entry["Value"] for entry in container["Environment"]}


def behaviors(template: Template) -> dict[str, dict[str, Any]]:
    """By path; the default one under `*`."""
    config = distribution(template)
    return {"*": config["DefaultCacheBehavior"]} | {found["PathPattern"]: found for found in config["CacheBehaviors"]}


def cache_policy(template: Template, behavior: Mapping[str, Any]) -> dict[str, Any]:
    """What a behavior's key and times are."""
    policy = template.find_resources("AWS::CloudFront::CachePolicy")[behavior["CachePolicyId"]["Ref"]]
    return dict(policy["Properties"]["CachePolicyConfig"])


def delivery(config: DeliveryConfig, renderer: RendererConfig | None = None, *, generation: int = 1) -> Template:
    """Delivery with what it needs, and nothing else, in us-east-1."""
    stack = Stack(App(analytics_reporting=False), "Delivery", env=Environment(region=CLOUDFRONT_REGION))
    renderer = renderer or RendererConfig()
    storage = Storage(stack, "Storage", retain=False, allow_origins=())
    network = Network(
        stack, "Network", config=development().network, buckets=(storage.originals,), log_retention_days=7
    )
    headers = Secrets(stack, "Secrets", retain=False, origin_header_generation=generation).origin_headers
    load_balancer = LoadBalancer(
        stack,
        "LoadBalancer",
        network=network,
        access_logs=storage.access_logs,
        origin_headers=headers,
        renderer=renderer,
        retain=False,
    )
    Delivery(
        stack,
        "Delivery",
        config=config,
        edge=Edge(stack, "Edge", config=config, log_retention_days=7),
        load_balancer=load_balancer,
        origin_header=headers[0],
        timeout_seconds=renderer.timeout_seconds,
        log_retention_days=7,
    )
    return Template.from_stack(stack)


@pytest.mark.parametrize("name", ALL)
def test_row_03_viewers_come_by_https_and_stay(templates: Mapping[str, Template], name: str) -> None:
    """HTTP is redirected on all paths, and browsers are told for a year; HTTP/3 and IPv6 are on."""
    template = templates[name]
    headers = only(template, "AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]

    for behavior in behaviors(template).values():
        assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"
        assert behavior["ResponseHeadersPolicyId"]
    assert headers["SecurityHeadersConfig"]["StrictTransportSecurity"] == {
        "AccessControlMaxAgeSec": 31_536_000,
        "IncludeSubdomains": False,
        "Override": True,
        "Preload": False,
    }
    assert distribution(template)["HttpVersion"] == "http2and3"
    assert distribution(template)["IPV6Enabled"] is True


def test_row_03_a_domain_speaks_tls_1_2_or_newer(templates: Mapping[str, Template]) -> None:
    """With its certificate, which comes from us-east-1, and by name alone (SNI)."""
    config = distribution(templates["europe"])

    assert config["Aliases"] == ["img.example.com"]
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert config["ViewerCertificate"]["SslSupportMethod"] == "sni-only"
    assert config["ViewerCertificate"]["AcmCertificateArn"]


@pytest.mark.parametrize("name", ["dev", "production", "http_sources"])
def test_row_03_without_a_domain_cloudfronts_certificate_is_used(templates: Mapping[str, Template], name: str) -> None:
    """Its lowest TLS version is CloudFront's choice: what has no effect is not written."""
    config = distribution(templates[name])

    assert "ViewerCertificate" not in config
    assert "Aliases" not in config
    templates[name].resource_count_is("AWS::Route53::RecordSet", 0)


def test_a_domain_in_a_zone_points_to_the_distribution(templates: Mapping[str, Template]) -> None:
    """Over IPv4 and IPv6, as aliases."""
    records = templates["europe"].find_resources("AWS::Route53::RecordSet").values()

    assert {record["Properties"]["Type"] for record in records} == {"A", "AAAA"}
    for record in records:
        assert record["Properties"]["Name"] == "img.example.com."
        assert record["Properties"]["HostedZoneId"] == "Z0123456789EXAMPLE"
        assert record["Properties"]["AliasTarget"]["DNSName"]["Fn::GetAtt"][1] == "DomainName"


def test_what_is_given_and_what_is_off_stays_so() -> None:
    """A certificate of one's own without a zone makes no records, and Origin Shield can be left out."""
    domain = DomainConfig(name="img.example.com", certificate_arn=CERTIFICATE)
    template = delivery(DeliveryConfig(domain=domain, origin_shield=False, price_class="200"), generation=3)

    template.resource_count_is("AWS::Route53::RecordSet", 0)
    assert distribution(template)["ViewerCertificate"]["AcmCertificateArn"] == CERTIFICATE
    assert distribution(template)["PriceClass"] == "PriceClass_200"
    assert origin(template).get("OriginShield", {"Enabled": False}) == {"Enabled": False}
    (header,) = origin(template)["OriginCustomHeaders"]
    assert "OriginHeader3" in json.dumps(header), "the newest secret is shown"


@pytest.mark.parametrize("name", ALL)
def test_row_08_the_key_is_the_path_and_the_reduced_accept(templates: Mapping[str, Template], name: str) -> None:
    """No query, no cookies, and by encoding only for SVG; the function that reduces `Accept` runs on every path."""
    template = templates[name]
    found = behaviors(template)
    assert set(found) == {"*", *SVG}

    for path, behavior in found.items():
        key = cache_policy(template, behavior)["ParametersInCacheKeyAndForwardedToOrigin"]
        assert key["HeadersConfig"] == {"HeaderBehavior": "whitelist", "Headers": ["Accept"]}
        assert key["QueryStringsConfig"] == {"QueryStringBehavior": "none"}
        assert key["CookiesConfig"] == {"CookieBehavior": "none"}
        by_encoding = path in SVG
        assert key["EnableAcceptEncodingGzip"] is key["EnableAcceptEncodingBrotli"] is by_encoding
        assert behavior["Compress"] is by_encoding
        (function,) = behavior["FunctionAssociations"]
        assert function["EventType"] == "viewer-request"
        (name_of_function,) = template.find_resources("AWS::CloudFront::Function")
        assert function["FunctionARN"]["Fn::GetAtt"] == [name_of_function, "FunctionARN"]


@pytest.mark.parametrize("name", ALL)
def test_row_08_the_function_is_the_one_that_is_tested(templates: Mapping[str, Template], name: str) -> None:
    """For the formats that the server has on, in the runtime that its tests are written for."""
    function = only(templates[name], "AWS::CloudFront::Function")
    environment = server_environment(templates[name])
    formats = [name for name in NEGOTIABLE if environment.get(f"IMGPROXY_AUTO_{name.upper()}") == "true"]

    assert formats
    assert not any(name.startswith("IMGPROXY_ENFORCE_") for name in environment)
    assert function["FunctionCode"] == function_source(formats)
    assert function["FunctionConfig"]["Runtime"] == "cloudfront-js-2.0"
    assert function["AutoPublish"] is True


@pytest.mark.parametrize("name", ALL)
def test_pictures_are_kept_as_long_as_the_server_says(templates: Mapping[str, Template], name: str) -> None:
    """From not at all to a year; a day where it says nothing."""
    for behavior in behaviors(templates[name]).values():
        policy = cache_policy(templates[name], behavior)
        assert (policy["MinTTL"], policy["DefaultTTL"], policy["MaxTTL"]) == (0, 86_400, 31_536_000)


@pytest.mark.parametrize("name", ALL)
def test_row_09_cloudfront_reads_the_tags_that_the_server_writes(templates: Mapping[str, Template], name: str) -> None:
    """One header name on both sides, and no policy takes it away before."""
    template = templates[name]
    header = server_environment(template)["BILDWERK_CACHE_TAG_HEADER"]

    assert distribution(template)["CacheTagConfig"] == {"HeaderName": header}
    headers = only(template, "AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
    assert "RemoveHeadersConfig" not in headers


@pytest.mark.parametrize("name", ALL)
def test_row_10_errors_are_soon_asked_for_again(templates: Mapping[str, Template], name: str) -> None:
    """5xx within five seconds; a 404 within a minute, even when three layers of caches add up."""
    responses = distribution(templates[name])["CustomErrorResponses"]
    seconds = {response["ErrorCode"]: response["ErrorCachingMinTTL"] for response in responses}

    assert seconds == ERROR_SECONDS
    assert {500, 502, 503, 504} <= set(seconds)
    assert all(age <= 5 for status, age in seconds.items() if status >= 500)
    assert 3 * seconds[404] <= 60
    assert all(age <= 60 for age in seconds.values())
    assert all("ResponsePagePath" not in response for response in responses), "the server's own pages are sent"


@pytest.mark.parametrize("name", ALL)
def test_row_01_the_origin_is_the_internal_load_balancer(templates: Mapping[str, Template], name: str) -> None:
    """Through a VPC origin, by HTTP inside the VPC, with a secret that is in the template by reference only."""
    template = templates[name]
    vpc_origin = only(template, "AWS::CloudFront::VpcOrigin")["VpcOriginEndpointConfig"]
    (balancer,) = template.find_resources("AWS::ElasticLoadBalancingV2::LoadBalancer")
    (header,) = origin(template)["OriginCustomHeaders"]

    assert vpc_origin["Arn"] == {"Ref": balancer}
    assert vpc_origin["OriginProtocolPolicy"] == "http-only"
    assert "CustomOriginConfig" not in origin(template)
    assert header["HeaderName"] == ORIGIN_HEADER_NAME
    assert header["HeaderValue"]["Fn::Join"][1][0] == "{{resolve:secretsmanager:"


@pytest.mark.parametrize("name", ALL)
def test_row_01_a_new_secret_is_accepted_before_it_is_shown(templates: Mapping[str, Template], name: str) -> None:
    """The distribution changes after the rule of the listener that compares the header."""
    template = templates[name]
    (made,) = template.find_resources("AWS::CloudFront::Distribution").values()
    rules = template.find_resources(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        {"Properties": {"Conditions": Match.array_with([Match.object_like({"Field": "http-header"})])}},
    )

    assert rules
    assert set(rules) <= set(made["DependsOn"])


@pytest.mark.parametrize("name", ALL)
def test_cloudfront_waits_a_little_longer_than_the_server(templates: Mapping[str, Template], name: str) -> None:
    """So the server's own answer says what was late; the load balancer holds the connection longer still."""
    template = templates[name]
    deadline = int(server_environment(template)["IMGPROXY_TIMEOUT"])
    vpc = origin(template)["VpcOriginConfig"]

    assert deadline < vpc["OriginReadTimeout"] <= deadline + 10
    assert max(vpc["OriginReadTimeout"], vpc["OriginKeepaliveTimeout"]) < IDLE_SECONDS
    assert origin(template)["ConnectionAttempts"] == 2


@pytest.mark.parametrize(
    ("name", "region"), [("production", CLOUDFRONT_REGION), ("europe", "eu-central-1"), ("dev", CLOUDFRONT_REGION)]
)
def test_origin_shield_is_beside_the_load_balancer(templates: Mapping[str, Template], name: str, region: str) -> None:
    """One cache in front of the server asks for each picture once."""
    assert origin(templates[name])["OriginShield"] == {"Enabled": True, "OriginShieldRegion": region}


@pytest.mark.parametrize(
    ("region", "shield"),
    [("eu-west-1", "eu-west-1"), ("eu-west-3", "eu-west-2"), ("ca-central-1", "us-east-1"), ("us-west-1", "us-west-2")],
)
def test_regions_without_origin_shield_use_the_nearest(region: str, shield: str) -> None:
    """As AWS recommends them."""
    assert shield_region(region) == shield


def test_a_region_that_nobody_knows_a_shield_for_says_what_to_write() -> None:
    """Instead of a deployment that CloudFront refuses after minutes."""
    with pytest.raises(ConfigurationError, match="origin_shield=False"):
        shield_region("xx-nowhere-1")


@pytest.mark.parametrize("name", ALL)
def test_only_what_logs_need_goes_to_the_server(templates: Mapping[str, Template], name: str) -> None:
    """Never `Host`, cookies or queries; methods are those of pictures."""
    template = templates[name]
    policy = only(template, "AWS::CloudFront::OriginRequestPolicy")["OriginRequestPolicyConfig"]

    assert policy["HeadersConfig"]["HeaderBehavior"] == "whitelist"
    assert set(policy["HeadersConfig"]["Headers"]) == {"CloudFront-Viewer-Address", "X-Request-ID"}
    assert policy["CookiesConfig"] == {"CookieBehavior": "none"}
    assert policy["QueryStringsConfig"] == {"QueryStringBehavior": "none"}
    for behavior in behaviors(template).values():
        assert behavior["OriginRequestPolicyId"]
        assert set(behavior["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS"}


def test_answers_that_are_not_the_servers_are_as_harmless(templates: Mapping[str, Template]) -> None:
    """The policy of contents is the server's own, and the server's wins; types are never guessed."""
    policy = only(templates["production"], "AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
    headers = policy["SecurityHeadersConfig"]

    assert headers["ContentTypeOptions"] == {"Override": True}
    assert headers["ContentSecurityPolicy"] == {
        "ContentSecurityPolicy": CONTENT_SECURITY_POLICY,
        "Override": False,
    }


@pytest.mark.parametrize("name", [*ALL, "watch"])
def test_row_17_viewers_requests_are_logged_for_a_while(templates: Mapping[str, Template], name: str) -> None:
    """As JSON, with retention, without cookies and queries; in us-east-1, because CloudFront logs from nowhere else."""
    template = templates[name]
    if name == "europe":
        template.resource_count_is("AWS::Logs::Delivery", 0)
        return
    source, destination = only(template, "AWS::Logs::DeliverySource"), only(template, "AWS::Logs::DeliveryDestination")
    sent = only(template, "AWS::Logs::Delivery")
    group = template.find_resources("AWS::Logs::LogGroup")[destination["DestinationResourceArn"]["Fn::GetAtt"][0]]

    assert source["LogType"] == "ACCESS_LOGS"
    assert ":distribution/" in json.dumps(source["ResourceArn"])
    assert sent["DeliverySourceName"] == source["Name"]
    assert destination["OutputFormat"] == "json"
    assert group["Properties"]["RetentionInDays"] > 0
    assert set(sent["RecordFields"]) >= {"sc-status", "x-edge-result-type", "x-edge-request-id", "time-taken"}
    assert not {"cs(Cookie)", "cs-uri-query", "x-forwarded-for"} & set(sent["RecordFields"])


def test_the_log_of_a_distribution_elsewhere_is_in_us_east_1(stacks: Mapping[str, Stack]) -> None:
    """Its stack comes after the one that has the distribution."""
    assert stacks["watch"].region == CLOUDFRONT_REGION
    assert stacks["europe"].region != CLOUDFRONT_REGION
    assert stacks["europe"] in stacks["watch"].dependencies


@pytest.mark.parametrize("name", ALL)
def test_hit_rate_and_origin_latency_are_measured(templates: Mapping[str, Template], name: str) -> None:
    """Alarms and the dashboard need CloudFront's additional metrics."""
    templates[name].has_resource_properties(
        "AWS::CloudFront::MonitoringSubscription",
        {
            "MonitoringSubscription": {
                "RealtimeMetricsSubscriptionConfig": {"RealtimeMetricsSubscriptionStatus": "Enabled"}
            }
        },
    )


@pytest.mark.parametrize(("name", "price_class"), [("dev", "PriceClass_100"), ("production", "PriceClass_All")])
def test_price_class(templates: Mapping[str, Template], name: str, price_class: str) -> None:
    """As the stage says; a site of the world is near everybody."""
    assert distribution(templates[name])["PriceClass"] == price_class


def test_the_longest_deadline_still_fits() -> None:
    """What the configuration allows at the most is within CloudFront's 120 seconds, and reaches it."""
    template = delivery(DeliveryConfig(), RendererConfig(timeout_seconds=90))

    assert 90 < origin(template)["VpcOriginConfig"]["OriginReadTimeout"] <= 120
