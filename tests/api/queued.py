"""What the tests of the purge share: messages of the queue, and SQS and CloudFront as moto's server has them."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from moto.server import ThreadedMotoServer

from api.problems import PurgeNotQueued
from api.purges.orders import PurgeOrder
from api.purges.sqs_queue import message_text
from renderer.cache.tags import original_tag

ORIGIN = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
DISTRIBUTION: dict[str, Any] = {
    "Comment": "",
    "Enabled": True,
    "Origins": {
        "Quantity": 1,
        "Items": [{"Id": "o", "DomainName": "example.com", "CustomOriginConfig": ORIGIN}],
    },
    "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all"},
}


def source_url(number: int = 0) -> str:
    """One of many originals."""
    return f"s3://pictures/{number}.jpg"


def tag(number: int = 0) -> str:
    """Its tag."""
    return original_tag(source_url(number))


def order(number: int = 0, *, is_repeat: bool = False) -> PurgeOrder:
    """An order to purge it."""
    return PurgeOrder(tag=tag(number), source_url=source_url(number), reason="stored", is_repeat=is_repeat)


def message(id: str, body: str, receives: int = 1) -> dict[str, Any]:
    """A record of Lambda's event for SQS."""
    return {
        "messageId": id,
        "receiptHandle": f"handle-{id}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(receives)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


def event(orders: Sequence[PurgeOrder], receives: int = 1) -> dict[str, Any]:
    """Lambda's event for messages `m0`, `m1`, ..."""
    return {"Records": [message(f"m{n}", message_text(order), receives) for n, order in enumerate(orders)]}


def failed(answer: dict[str, Any]) -> list[str]:
    """The ids of the messages that come again."""
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@dataclass
class ListQueue:
    """A queue in a list."""

    sent: list[tuple[PurgeOrder, int]] = field(default_factory=list)
    fails: bool = False

    def send(self, orders: Sequence[PurgeOrder], *, delay_seconds: int = 0) -> Sequence[str]:
        """Puts orders into it."""
        if self.fails:
            raise PurgeNotQueued("The queue does not answer.")
        self.sent += [(order, delay_seconds) for order in orders]
        return [f"message-{len(self.sent) - len(orders) + number}" for number in range(len(orders))]

    @property
    def tags(self) -> list[str]:
        """Those of all orders."""
        return [order.tag for order, _ in self.sent]


@contextmanager
def aws() -> Iterator[str]:
    """The address of moto's server."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def client(service: str, address: str) -> Iterator[Any]:
    """The SDK's client of a service behind an address."""
    session = botocore.session.Session()
    session.set_credentials("testing", "testing")
    with closing(session.create_client(service, region_name="us-east-1", endpoint_url=address)) as made:
        yield made


def new_distribution(cloudfront: Any) -> str:
    """The id of a distribution without invalidations."""
    config = {**DISTRIBUTION, "CallerReference": uuid.uuid4().hex}
    return str(cloudfront.create_distribution(DistributionConfig=config)["Distribution"]["Id"])


def invalidated(cloudfront: Any, distribution_id: str) -> dict[str, tuple[str, list[str]]]:
    """What CloudFront has recorded: by the invalidation's id its caller reference and its items."""
    recorded = {}
    pages = cloudfront.get_paginator("list_invalidations").paginate(DistributionId=distribution_id)
    for summary in [item for page in pages for item in page["InvalidationList"].get("Items", ())]:
        told = cloudfront.get_invalidation(DistributionId=distribution_id, Id=summary["Id"])
        batch = told["Invalidation"]["InvalidationBatch"]
        recorded[summary["Id"]] = batch["CallerReference"], batch["Paths"]["Items"]
    return recorded
