"""What is written down with an original, as metadata of its object. Pure.

S3 keeps at most 2 KB of metadata and only what HTTP headers can carry, so text is percent-encoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

_MOST_NAME_BYTES: Final = 768
"""Of an encoded file name: what is longer is cut."""
_SAFE: Final = "!#$&'()+,-./:;=@[]^_`{}~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A picture that was inspected.

    Attributes:
        format: as URLs name it.
        width: of one frame, upright, in pixels.
        height: likewise.
        frames: how many.
        sha256: of the stored bytes, hexadecimal.
        uploaded_by: name of the token.
        file_name: as the uploader called it; empty where it had no name.
    """

    format: str
    width: int
    height: int
    frames: int
    sha256: str
    uploaded_by: str = ""
    file_name: str = ""

    def metadata(self) -> dict[str, str]:
        """Names and values of the object's metadata."""
        return {
            "format": self.format,
            "width": str(self.width),
            "height": str(self.height),
            "frames": str(self.frames),
            "sha256": self.sha256,
            "uploaded-by": quote(self.uploaded_by, safe=_SAFE),
            "file-name": shortened(self.file_name),
        }


def shortened(file_name: str) -> str:
    """A file name, percent-encoded and cut at a whole character."""
    encoded = quote(file_name, safe=_SAFE)
    while len(encoded) > _MOST_NAME_BYTES:
        file_name = file_name[: -max(1, (len(encoded) - _MOST_NAME_BYTES) // 12)]
        encoded = quote(file_name, safe=_SAFE)
    return encoded


def facts_of(metadata: Mapping[str, str]) -> Facts | None:
    """The facts that metadata tell; None where they are not ours."""
    try:
        return Facts(
            format=metadata["format"],
            width=int(metadata["width"]),
            height=int(metadata["height"]),
            frames=int(metadata["frames"]),
            sha256=metadata["sha256"],
            uploaded_by=unquote(metadata.get("uploaded-by", "")),
            file_name=unquote(metadata.get("file-name", "")),
        )
    except (KeyError, ValueError):
        return None
