"""`bildwerk explain URL`: how a processing URL is understood, or why it is refused. Nothing is fetched."""

from __future__ import annotations

import argparse
import json
import re
from typing import TYPE_CHECKING, Any, Final

from bildwerk.environment import complain, load_or_complain
from bildwerk.terminal import columns, pointed, visible

if TYPE_CHECKING:
    from bildwerk.explanation import Explanation
    from bildwerk.option_values import OptionValue
    from bildwerk.refusal import Refusal

_EXAMPLES: Final = """\
examples:
  bildwerk explain /unsafe/rs:fill:300:300/plain/local:///photo.jpg@webp
  bildwerk explain https://images.example.com/SIG/w:100/plain/s3://bucket/a.jpg --accept image/avif,image/webp
  bildwerk explain --json /unsafe/preset:thumb/plain/local:///photo.jpg | jq .options

Keys, presets and limits come from the environment, as the server's do. The exit status is 0 when the URL is understood,
1 when it is refused. What the source itself decides (whether it is there, how large it is) is not known here."""

_ORIGIN: Final = re.compile(r"\Ahttps?://[^/]*", re.IGNORECASE)


def run(arguments: list[str]) -> int:
    """Prints what the server would make of a URL; 0 when it would go on to fetch the source."""
    chosen = _parser().parse_args(arguments)
    settings = load_or_complain()
    if settings is None:
        return 1
    from bildwerk.explanation import explain
    from renderer.errors import ConfigurationError

    target = _ORIGIN.sub("", chosen.url)
    try:
        explanation = explain(target if target.startswith("/") else f"/{target}", chosen.accept, settings)
    except ConfigurationError as error:
        return complain(error)
    if chosen.json:
        print(json.dumps(_facts(explanation), indent=2))
    else:
        header = settings.server.cache_tag_header
        print(_text(explanation, cache_tag_header=header, shows_all=chosen.all))
    return 1 if explanation.refusal else 0


def _facts(explanation: Explanation) -> dict[str, Any]:
    """Everything that is known, for programs."""
    facts: dict[str, Any] = {
        "path": explanation.path,
        "signature": explanation.signature,
        "source": explanation.source,
        "allowed": explanation.allowed,
        "format": explanation.format,
        "accepts": explanation.accepts,
        "results": explanation.results,
        "options": {option.name: {"value": option.value, "from": option.origin} for option in explanation.options},
        "cache_key": explanation.cache_key,
        "cache_tags": explanation.cache_tags,
        "warnings": explanation.warnings,
    }
    refusal = explanation.refusal
    if refusal is not None:
        facts["refused"] = {
            "status": refusal.status,
            "public": refusal.public,
            "reason": refusal.reason + refusal.hint,
            "part": explanation.path[refusal.start : refusal.end],
        }
    return {name: fact for name, fact in facts.items() if fact}


def _text(explanation: Explanation, *, cache_tag_header: str, shows_all: bool) -> str:
    from bildwerk.possible_results import ANY

    parts = [_refusal_text(explanation.refusal, explanation.path)] if explanation.refusal else ["understood"]
    always = explanation.results.get(ANY, "")
    rows = [
        ("signature", explanation.signature),
        ("source", explanation.source),
        ("allowed", explanation.allowed),
        ("format", explanation.format or ("none asked for" if explanation.source else "")),
        ("result", always),
        ("accepts", ", ".join(explanation.accepts)),
        ("cache key", explanation.cache_key),
        (cache_tag_header or "cache tag", ", ".join(explanation.cache_tags)),
    ]
    if any(value for _, value in rows):
        parts.append(columns([row for row in rows if row[1]], indent="  "))
    if explanation.results and not always:
        results = [(source, "->", result) for source, result in explanation.results.items()]
        parts.append(f"result by format of the source\n{columns(results, indent='  ')}")
    if explanation.options:
        parts.append(_options_text(explanation.options, shows_all=shows_all))
    if explanation.warnings:
        parts.append("\n".join(f"warning: {visible(text)}" for text in explanation.warnings))
    return "\n\n".join(parts)


def _refusal_text(refusal: Refusal, path: str) -> str:
    head = f"refused: {refusal.status} {refusal.public}".rstrip()
    lines = [head]
    if refusal.reason + refusal.hint != refusal.public:
        lines.append(f"  {visible(refusal.reason.rstrip(': ') + refusal.hint)}")
    if refusal.start != refusal.end:
        lines += ["", pointed(path, refusal.start, refusal.end)]
    return "\n".join(lines)


def _options_text(options: list[OptionValue], *, shows_all: bool) -> str:
    listed = [option for option in options if shows_all or option.is_notable]
    rows = [(option.name, option.value, option.origin) for option in listed]
    more = "" if len(listed) == len(options) else "\n  (--all shows the defaults too)"
    return f"options\n{columns(rows, indent='  ')}{more}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bildwerk explain",
        description="Show how a processing URL is understood, or why it is refused. Nothing is fetched.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", metavar="URL", help="a whole URL, or its path")
    parser.add_argument("--accept", default="", metavar="HEADER", help="the client's Accept header")
    parser.add_argument("--all", action="store_true", help="list every option, also those at their defaults")
    parser.add_argument("--json", action="store_true", help="print JSON with everything that is known")
    return parser
