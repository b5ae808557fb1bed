"""What development mode answers to an error: everything that is known, as a page or as text (spec 03 section 2.12)."""

from __future__ import annotations

import html
import platform
import traceback
from collections.abc import Iterator
from typing import Final

from renderer.errors import BildwerkError
from renderer.version import VERSION

DOCUMENTATION: Final = "https://docs.imgproxy.net/"


def error_text(error: BildwerkError) -> str:
    """The developer's text, a blank line, the traces of the whole chain."""
    return f"{error or error.public}\n\n{''.join(traceback.format_exception(error))}"


def error_page(error: BildwerkError, *, request_id: str) -> str:
    """A page for people who opened the URL in a browser."""
    facts = (
        ("Status", str(error.status)),
        ("Category", error.category),
        ("Request id", request_id),
        ("Version", f"Bildwerk {VERSION}, Python {platform.python_version()}"),
    )
    rows = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in facts)
    causes = "".join(_cause(cause) for cause in _chain(error))
    return (
        _PAGE.replace("{title}", html.escape(f"{error.status} {error.public}"))
        .replace("{type}", html.escape(type(error).__name__))
        .replace("{text}", html.escape(str(error) or error.public))
        .replace("{facts}", rows)
        .replace("{causes}", causes)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _cause(error: BaseException) -> str:
    frames = "".join(
        f"<li><b>{html.escape(frame.name)}</b> {html.escape(frame.filename.rpartition('/')[2])}:{frame.lineno}"
        f"<code>{html.escape(frame.line or '')}</code></li>"
        for frame in traceback.extract_tb(error.__traceback__)
    )
    return f"<h2>{html.escape(type(error).__name__)}</h2><p>{html.escape(str(error))}</p><ol>{frames}</ol>"


_PAGE: Final = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}}</title><style>
:root{{color-scheme:light dark}}
body{{margin:0;font:16px/1.5 system-ui,sans-serif;background:#f6f4ef;color:#1f2a44}}
main{{max-width:960px;margin:0 auto;padding:6vh 24px}}
h1{{font-size:2rem;line-height:1.15;margin:0 0 .4em;letter-spacing:-.02em}}
h2{{font-size:1.05rem;margin:2em 0 .3em}}
.text{{padding:14px 18px;border-radius:10px;background:#fff;box-shadow:0 1px 3px #0002;overflow-wrap:anywhere}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:.3em 1.4em}}dt{{color:#5a647c}}dd{{margin:0}}
ol{{margin:0;padding-left:1.4em}}li{{margin:.35em 0;overflow-wrap:anywhere}}
code{{display:block;font:.85em/1.5 ui-monospace,monospace;color:#5a647c}}
a{{color:inherit}}
@media(prefers-color-scheme:dark){{body{{background:#12172a;color:#e8eaf2}}.text{{background:#1c2340}}
code,dt{{color:#a7b0cc}}}}
</style></head><body><main><h1>{{title}}</h1>
<p class="text"><b>{{type}}</b><br>{{text}}</p><dl>{{facts}}</dl>{{causes}}
<p>Options and settings: docs/options.md and docs/settings.md of this server, and
<a href="{DOCUMENTATION}">imgproxy's documentation</a>.</p></main></body></html>
"""
