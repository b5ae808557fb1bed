"""One run against one deployment: where it is, what was uploaded for it, and the pictures that are."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.smoke.asking import Reply, Shortfall, ask, until
from infra.smoke.commands import Commands
from infra.smoke.stack import Stage

AVIF: Final = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
"""What Chrome sends for a picture."""
ALSO_AVIF: Final = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
"""Firefox: another text, the same formats, so the same entry of the cache."""
WEBP: Final = "image/webp,*/*"
ANY: Final = "*/*"
"""Programs."""
FORMATS: Final[Mapping[str, str]] = {"image/avif": AVIF, "image/webp": WEBP, "image/jpeg": ANY}
"""Results by the `Accept` that gets them."""

OPTIONS: Final = "rs:fit:320:240"
PURGE_SECONDS: Final = 60.0
"""For the change of an original to show at the edge. CloudFront says 5 s for 95 of 100, the queue takes 2 s more."""


@dataclass(slots=True, kw_only=True)
class Visit:
    """A run.

    Attributes:
        pictures_url: where processing URLs begin.
        bucket: of originals.
        commands: sign, upload, delete.
        folder: for files that are uploaded.
        patience_seconds: what any one wait may take.
        stage: None where only the two addresses are known.
        prefix: of all keys of this run.
        keys: that may be in the store, to be deleted at the end.
    """

    pictures_url: str
    bucket: str
    commands: Commands
    folder: Path
    patience_seconds: float
    stage: Stage | None = None
    prefix: str = field(default_factory=lambda: f"smoke/{secrets.token_hex(6)}/")
    keys: list[str] = field(default_factory=list)

    @property
    def is_https(self) -> bool:
        """Whether viewers come by TLS; a stand-in on this machine has none."""
        return self.pictures_url.startswith("https://")

    @property
    def deployed(self) -> Stage:
        """The stage; steps that need one are not asked without."""
        if self.stage is None:
            raise Shortfall("no stage was named")
        return self.stage

    def new_key(self) -> str:
        """A key that nobody has asked for yet."""
        return f"{self.prefix}{secrets.token_hex(6)}.jpg"

    def file(self, width: int = 800, height: int = 600) -> Path:
        """A picture of noise, of which no two are equal; of noise a JPEG has a byte a pixel or more."""
        from PIL import Image  # only steps that upload need it

        path = self.folder / f"{secrets.token_hex(6)}.jpg"
        image = Image.frombytes("RGB", (width, height), os.urandom(3 * width * height))
        image.save(path, "JPEG", quality=90)
        return path

    def upload(self, key: str) -> dict[str, Any]:
        """What the API says of a new picture under a key."""
        if key not in self.keys:
            self.keys.append(key)
        return self.commands.uploaded(self.file(), key)

    def url(self, key: str, *, pair: int = 1) -> str:
        """The signed address of a rendition."""
        (path,) = self.commands.signed([f"{OPTIONS}/plain/s3://{self.bucket}/{key}"], pair=pair)
        return f"{self.pictures_url}{path}"

    def until_hit(self, url: str, accept: str = AVIF) -> Reply:
        """The picture as the CDN has kept it; the purge of its upload may take it away once more."""
        seen: list[Reply] = []

        def look() -> Reply | None:
            seen.append(ask(url, headers={"Accept": accept}))
            return seen[-1] if seen[-1].status == 200 and seen[-1].is_hit else None

        found, _ = until(look, self.patience_seconds, lambda: f"the CDN keeps nothing: {seen[-1]}")
        return found
