"""What handlers work with: built once at start, the same for every request."""

from __future__ import annotations

import re
from dataclasses import dataclass

from renderer.render import RenderService
from renderer.request.parse import Grammar
from renderer.response.validators import ValidatorRules
from renderer.security.signature import SigningKeys
from renderer.settings.load import Settings
from renderer.sources.registry import Sources
from renderer.vips.runtime import Capabilities
from renderer.workers import Workers


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
    landing_page: bytes
