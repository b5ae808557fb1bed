"""The variants that synthesis and tests look at: what a company may choose, in the combinations that differ most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from infra.config import DomainConfig, StageConfig
from infra.stages import development, production

_DOMAIN: Final = DomainConfig(
    name="img.example.com", hosted_zone_id="Z0123456789EXAMPLE", hosted_zone_name="example.com"
)

VARIANTS: Final[Mapping[str, StageConfig]] = {
    "dev": development(),
    "production": production(),
    "europe": replace(
        production("eu-central-1"),
        delivery=replace(production().delivery, domain=_DOMAIN),
    ),
    "http_sources": replace(production(), network=replace(production().network, http_sources=True)),
    "canary_iam": replace(
        production(),
        renderer=replace(production().renderer, canary=True),
        api=replace(production().api, auth="iam", allow_origins=("https://editor.example.com",)),
    ),
}
"""By name. `europe` has a second stack in us-east-1 and a domain of its own."""


def write_stub_packages(folder: Path) -> Path:
    """Folders as `make packages` writes them with next to nothing inside: templates name code by its hash alone."""
    for name in ("plain", "pictures"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "api.py").write_text("", encoding="utf-8")
    return folder
