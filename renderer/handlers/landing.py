"""GET /: a page that shows at a glance that the server renders. It is made once at start; no request renders for it.

The Content-Security-Policy of every response allows pictures from `data:` and styles inside the page, nothing else.
"""

from __future__ import annotations

import base64
import dataclasses
import html
from typing import Final

from aiohttp import web

from renderer.formats import ImageFormat
from renderer.request.parse import Grammar, parse_request
from renderer.services import Services
from renderer.settings.processing import FormatSettings, WatermarkSettings
from renderer.vips.picture import Renderer, SourceImage
from renderer.vips.runtime import Deadline

_SOURCE_URL: Final = "https://example.com/hills.svg"
_SAMPLES: Final = (
    ("Fill 280 x 200 around the sun", f"rs:fill:280:200/g:fp:0.72:0.3/plain/{_SOURCE_URL}@png"),
    ("A square from the right, as WebP", f"rs:fill:200:200/g:ea/plain/{_SOURCE_URL}@webp"),
    ("Pixelated, with padding on a background", f"rs:fit:260:180/pix:9/pd:10/bg:1f2a44/plain/{_SOURCE_URL}@jpg"),
)

# The built-in picture: drawn here, so that the page depends on no file and no network.
_HILLS: Final = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400" width="640" height="400">
<defs><linearGradient id="s" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#2b4a8b"/>
<stop offset=".55" stop-color="#f29e6d"/><stop offset="1" stop-color="#ffe3b3"/></linearGradient>
<radialGradient id="g"><stop offset="0" stop-color="#fff6d8"/>
<stop offset=".25" stop-color="#ffe9a8" stop-opacity=".9"/>
<stop offset="1" stop-color="#ffd27a" stop-opacity="0"/></radialGradient></defs>
<rect width="640" height="400" fill="url(#s)"/><circle cx="460" cy="150" r="130" fill="url(#g)"/>
<circle cx="460" cy="150" r="34" fill="#fffbe9"/>
<path d="M0 270 C90 200 150 250 220 225 S340 160 430 230 560 210 640 180 V400 H0Z" fill="#6d5a8d"/>
<path d="M0 310 C80 260 170 300 260 275 S420 250 500 290 600 270 640 255 V400 H0Z" fill="#463f6b"/>
<path d="M0 350 C120 300 210 345 320 325 S520 310 640 330 V400 H0Z" fill="#262a4a"/>
<g fill="#151a33"><path d="M86 352l16-58 16 58z"/><path d="M116 356l20-76 20 76z"/><path d="M154 354l14-50 14 50z"/>
<path d="M516 350l18-66 18 66z"/><path d="M548 354l14-48 14 48z"/></g></svg>"""


async def landing(_request: web.BaseRequest, services: Services) -> web.Response:
    """The page."""
    return web.Response(body=services.landing_page, headers={"Content-Type": "text/html"})


def landing_page(renderer: Renderer, grammar: Grammar, version: str) -> bytes:
    """The page's bytes, with the samples rendered into it.

    Args:
        renderer: renders the samples under the server's own settings.
        grammar: only its clock is used; the samples are no URLs of this server.
        version: what the page says is running.
    """
    plain = Grammar(now=grammar.now)
    # The page is ours: formats and a watermark that an operator sets for visitors' pictures do not shape it.
    settings = dataclasses.replace(renderer.settings, formats=FormatSettings(), watermark=WatermarkSettings())
    own = Renderer(settings, renderer.capabilities)
    cards = "".join(_card(own, plain, title, path) for title, path in _SAMPLES)
    return _PAGE.replace("{cards}", cards).replace("{version}", html.escape(version)).encode()


def _card(renderer: Renderer, grammar: Grammar, title: str, path: str) -> str:
    source = SourceImage(data=_HILLS, format=ImageFormat.SVG)
    image = renderer.render(source, parse_request(path, grammar), Deadline())
    data = base64.b64encode(image.data).decode()
    return (
        f'<figure><img src="data:{image.format.mime};base64,{data}" width="{image.result.width}"'
        f' height="{image.result.height}" alt="{html.escape(title)}">'
        f"<figcaption>{html.escape(title)}<code>/unsafe/{html.escape(path)}</code></figcaption></figure>"
    )


_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bildwerk is running</title><style>
:root{color-scheme:light dark}
body{margin:0;font:16px/1.5 system-ui,sans-serif;background:#f6f4ef;color:#1f2a44}
main{max-width:1080px;margin:0 auto;padding:8vh 24px}
h1{font-size:2.6rem;line-height:1.1;margin:0 0 .4em;letter-spacing:-.02em}
p{max-width:62ch;margin:0 0 1.2em}
.ok{display:inline-block;margin-bottom:1em;padding:.15em .8em;border-radius:99px;background:#1d7a4c;color:#fff;
font-size:.85rem}
.row{display:flex;flex-wrap:wrap;gap:24px;margin:2.2em 0}
figure{margin:0;flex:1 1 280px;background:#fff;border-radius:14px;padding:18px;box-shadow:0 1px 3px #0002;
display:grid;grid-template-rows:206px auto;align-items:center;gap:14px}
img{display:block;margin:0 auto;max-width:100%;height:auto;border-radius:6px}
figcaption{font-weight:600;align-self:start}
code{font:.85em/1.45 ui-monospace,monospace;font-weight:400;color:#5a647c;overflow-wrap:anywhere}
figcaption code{display:block;margin-top:.4em}
@media(prefers-color-scheme:dark){body{background:#12172a;color:#e8eaf2}figure{background:#1c2340}code{color:#a7b0cc}}
</style></head><body><main><span class="ok">running</span>
<h1>Bildwerk renders pictures.</h1>
<p>This is version {version}. It answers imgproxy's processing URLs: what you write in the path happens to the picture
that the path names. These three were rendered by this very process when it started.</p>
<div class="row">{cards}</div>
<p>A URL is <code>/signature/options/plain/source@format</code>. Every option is in docs/options.md of the
repository, every setting in docs/settings.md.</p></main></body></html>
"""
