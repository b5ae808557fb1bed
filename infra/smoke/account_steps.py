"""Steps that ask AWS itself: what CloudFormation made, and whether the services do with it what documents say."""

from __future__ import annotations

import ipaddress
import json
import socket
from typing import Any, Final
from urllib.parse import urlsplit

from infra.secrets import ORIGIN_HEADER_NAME
from infra.smoke.asking import ask, require
from infra.smoke.stack import Stage
from infra.smoke.steps import Seen, Step
from infra.smoke.visit import ALSO_AVIF, ANY, AVIF, WEBP, Visit

LOAD_BALANCER: Final = "AWS::ElasticLoadBalancingV2::LoadBalancer"
LISTENER: Final = "AWS::ElasticLoadBalancingV2::Listener"
DISTRIBUTION: Final = "AWS::CloudFront::Distribution"
FUNCTION: Final = "AWS::CloudFront::Function"
QUEUE: Final = "AWS::SQS::Queue"
SERVICE: Final = "AWS::ECS::Service"
CLUSTER: Final = "AWS::ECS::Cluster"

HTTP: Final = 80
MOST_COMPUTE_PERCENT: Final = 70
"""Of the time that CloudFront gives a function; at 100 it is throttled."""

CANONICAL: Final = {
    AVIF: "image/avif,image/webp,*/*",
    ALSO_AVIF: "image/avif,image/webp,*/*",
    WEBP: "image/webp,*/*",
    ANY: "*/*",
    "": "*/*",
    "text/html," + "x" * 8000: "*/*",
}
"""What the Accept function makes of what clients send (infra/delivery/accept)."""


def _stacks(visit: Visit) -> Seen:
    stage = visit.deployed
    for name, status in stage.statuses.items():
        require(bool(status), f"there is no stack {name}: deploy with --all")
        require(status.endswith("_COMPLETE") and "ROLLBACK" not in status, f"{name} is {status}")
    return Seen(text=", ".join(f"{name} {status}" for name, status in stage.statuses.items()))


def _origin(visit: Visit) -> Seen:
    stage = visit.deployed
    elb = stage.client("elbv2", stage.region)
    arn = stage.one(LOAD_BALANCER, "LoadBalancer").physical_id
    (balancer,) = elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    require(balancer["Scheme"] == "internal", f"the load balancer is {balancer['Scheme']}")
    rules = elb.describe_rules(ListenerArn=stage.one(LISTENER, "LoadBalancer").physical_id)["Rules"]
    require(_refuses_others(rules), f"the listener's rules let in more than CloudFront: {len(rules)} rules")
    host = balancer["DNSName"]
    public = [address for address in _addresses(host) if not ipaddress.ip_address(address).is_private]
    require(not public, f"{host} has public addresses: {', '.join(public)}")
    return Seen(text=f"internal, 403 without the secret header, {_from_here(host)}")


def _refuses_others(rules: list[Any]) -> bool:
    """Whether the default is a fixed 403, and every other rule wants the secret header."""
    for rule in rules:
        if rule["IsDefault"]:
            (action,) = rule["Actions"]
            if action.get("FixedResponseConfig", {}).get("StatusCode") != "403":
                return False
            continue
        named = [one.get("HttpHeaderConfig", {}).get("HttpHeaderName", "") for one in rule["Conditions"]]
        if ORIGIN_HEADER_NAME.lower() not in [name.lower() for name in named]:
            return False
    return any(rule["IsDefault"] for rule in rules)


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, HTTP, proto=socket.IPPROTO_TCP)
    except socket.gaierror:
        return []
    return sorted({str(address[4][0]) for address in found})


def _from_here(host: str) -> str:
    """What a request past CloudFront meets: nothing, or 403 where this program runs inside the VPC."""
    try:
        reply = ask(f"http://{host}/health")
    except OSError as error:
        return f"not to be reached from here ({type(error).__name__})"
    require(reply.status == 403, f"past CloudFront the load balancer answers {reply}")
    return "403 from inside the VPC"


