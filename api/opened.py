"""Services from settings: the composition root of the API. Nothing is asked over the network before it is needed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from api.access.tokens import configured_tokens, secret_text
from api.metrics import Metrics, NoMetrics
from api.purges.invalidations import Invalidations
from api.purges.queue import PurgeQueue
from api.purges.results import StoredResults
from api.purges.sqs_queue import SqsQueue
from api.services import Services
from api.settings import ApiSettings
from api.stores.aws import Clients
from api.stores.folder_originals import FolderOriginals
from api.stores.incoming import S3Incoming
from api.stores.originals import Originals
from api.stores.s3_originals import S3Originals
from renderer.errors import ConfigurationError


def open_services(
    settings: ApiSettings,
    *,
    metrics: Metrics | None = None,
    queue: PurgeQueue | None = None,
    has_tokens: bool = True,
) -> Services:
    """The services.

    Args:
        settings: of the API.
        metrics: where counts go.
        queue: of purges, instead of the SQS queue that the settings name.
        has_tokens: whether tokens are looked up here; else they need not be set.

    Raises:
        ConfigurationError: the settings name no queue, or no tokens.
    """
    store, clients = settings.store, Clients(settings.store)
    if queue is None:
        if not store.purge_queue_url:
            raise ConfigurationError(["BILDWERK_PURGE_QUEUE_URL: expected the URL of the queue of purges"])
        queue = SqsQueue(clients.sqs, store.purge_queue_url)
    return Services(
        settings=settings,
        originals=open_originals(settings, clients),
        queue=queue,
        results=StoredResults(settings.results) if settings.results.use else None,
        invalidations=Invalidations(clients.cloudfront, store.distribution_id) if store.distribution_id else None,
        incoming=S3Incoming(store, max_bytes=settings.uploads.max_large_bytes, clients=clients)
        if store.bucket
        else None,
        tokens=configured_tokens(settings.access, partial(secret_text, clients))
        if has_tokens and settings.access.auth == "tokens"
        else None,
        metrics=metrics or NoMetrics(),
    )


def open_originals(settings: ApiSettings, clients: Clients) -> Originals:
    """The store of originals: a bucket, or a folder."""
    store = settings.store
    return S3Originals(store, clients) if store.folder is None else FolderOriginals(Path(store.folder))
