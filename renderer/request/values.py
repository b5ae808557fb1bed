"""What a processing URL says, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from renderer.options.canvas import Canvas
from renderer.options.crop import Cropping
from renderer.options.delivery import Delivery
from renderer.options.filters import Filters
from renderer.options.limits import Limits
from renderer.options.orientation import Orientation
from renderer.options.output import Output
from renderer.options.resize import Resize
from renderer.options.watermark import Watermark


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFeatures:
    """What the client accepts, as far as the settings let it matter."""

    prefers_webp: bool = False
    prefers_avif: bool = False
    prefers_jxl: bool = False
    enforces_webp: bool = False
    enforces_avif: bool = False
    enforces_jxl: bool = False


NO_FEATURES = ClientFeatures()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHints:
    """The size that the client's headers ask for: `width` in CSS pixels, 0 for none, and the device pixel ratio."""

    width: int = 0
    dpr: float = 1.0


NO_HINTS = ClientHints()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The options of one run over the pixels."""

    resize: Resize = field(default_factory=Resize)
    cropping: Cropping = field(default_factory=Cropping)
    orientation: Orientation = field(default_factory=Orientation)
    canvas: Canvas = field(default_factory=Canvas)
    filters: Filters = field(default_factory=Filters)
    watermark: Watermark = field(default_factory=Watermark)

    def __hash__(self) -> int:
        """That of the part in which most pipelines differ: hashing all of them takes as long as making a plan."""
        return hash(self.resize)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """One processing URL, understood."""

    source_url: str
    pipelines: tuple[Pipeline, ...] = (Pipeline(),)
    output: Output = field(default_factory=Output)
    delivery: Delivery = field(default_factory=Delivery)
    limits: Limits = field(default_factory=Limits)
    features: ClientFeatures = NO_FEATURES
