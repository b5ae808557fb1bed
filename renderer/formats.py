"""Picture formats: their names, their types, what each can hold, and how the first bytes tell them apart.

A file's name and its Content-Type decide nothing, with one exception: camera raw files carry TIFF's signature
(spec 02 sections 2.1 to 2.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

SNIFF_BYTES: Final = 32_768
"""How much of a file detection looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a format can hold; the table is spec 02 section 2.1."""

    mime: str
    extension: str
    has_alpha: bool = True
    has_icc: bool = False
    has_quality: bool = False
    loads_animation: bool = False
    saves_animation: bool = False
    has_thumbnail: bool = False
    has_hdr: bool = False
    is_vector: bool = False


class ImageFormat(Enum):
    """A format by the name that it has in URLs and settings."""

    JPEG = "jpeg"
    JXL = "jxl"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    ICO = "ico"
    SVG = "svg"
    HEIC = "heic"
    AVIF = "avif"
    BMP = "bmp"
    TIFF = "tiff"

    # Identity hashing: Enum hashes its name in Python code, which shows in a parser that has microseconds.
    __hash__ = object.__hash__

    @property
    def traits(self) -> Traits:
        """What the format can hold."""
        return TRAITS[self]

    @property
    def mime(self) -> str:
        """The media type that responses carry."""
        return TRAITS[self].mime

    @property
    def extension(self) -> str:
        """The file extension with its dot."""
        return TRAITS[self].extension


TRAITS: Final[dict[ImageFormat, Traits]] = {
    ImageFormat.JPEG: Traits(mime="image/jpeg", extension=".jpg", has_alpha=False, has_icc=True, has_quality=True),
    ImageFormat.JXL: Traits(
        mime="image/jxl", extension=".jxl", has_icc=True, has_quality=True, loads_animation=True, has_hdr=True
    ),
    ImageFormat.PNG: Traits(mime="image/png", extension=".png", has_icc=True, has_hdr=True),
    ImageFormat.WEBP: Traits(
        mime="image/webp",
        extension=".webp",
        has_icc=True,
        has_quality=True,
        loads_animation=True,
        saves_animation=True,
    ),
    ImageFormat.GIF: Traits(mime="image/gif", extension=".gif", loads_animation=True, saves_animation=True),
    ImageFormat.ICO: Traits(mime="image/x-icon", extension=".ico"),
    ImageFormat.SVG: Traits(mime="image/svg+xml", extension=".svg", is_vector=True),
    ImageFormat.HEIC: Traits(mime="image/heif", extension=".heic", has_icc=True, has_quality=True, has_thumbnail=True),
    ImageFormat.AVIF: Traits(
        mime="image/avif", extension=".avif", has_icc=True, has_quality=True, has_thumbnail=True, has_hdr=True
    ),
    ImageFormat.BMP: Traits(mime="image/bmp", extension=".bmp"),
    ImageFormat.TIFF: Traits(mime="image/tiff", extension=".tiff", has_icc=True, has_quality=True, has_hdr=True),
}

NAMES: Final[dict[str, ImageFormat]] = {format.value: format for format in ImageFormat} | {"jpg": ImageFormat.JPEG}
"""Every spelling that URLs and settings may use; `tif`, `heif` and upper case are unknown."""

_SIGNATURES: Final[tuple[tuple[ImageFormat, re.Pattern[bytes]], ...]] = tuple(
    (format, re.compile(pattern, re.DOTALL))
    for format, pattern in (
        (ImageFormat.JPEG, rb"\xff\xd8"),
        (ImageFormat.JXL, rb"\xff\x0a|\x00\x00\x00\x0cJXL \r\n\x87\n"),
        (ImageFormat.PNG, rb"\x89PNG\r\n\x1a\n"),
        (ImageFormat.WEBP, rb"RIFF....WEBP"),
        (ImageFormat.GIF, rb"GIF8.a"),
        (ImageFormat.ICO, rb"\x00\x00\x01\x00"),
        (ImageFormat.HEIC, rb"....ftyp(?:heic|heix|hevc|heim|heis|hevm|hevs|mif1)"),
        (ImageFormat.AVIF, rb"....ftypavif"),
        (ImageFormat.BMP, rb"BM"),
    )
)
_TIFF = re.compile(rb"II\*\x00|MM\x00\*")

_RAW_EXTENSIONS: Final = frozenset(
    """
    3fr adng arw cap cr2 cr3 crw data dcr dng eip erf fff gpr iiq k25 kdc mdc mef moc mos mrw nef nrw orf ori pef ppm
    proraw raf raw rw2 rwl sr2 srf srw x3f
    """.split()  # noqa: SIM905  one word a line of quotes would take fifty lines
)
_RAW_TYPES: Final = frozenset(
    f"image/x-{name}"
    for name in """
    hasselblad-3fr adobe-dng sony-arw phaseone-cap canon-cr2 canon-cr3 canon-crw kodak-dcr epson-erf hasselblad-fff
    gopro-gpr phaseone-iiq kodak-k25 kodak-kdc mamiya-mef leaf-mos minolta-mrw nikon-nef nikon-nrw olympus-orf
    sony-ori pentax-pef apple-proraw fuji-raf raw panasonic-rw2 leica-rwl sony-sr2 sony-srf samsung-srw sigma-x3f
    """.split()  # noqa: SIM905
)


def detect(head: bytes, *, extension: str = "", content_type: str = "") -> ImageFormat | None:
    """The format that the first bytes of a file show, or None.

    Args:
        head: the file's beginning; only the first `SNIFF_BYTES` count.
        extension: the source URL's, without dot; with `content_type` it separates camera raw files from TIFF.
        content_type: as the origin sent it.
    """
    head = head[:SNIFF_BYTES]
    for format, signature in _SIGNATURES:
        if signature.match(head):
            return format
    if _TIFF.match(head):
        is_raw = (
            extension.lower() in _RAW_EXTENSIONS or content_type.split(";", maxsplit=1)[0].strip().lower() in _RAW_TYPES
        )
        return None if is_raw else ImageFormat.TIFF
    return ImageFormat.SVG if _starts_svg(head) else None


_BYTE_ORDER_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_SPACES = r"[ \t\r\n]*+"
_NAME = r"[A-Za-z0-9_:.\-\x80-\U0010ffff]++"
_QUOTED = r"""(?:"[^"]*+"|'[^']*+')"""
_SVG = re.compile(r"(?:[^:]+:)?svg")
# The branches begin differently and never step back, so hostile text costs one pass as well.
_MARKUP = re.compile(
    rf"""<(?:
        !--.*?--> | !\[CDATA\[.*?\]\]> | \?{_NAME}.*?\?>    # comment, character data, processing instruction
      | !DOCTYPE(?:[^"'<>\[\]]|{_QUOTED}|\[(?:[^"'\[\]]|{_QUOTED})*+\])*+>
      | /{_NAME}{_SPACES}>
      | (?P<name>{_NAME})
        (?:{_SPACES}{_NAME}(?:{_SPACES}={_SPACES}(?:{_QUOTED}|[A-Za-z0-9_:-]*+))?+)*+{_SPACES}/?>
    )""",
    re.DOTALL | re.VERBOSE,
)


def _starts_svg(head: bytes) -> bool:
    """Whether a whole start tag with the local name `svg` comes before an error or the end (spec 02 section 2.3)."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            text = head[len(mark) :].decode(encoding, "ignore")
            break
    else:
        text = head.decode("utf-8", "replace")
    if "svg" not in text:
        return False
    position = 0
    while (position := text.find("<", position)) >= 0:
        markup = _MARKUP.match(text, position)
        if markup is None:
            return False
        position = markup.end()
        if _SVG.fullmatch(markup["name"] or ""):
            return True
    return False
