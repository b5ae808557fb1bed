"""An order to purge: what stands in the queue, as JSON. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PurgeOrder(BaseModel):
    """All renditions of one original are to go.

    Attributes:
        tag: of the original, as the renderer sends it (`renderer.cache.tags.original_tag`).
        source_url: of the original, for people.
        reason: what happened to it.
        is_repeat: the second purge, for what was being rendered while the first one ran.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    tag: str = Field(pattern=r"^o-[0-9a-f]{32}$")
    source_url: str
    reason: Literal["stored", "deleted", "changed"]
    is_repeat: bool = False
