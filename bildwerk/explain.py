"""`bildwerk explain URL`: how a processing URL is understood, or why it is refused. Nothing is fetched."""

from __future__ import annotations

import argparse
import json
import re
from typing import TYPE_CHECKING, Any

from bildwerk.environment import load_or_complain, read_environment
from bildwerk.terminal import columns, fail

if TYPE_CHECKING:
    from renderer.settings.load import Settings

_EXAMPLES = """\
examples:
  bildwerk explain /unsafe/rs:fill:300:300/plain/local:///photo.jpg@webp
  bildwerk explain https://images.example.com/SIG/w:100/plain/s3://bucket/a.jpg --accept image/avif --json

Keys, presets and limits come from the environment, as for the server. Exit status 0: understood, 1: refused."""
_ORIGIN = re.compile(r"https?://[^/]*", re.IGNORECASE)


def run(arguments: list[str]) -> int:
    """Prints what the server would make of a URL."""
    parser = argparse.ArgumentParser(
        prog="bildwerk explain",
        description="Show how a processing URL is understood, or why it is refused.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", metavar="URL", help="a whole URL, or its path")
    parser.add_argument("--accept", default="", metavar="HEADER", help="the client's Accept header")
    parser.add_argument("--json", action="store_true", help="print JSON")
    chosen = parser.parse_args(arguments)
    settings = load_or_complain(read_environment())
    if settings is None:
        return 1
    from renderer.errors import BildwerkError, ConfigurationError

    try:
        facts = explained(_ORIGIN.sub("", chosen.url, count=1), chosen.accept, settings)
    except ConfigurationError as error:
        return fail("explain", str(error))
    except BildwerkError as error:
        facts = {"refused": {"status": error.status, "public": error.public, "reason": str(error) or error.public}}
    print(json.dumps(facts, indent=2, ensure_ascii=False) if chosen.json else _text(facts))
    return 1 if "refused" in facts else 0


def explained(target: str, accept: str, settings: Settings) -> dict[str, Any]:
    """What is known of a request target before anything is fetched.

    Raises:
        BildwerkError: as the server would refuse it.
    """
    from renderer.app import make_grammar
    from renderer.cache.key import cache_key
    from renderer.cache.tags import original_tag
    from renderer.options.arguments import written
    from renderer.options.declare import Option
    from renderer.request.client_features import client_features
    from renderer.request.parse import parse_request
    from renderer.request.path import split_path
    from renderer.security.allowed_sources import check_source
    from renderer.security.signature import SigningKeys, verify

    path = split_path(target, settings.server.path_prefix)
    verify(path.signature, path.signed, SigningKeys.from_settings(settings.security))
    options: dict[str, dict[str, Any]] = {}

    def observe(row: Option, value: object, presets: tuple[str, ...]) -> None:
        arguments = [":".join(argument) for argument in row.kind.write(value)]
        origin = f"preset {' > '.join(presets)}" if presets else "URL"
        options[row.name] = {"value": " then ".join(arguments) or written(None), "from": origin}

    features = client_features(accept, settings.formats)
    wanted = parse_request(path.signed, make_grammar(settings), features, observe=observe)
    separator = settings.sources.source_url_query_separator
    check_source(wanted.source_url, settings.sources.allowed_sources, query_separator=separator)
    format = wanted.output.format
    return {
        "signature": "checked" if settings.security.keys else "not checked: no keys are set",
        "source": wanted.source_url,
        "format": format.value if format else "decided by the source, the client and the settings",
        "accepts": [name for name in ("webp", "avif", "jxl") if getattr(features, f"prefers_{name}")],
        "options": options,
        "cache_key": cache_key(wanted),
        "cache_tags": [original_tag(wanted.source_url, separator)],
    }


def _text(facts: dict[str, Any]) -> str:
    if "refused" in facts:
        refused = facts["refused"]
        return columns([("refused", f"{refused['status']} {refused['public']}"), ("because", refused["reason"])])
    rows = [("signature", facts["signature"]), ("source", facts["source"]), ("format", facts["format"])]
    if facts["accepts"]:
        rows.append(("client prefers", ", ".join(facts["accepts"])))
    rows += [("cache key", facts["cache_key"]), ("cache tags", ", ".join(facts["cache_tags"]))]
    text = columns(rows)
    if facts["options"]:
        options = [(name, option["value"], option["from"]) for name, option in facts["options"].items()]
        text += f"\noptions\n{columns(options, indent='  ')}"
    return text
