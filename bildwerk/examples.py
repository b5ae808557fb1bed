"""URLs over the sample pictures that show what the server does; `bildwerk serve --examples` prints them.

The pictures are the ones that `make samples` draws.
"""

from __future__ import annotations

from typing import Final

EXAMPLES: Final[tuple[tuple[str, str], ...]] = (
    ("Fit into 600 x 400", "/unsafe/rs:fit:600:400/plain/local:///landscape.jpg"),
    ("Fill a square around its most telling part", "/unsafe/rs:fill:500:500/g:sm/plain/local:///portrait.jpg"),
    ("The same picture as AVIF", "/unsafe/w:800/q:60/plain/local:///landscape.jpg@avif"),
    ("A phone's picture, turned upright by its EXIF", "/unsafe/h:600/plain/local:///turned.jpg"),
    ("Crop to the lamp, sharpen", "/unsafe/c:500:500:fp:0.655:0.4/w:400/sh:0.7/plain/local:///portrait.jpg"),
    ("A scan: white trimmed away, framed anew", "/unsafe/t:10/w:700/pd:40/bg:20242b/plain/local:///scan.tiff@jpg"),
    ("Glass on a coloured ground", "/unsafe/w:600/pd:20/bg:f3e9d8/plain/local:///shapes.webp@png"),
    ("An SVG drawn large, as PNG", "/unsafe/w:1200/plain/local:///drawing.svg@png"),
    ("Blurred until it is a backdrop", "/unsafe/rs:fill:800:300/bl:14/plain/local:///photo.avif@jpg"),
    ("Pixelated and turned a quarter", "/unsafe/w:480/pix:12/rot:90/plain/local:///p3.jpg@webp"),
)
"""Title and path of each; signatures are `unsafe`, which a server without keys accepts."""
