"""What is asked for, as data: every scenario is a table of pictures and options, and the order that they come in.

The pictures of 2,040 pixels, fitted into 512 by 512 in their own format over two connections, are the method that
imgproxy publishes figures for.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from benchmarks.pictures.corpus import Corpus
from benchmarks.pictures.corpus_shape import Group, Picture

FIT: Final = "rs:fit:512:512"
SRCSET_WIDTHS: Final = (160, 240, 320, 480, 640, 800)
LARGE_SIDES: Final = (300, 400, 512, 640, 800)
EIGHTH: Final = 9
"""A side that is divided by it is decoded at one eighth, the least that libjpeg goes to."""

STORE: Final[Mapping[str, str]] = {"BILDWERK_RESULTS_MEMORY_BYTES": "268435456"}
"""Settings that keep results in memory; without them nothing is kept, as in imgproxy."""
ANIMATED: Final[Mapping[str, str]] = {"IMGPROXY_MAX_ANIMATION_FRAMES": "64"}
"""Settings that render more than the first frame. A peer that is to be compared needs them too."""


class Order(enum.StrEnum):
    """In which order the shots of a scenario are asked for.

    EACH: one after the other, over the connections. BURST: all shots of a group at once, each on a connection of its
    own; the shots come in groups of `burst`. ZIPF: drawn by a Zipf distribution, the first of the shots the most often.
    HITS: the same again and again, after a pass that fills the store and does not count.
    """

    EACH = "each"
    BURST = "burst"
    ZIPF = "zipf"
    HITS = "hits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One request: options as they stand in a URL, a picture, and the result's format as a URL names it."""

    options: str
    picture: Picture
    format: str

    def path(self, source_prefix: str = "local:///") -> str:
        """The unsigned target of the request; the prefix tells where the corpus' folder is to be found."""
        return f"/insecure/{self.options}/plain/{source_prefix}{self.picture.path}@{self.format}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Requests that are measured together.

    Attributes:
        name: short, for files and tables.
        title: for people.
        doc: what it shows.
        shots: what is asked for; see Order.
        order: how.
        connections: how many clients ask at the same time.
        variables: settings of our server without which the scenario means nothing.
        burst: how many shots belong together in a burst.
        has_limit: whether the shots, computed once each by bare libvips, say how fast it could be; not so where the
            point is not to compute them.
    """

    name: str
    title: str
    doc: str
    shots: tuple[Shot, ...]
    order: Order = Order.EACH
    connections: int = 2
    variables: Mapping[str, str] = field(default_factory=dict)
    burst: int = 1
    has_limit: bool = True


def scenarios(corpus: Corpus) -> tuple[Scenario, ...]:
    """Every scenario over a corpus, the published method first."""
    return (
        *_published(corpus),
        *_crossed(corpus),
        *_large(corpus),
        *_special(corpus),
        *_repeated(corpus),
    )


def _fitted(pictures: Iterable[Picture], format: str, options: str = FIT) -> tuple[Shot, ...]:
    return tuple(Shot(options=options, picture=picture, format=format) for picture in pictures)


def _published(corpus: Corpus) -> Iterable[Scenario]:
    """Photographs of 2,040 pixels to 512, in the format that they have."""
    for group, name, format in (
        (Group.JPEG, "JPEG", "jpg"),
        (Group.PNG, "PNG", "png"),
        (Group.WEBP, "WebP", "webp"),
        (Group.AVIF, "AVIF", "avif"),
    ):
        yield Scenario(
            name=group,
            title=f"{name}, 2,040 px to 512",
            doc="Photographs of 2,040 pixels fitted into 512 by 512, result in the source's format.",
            shots=_fitted(corpus.pictures[group], format),
        )


def _crossed(corpus: Corpus) -> Iterable[Scenario]:
    """The same photographs into another format."""
    for source, format in (
        (Group.JPEG, "webp"),
        (Group.JPEG, "avif"),
        (Group.PNG, "webp"),
        (Group.PNG, "jpg"),
        (Group.WEBP, "jpg"),
        (Group.AVIF, "jpg"),
    ):
        yield Scenario(
            name=f"{source}-to-{format}",
            title=f"{source} to {format}, 2,040 px to 512",
            doc="Photographs of 2,040 pixels fitted into 512 by 512, result in another format.",
            shots=_fitted(corpus.pictures[source], format),
        )


def _large(corpus: Corpus) -> Iterable[Scenario]:
    """Thumbnails of what cameras make."""
    large = [*corpus.pictures[Group.LARGE], *corpus.pictures[Group.PROGRESSIVE]]
    yield Scenario(
        name="large",
        title="4 to 24 megapixels to 300 - 800 px",
        doc="Thumbnails of large photographs, half of them progressive JPEG.",
        shots=tuple(
            Shot(options=f"rs:fit:{side}:{side}", picture=picture, format="jpg")
            for picture, side in zip(large, itertools.cycle(LARGE_SIDES), strict=False)
        ),
    )
    yield Scenario(
        name="progressive-eighth",
        title="progressive JPEG at one eighth",
        doc="Thumbnails of progressive photographs so small that the decoder shows them at one eighth.",
        shots=tuple(
            Shot(options=f"rs:fit:{side}:{side}", picture=picture, format="jpg")
            for picture in corpus.pictures[Group.PROGRESSIVE]
            for side in (max(picture.width, picture.height) // EIGHTH,)
        ),
    )


def _special(corpus: Corpus) -> Iterable[Scenario]:
    """Alpha, frames, drawings, and pictures so small that the server itself is the cost."""
    yield Scenario(
        name="alpha",
        title="PNG with alpha to 512",
        doc="Photographs that fade into transparency: colors are multiplied with alpha around the resize.",
        shots=_fitted(corpus.pictures[Group.ALPHA], "png"),
    )
    yield Scenario(
        name="gif-to-gif",
        title="animated GIF to 240 px",
        doc="Every frame of an animation, made small, as GIF.",
        shots=_fitted(corpus.pictures[Group.GIF], "gif", "rs:fit:240:240"),
        variables=ANIMATED,
    )
    yield Scenario(
        name="gif-to-webp",
        title="animated GIF to WebP, 240 px",
        doc="Every frame of an animation, made small, as WebP.",
        shots=_fitted(corpus.pictures[Group.GIF], "webp", "rs:fit:240:240"),
        variables=ANIMATED,
    )
    yield Scenario(
        name="animated-webp",
        title="animated WebP to 240 px",
        doc="Every frame of an animation, made small, WebP in and out.",
        shots=_fitted(corpus.pictures[Group.ANIMATED_WEBP], "webp", "rs:fit:240:240"),
        variables=ANIMATED,
    )
    yield Scenario(
        name="svg",
        title="SVG to PNG, 512 px",
        doc="Drawings with gradients and shapes, rendered at the size that is asked for.",
        shots=_fitted(corpus.pictures[Group.SVG], "png"),
    )
    yield Scenario(
        name="icon",
        title="32 x 32 PNG icon",
        doc="Pictures that cost libvips next to nothing, asked for by as many clients as keep the server busy: what is"
        " left is the server.",
        shots=_fitted(corpus.pictures[Group.ICON], "png", "rs:fit:32:32"),
        connections=16,
    )
    yield Scenario(
        name="icon-two",
        title="32 x 32 PNG icon, two clients",
        doc="The same while the server waits for most of the time: each request wakes processes and threads up.",
        shots=_fitted(corpus.pictures[Group.ICON], "png", "rs:fit:32:32"),
    )


def _repeated(corpus: Corpus) -> Iterable[Scenario]:
    """Requests that have something in common."""
    yield Scenario(
        name="srcset",
        title="six widths of one picture at once",
        doc="What a browser's srcset asks for: 160 to 800 pixels of one detailed 12-megapixel JPEG, at once.",
        shots=tuple(
            Shot(options=f"rs:fit:{width}:0", picture=picture, format="jpg")
            for picture in corpus.pictures[Group.DETAILED]
            for width in SRCSET_WIDTHS
        ),
        order=Order.BURST,
        connections=len(SRCSET_WIDTHS),
        burst=len(SRCSET_WIDTHS),
    )
    yield Scenario(
        name="zipf",
        title="Zipf-distributed repeats",
        doc="A few results asked for often and many seldom, by eight clients, with a result store in memory.",
        shots=tuple(
            Shot(options=f"rs:fit:{side}:{side}", picture=picture, format="jpg")
            for side in (480, 320, 240, 640)
            for picture in corpus.pictures[Group.JPEG]
        ),
        order=Order.ZIPF,
        connections=8,
        variables=STORE,
        has_limit=False,
    )
    yield Scenario(
        name="hits",
        title="cached hits of 30 KB",
        doc="One result from the store in memory, again and again.",
        shots=tuple(
            Shot(options=f"rs:fit:{side}:{side}", picture=picture, format="jpg")
            for picture in corpus.pictures[Group.HIT]
            for side in (max(picture.width, picture.height) // 2,)
        ),
        order=Order.HITS,
        connections=8,
        variables=STORE,
        has_limit=False,
    )