def _distribution(visit: Visit) -> Seen:
    stage = visit.deployed
    id = stage.one(DISTRIBUTION, "DeliveryDistribution").physical_id
    found = stage.client("cloudfront", stage.region).get_distribution(Id=id)["Distribution"]
    config = found["DistributionConfig"]
    require(found["Status"] == "Deployed", f"the distribution is {found['Status']}: wait and ask again")
    header = config.get("CacheTagConfig", {}).get("HeaderName", "")
    require(header == "Cache-Tag", f"CloudFront reads cache tags from {header or 'no header'}")
    require(bool(config.get("WebACLId")), "no firewall is before the distribution")
    origins = config["Origins"]["Items"]
    require(all("VpcOriginConfig" in origin for origin in origins), "an origin is not inside the VPC")
    lowest = config["ViewerCertificate"].get("MinimumProtocolVersion", "")
    has_domain = bool(config.get("Aliases", {}).get("Quantity"))
    require(not has_domain or lowest.startswith(("TLSv1.2", "TLSv1.3")), f"the lowest TLS version is {lowest}")
    own = f"its domain with {lowest}" if has_domain else "CloudFront's own name, so TLS below 1.2 is possible"
    return Seen(text=f"{id} is deployed: cache tags, firewall, VPC origin, {own}")


def _accept_function(visit: Visit) -> Seen:
    stage = visit.deployed
    client = stage.client("cloudfront", stage.region)
    name = stage.one(FUNCTION, "DeliveryAccept").physical_id.rpartition("/")[2]
    etag = client.describe_function(Name=name, Stage="LIVE")["ETag"]
    most = 0
    for accept, expected in CANONICAL.items():
        event = json.dumps(_viewer_request(accept)).encode()
        result = client.test_function(Name=name, Stage="LIVE", IfMatch=etag, EventObject=event)["TestResult"]
        require(not result.get("FunctionErrorMessage"), f"it fails: {result.get('FunctionErrorMessage')}")
        headers = json.loads(result["FunctionOutput"])["request"]["headers"]
        value = headers.get("accept", {}).get("value", "")
        require(value == expected, f"of {accept[:60]!r} it makes {value!r}, not {expected!r}")
        most = max(most, int(result["ComputeUtilization"]))
    require(most <= MOST_COMPUTE_PERCENT, f"it takes {most} % of the time that it may take")
    text = f"{len(CANONICAL)} headers become {len(set(CANONICAL.values()))} values, {most} % of its time at the most"
    return Seen(text=text, figures={"compute_percent": most})


def _viewer_request(accept: str) -> dict[str, Any]:
    """An event as CloudFront documents it (Developer Guide, "CloudFront Functions event structure")."""
    headers = {"host": {"value": "img.example.com"}}
    if accept:
        headers["accept"] = {"value": accept}
    request = {"method": "GET", "uri": "/_/plain/s3://b/k", "querystring": {}, "headers": headers, "cookies": {}}
    return {
        "version": "1.0",
        "context": {"eventType": "viewer-request"},
        "viewer": {"ip": "192.0.2.1"},
        "request": request,
    }


def _tasks(visit: Visit) -> Seen:
    stage = visit.deployed
    ecs = stage.client("ecs", stage.region)
    service_arn, cluster = stage.one(SERVICE, "Renderer").physical_id, stage.one(CLUSTER, "Renderer").physical_id
    (service,) = ecs.describe_services(cluster=cluster, services=[service_arn])["services"]
    running, desired = service["runningCount"], service["desiredCount"]
    require(running >= desired >= 2, f"{running} tasks of {desired} run")
    states = {one.get("rolloutState", "COMPLETED") for one in service["deployments"]}
    require(states == {"COMPLETED"}, f"a deployment is {', '.join(sorted(states))}")
    rules = service["deploymentConfiguration"]
    breaker, alarms = rules.get("deploymentCircuitBreaker", {}), rules.get("alarms", {})
    goes_back = (breaker.get("enable"), breaker.get("rollback"), alarms.get("enable"), alarms.get("rollback"))
    require(all(goes_back), "a bad deployment would not go back by itself")
    tasks = ecs.describe_tasks(cluster=cluster, tasks=ecs.list_tasks(cluster=cluster)["taskArns"])["tasks"]
    ill = [
        task["healthStatus"] for task in tasks if task["lastStatus"] == "RUNNING" and task["healthStatus"] != "HEALTHY"
    ]
    require(not ill, f"{len(ill)} tasks are {', '.join(sorted(set(ill)))}")
    zones = {task["availabilityZone"] for task in tasks}
    require(len(zones) >= 2, f"all tasks are in {', '.join(zones)}")
    return Seen(text=f"{running} healthy tasks in {len(zones)} zones", figures={"tasks": running})


