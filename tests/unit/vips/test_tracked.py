"""What libvips says of its own memory."""

from __future__ import annotations

import pyvips

from renderer.vips.runtime import Capabilities
from renderer.vips.tracked import tracked_memory


def test_pixels_are_counted_while_they_are_held(capabilities: Capabilities) -> None:
    assert capabilities.loadable
    before = tracked_memory()
    image = pyvips.Image.black(1000, 1000).copy_memory()
    held = tracked_memory()
    del image
    after = tracked_memory()

    assert held.held_bytes >= before.held_bytes + 1_000_000
    assert held.allocations > before.allocations
    assert held.most_bytes >= held.held_bytes
    assert after.held_bytes < held.held_bytes
    assert after.most_bytes >= held.held_bytes
