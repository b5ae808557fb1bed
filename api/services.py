"""What the functions work with, put together from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from api.access.tokens import Tokens
from api.metrics import Metrics, NoMetrics
from api.purges.purge import Invalidator, ResultPurge
from api.purges.queue import PurgeQueue
from api.settings import ApiSettings
from api.stores.incoming import Incoming
from api.stores.originals import Originals


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All of them.

    Attributes:
        settings: of the API.
        originals: the store.
        queue: of purges.
        results: the store of results; None where none is configured.
        invalidations: the CDN; None where there is none.
        incoming: large files on their way; None where the store cannot have them.
        tokens: who may ask; None where the gateway decides (IAM).
        metrics: counts.
    """

    settings: ApiSettings
    originals: Originals
    queue: PurgeQueue
    results: ResultPurge | None = None
    invalidations: Invalidator | None = None
    incoming: Incoming | None = None
    tokens: Tokens | None = None
    metrics: Metrics = field(default_factory=NoMetrics)