def _scaling(visit: Visit) -> Seen:
    stage = visit.deployed
    service = stage.one(SERVICE, "Renderer").physical_id.rpartition("service/")[2]
    client = stage.client("application-autoscaling", stage.region)
    policies = client.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=f"service/{service}")[
        "ScalingPolicies"
    ]
    tracked = {
        policy["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]["PredefinedMetricType"]
        for policy in policies
    }
    cpu = "ECSServiceAverageCPUUtilizationHighResolution"
    require(cpu in tracked, f"what is tracked is {', '.join(sorted(tracked)) or 'nothing'}, not {cpu}")
    names = [alarm["AlarmName"] for policy in policies for alarm in policy["Alarms"]]
    found = stage.client("cloudwatch", stage.region).describe_alarms(AlarmNames=names)["MetricAlarms"]
    blind = [
        one["AlarmName"] for one in found if one["MetricName"] == "CPUUtilization" and one["StateValue"] == _UNKNOWN
    ]
    require(not blind, f"no CPU is seen by {', '.join(blind)}: wait ten minutes after the first deployment")
    return Seen(text=f"{', '.join(sorted(tracked))}; {len(found)} alarms of its own, with data")


_UNKNOWN: Final = "INSUFFICIENT_DATA"


def _queues(visit: Visit) -> Seen:
    stage = visit.deployed
    waiting = {name: _messages(stage, name) for name in ("PurgesDeadLetters", "FunctionsFailures")}
    full = [f"{name}: {count}" for name, count in waiting.items() if count]
    require(not full, f"something was given up: {', '.join(full)} (runbook, purge-dead-letters and failed-events)")
    return Seen(text="no dead letters, no failed events")


def _messages(stage: Stage, queue: str) -> int:
    name = "ApproximateNumberOfMessages"
    url = stage.one(QUEUE, queue).physical_id
    found = stage.client("sqs", stage.region).get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(found["Attributes"][name])


def _address(visit: Visit) -> Seen:
    host = urlsplit(visit.pictures_url).hostname or ""
    addresses = _addresses(host)
    require(bool(addresses), f"{host} has no address: the DNS record is missing")
    families = sorted({ipaddress.ip_address(address).version for address in addresses})
    return Seen(text=f"{host}: {len(addresses)} addresses, IPv{' and IPv'.join(map(str, families))}")


STEPS: Final = (
    Step(name="stacks", claims="every stack of the stage is there and complete", look=_stacks, needs="stage"),
    Step(name="address", claims="the pictures' host name resolves", look=_address),
    Step(
        name="origin",
        claims="the load balancer is internal, and 403 to all but CloudFront",
        look=_origin,
        needs="stage",
    ),
    Step(
        name="distribution",
        claims="CloudFront took cache tags, firewall, VPC origin and TLS version",
        look=_distribution,
        needs="stage",
    ),
    Step(
        name="accept-function",
        claims="CloudFront's own runtime reduces Accept as node does",
        look=_accept_function,
        needs="stage",
    ),
    Step(
        name="tasks", claims="tasks are healthy in two zones; a bad release would go back", look=_tasks, needs="stage"
    ),
    Step(
        name="scaling", claims="CPU over 20 seconds is tracked, and its alarms have data", look=_scaling, needs="stage"
    ),
    Step(name="queues", claims="no purge and no event was given up", look=_queues, needs="stage"),
)
