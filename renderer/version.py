"""What runs here, and what it answers for."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
IMGPROXY_VERSION: Final = "4.0.12"
"""The imgproxy release whose behavior is the contract; the default `User-Agent` names it."""
