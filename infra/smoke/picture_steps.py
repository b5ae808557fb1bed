"""Steps of a visitor: what comes through the CDN, in which format, with which headers, and what is refused."""

from __future__ import annotations

from statistics import median
from typing import Final

from infra.smoke.asking import Reply, ask, require
from infra.smoke.steps import Seen, Step
from infra.smoke.visit import ALSO_AVIF, ANY, AVIF, FORMATS, Visit

WARM_REQUESTS: Final = 10


def _formats(visit: Visit) -> Seen:
    key = visit.new_key()
    visit.upload(key)
    url = visit.url(key)
    figures: dict[str, float] = {}
    for media_type, accept in FORMATS.items():
        cold = ask(url, headers={"Accept": accept})
        require(cold.status == 200, f"{media_type}: {cold}: {cold.body[:200]!r}")
        require(cold.header("Content-Type") == media_type, f"Accept {accept} got {cold}, not {media_type}")
        require(
            not cold.is_hit, f"{media_type}: the first answer was a hit, so Accept does not divide the cache: {cold}"
        )
        name = media_type.removeprefix("image/")
        figures[f"{name}_cold_ms"] = 1000 * cold.first_byte_seconds
        kept = visit.until_hit(url, accept)
        require(kept.header("Content-Type") == media_type, f"what is kept for {media_type} is {kept}")
    warm = [ask(url, headers={"Accept": AVIF}) for _ in range(WARM_REQUESTS)]
    hits = [reply for reply in warm if reply.is_hit]
    require(len(hits) >= WARM_REQUESTS // 2, f"{len(hits)} of {WARM_REQUESTS} warm requests were hits")
    figures["warm_ms"] = 1000 * median(reply.first_byte_seconds for reply in hits)
    figures["warm_hits"] = len(hits)
    cold_ms = ", ".join(f"{name.split('_')[0]} {ms:.0f}" for name, ms in figures.items() if name.endswith("_cold_ms"))
    text = f"first byte, cold: {cold_ms} ms; warm: {figures['warm_ms']:.0f} ms, {len(hits)} hits of {WARM_REQUESTS}"
    return Seen(text=text, figures=figures)


def _one_entry(visit: Visit) -> Seen:
    key = visit.new_key()
    visit.upload(key)
    url = visit.url(key)
    kept = visit.until_hit(url, AVIF)
    other = ask(url, headers={"Accept": ALSO_AVIF})
    require(other.status == 200, f"{other}")
    same = (other.is_hit, other.header("ETag")) == (True, kept.header("ETag"))
    # The purge of the upload may have come between the two: then both are asked again.
    if not same:
        kept = visit.until_hit(url, AVIF)
        other = ask(url, headers={"Accept": ALSO_AVIF})
        same = (other.is_hit, other.header("ETag")) == (True, kept.header("ETag"))
    require(same, f"a second browser with the same formats got {other}: Accept is in the key as it came")
    return Seen(text="two browsers with the same formats share an entry of the cache")


def _headers(visit: Visit) -> Seen:
    key = visit.new_key()
    tag = visit.upload(key)["cache_tag"]
    reply = ask(visit.url(key), headers={"Accept": AVIF})
    require(reply.status == 200, f"{reply}")
    tags = [part.strip() for part in reply.header("Cache-Tag").split(",")]
    require(tag in tags, f"Cache-Tag is {', '.join(tags) or 'not there'}, without the upload's {tag}")
    require(any(part.startswith("v-") for part in tags), f"Cache-Tag names no release: {', '.join(tags)}")
    require("accept" in reply.header("Vary").lower(), f"Vary is {reply.header('Vary') or 'not there'}")
    control = reply.header("Cache-Control")
    require(all(word in control for word in ("max-age=", "s-maxage=")), f"Cache-Control is {control or 'not there'}")
    require("sandbox" in reply.header("Content-Security-Policy"), "Content-Security-Policy has no sandbox")
    require(bool(reply.header("X-Request-Id")), "there is no X-Request-Id")
    return Seen(text=f"{reply.header('Cache-Tag')}; Vary {reply.header('Vary')}; {control}")


def _https(visit: Visit) -> Seen:
    key = visit.new_key()
    visit.upload(key)
    url = visit.url(key)
    plain = ask(url.replace("https://", "http://", 1))
    require(plain.status in (301, 308), f"http was answered {plain}, not with a redirect")
    require(plain.header("Location") == url, f"http leads to {plain.header('Location')}")
    reply = ask(url)
    require(reply.tls in ("TLSv1.2", "TLSv1.3"), f"the connection is {reply.tls}")
    hsts = reply.header("Strict-Transport-Security")
    require("max-age=31536000" in hsts, f"Strict-Transport-Security is {hsts or 'not there'}")
    require(reply.header("X-Content-Type-Options") == "nosniff", "X-Content-Type-Options is not nosniff")
    return Seen(text=f"http is redirected; {reply.tls}; HSTS {hsts}")


def _signature(visit: Visit) -> Seen:
    key = visit.new_key()
    visit.upload(key)
    good = visit.url(key)
    rest = good.removeprefix(f"{visit.pictures_url}/").partition("/")
    for wrong in (rest[0][::-1], "_", "unsafe"):
        reply = ask(f"{visit.pictures_url}/{wrong}/{rest[2]}")
        require(reply.status == 403, f"the signature {wrong!r} was answered {reply}")
    pairs = visit.commands.key_pairs
    for pair in range(1, pairs + 1):
        reply = ask(visit.url(key, pair=pair))
        require(reply.status == 200, f"signed with key {pair} of {pairs} it was answered {reply}")
    return Seen(text=f"wrong signatures are 403; signed with each of {pairs} key(s) it is 200")


def _conditional(visit: Visit) -> Seen:
    key = visit.new_key()
    visit.upload(key)
    url = visit.url(key)
    etag = visit.until_hit(url).header("ETag")
    require(bool(etag), "a picture has no ETag")
    again = ask(url, headers={"Accept": AVIF, "If-None-Match": etag})
    require((again.status, again.body) == (304, b""), f"If-None-Match with its ETag was answered {again}")
    if visit.stage is None:
        return Seen(text="304 for its ETag")
    part = ask(url, headers={"Accept": AVIF, "Range": "bytes=0-99"})
    require((part.status, len(part.body)) == (206, 100), f"a range was answered {part} with {len(part.body)} bytes")
    return Seen(text="304 for its ETag, 206 for a range")


def _methods(visit: Visit) -> Seen:
    url = visit.url(visit.new_key())
    reply = ask(url, "POST", {"Content-Type": "text/plain"}, b"-")
    # CloudFront's own refusal would be 403: 405 is the firewall's, which comes first.
    require(reply.status == 405, f"POST was answered {reply}, not 405")
    require("GET" in reply.header("Allow"), f"Allow is {reply.header('Allow') or 'not there'}")
    return Seen(text=f"POST is 405, Allow: {reply.header('Allow')}")


def _missing(visit: Visit) -> Seen:
    key = visit.new_key()
    url = visit.url(key)
    reply: Reply = ask(url, headers={"Accept": ANY})
    require(reply.status == 404, f"a picture that is not there was answered {reply}")
    (record,) = visit.commands.deleted([key])
    tags = reply.header("Cache-Tag")
    require(record["state"] == "absent", f"the API says {record}")
    require(record["cache_tag"] in tags, f"the 404 has Cache-Tag {tags or 'none'}; the API says {record['cache_tag']}")
    return Seen(text=f"404 with the tag that the API purges: {record['cache_tag']}")


STEPS: Final = (
    Step(name="formats", claims="AVIF, WebP and JPEG by Accept, each a miss and then a hit", look=_formats),
    Step(name="one-entry", claims="browsers with the same formats share an entry of the cache", look=_one_entry),
    Step(name="headers", claims="tags, Vary, ages for CDN and browsers, sandbox, request id", look=_headers),
    Step(name="https", claims="http is redirected, TLS 1.2 or newer, HSTS, nosniff", look=_https, needs="https"),
    Step(name="signature", claims="wrong signatures are 403, each configured key signs", look=_signature),
    Step(name="conditional", claims="the CDN answers If-None-Match and ranges", look=_conditional),
    Step(name="methods", claims="the firewall refuses POST to the distribution", look=_methods),
    Step(name="missing", claims="a 404 carries the tag of the missing original", look=_missing),
)
