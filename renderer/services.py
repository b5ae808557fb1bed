"""What handlers work with: built once at start, the same for every request."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from renderer.render import RenderService
from renderer.request.parse import Grammar
from renderer.request.understood import Recall
from renderer.response.validators import ValidatorRules
from renderer.security.signature import SigningKeys
from renderer.settings.load import Settings
from renderer.sources.registry import Sources
from renderer.telemetry.start import Watch
from renderer.vips.health import HealthCheck
from renderer.vips.runtime import Capabilities
from renderer.web.ready_response import Dates
from renderer.web.refusals import Refusals
from renderer.workers import Workers


@dataclass(slots=True, kw_only=True)
class Activity:
    """What goes on in this process: processing requests and raw streams among them, and whether it is ending.

    `count_connections` is set by whoever accepts connections.
    """

    requests: int = 0
    streams: int = 0
    is_draining: bool = False
    count_connections: Callable[[], int] = lambda: 0

    @contextlib.contextmanager
    def streaming(self) -> Iterator[None]:
        """Counts a raw stream."""
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Settings in the form that requests need them, and the parts that do the work."""

    settings: Settings
    grammar: Grammar
    keys: SigningKeys
    allowed_sources: tuple[re.Pattern[str], ...]
    validator_rules: ValidatorRules
    vary: str | None
    capabilities: Capabilities
    sources: Sources
    workers: Workers
    renders: RenderService
    health: HealthCheck
    landing_page: bytes
    watch: Watch = field(default_factory=Watch)
    response_headers: Sequence[tuple[str, str]] = ()
    activity: Activity = field(default_factory=Activity)
    refusals: Refusals = field(default_factory=Refusals)
    recall: Recall = field(default_factory=Recall)
    dates: Dates = field(default_factory=Dates)
