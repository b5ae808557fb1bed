"""What the pure core costs: `make micro`. Best of several rounds, in microseconds a call."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Final

from renderer.cache.key import cache_key
from renderer.pipeline.header import Raster
from renderer.pipeline.plan import PlanDefaults, plan_frame
from renderer.request.build import build_path
from renderer.request.parse import Grammar, parse_request
from renderer.request.path import split_path
from renderer.response.disposition import content_disposition
from renderer.security.signature import SigningKeys, sign, verify
from renderer.settings.security import SecuritySettings

_KEY: Final = bytes.fromhex("943b421c9eb07c830af81030552c86009268de4e532ba2ee2eab8247c6da0881")
_SALT: Final = bytes.fromhex("520f986b998481b4785b7b1f1b9f3b1f9f5b0d5f4f3c2e1d0c9b8a7968574635")
_PATH: Final = "rs:fill:300:400:0/g:sm/q:80/plain/https://example.com/images/curiosity.jpg@webp"
_ROUNDS: Final = 7
_CALLS: Final = 2_000


def main() -> None:
    """Prints a line a case."""
    grammar = Grammar(now=lambda: 1_750_000_000.0)
    target = f"/{sign(_PATH, _KEY, _SALT)}/{_PATH}"
    signature = split_path(target).signature
    keys = SigningKeys.from_settings(SecuritySettings(keys=(_KEY,), salts=(_SALT,)))
    wanted = parse_request(_PATH, grammar)
    raster, defaults = Raster(4000, 3000, 6), PlanDefaults()
    cases: dict[str, Callable[[], object]] = {
        "split and repair a target": lambda: split_path(target),
        "verify a signature": lambda: verify(signature, _PATH, keys),
        "parse a typical path": lambda: parse_request(_PATH, grammar),
        "plan a picture": lambda: plan_frame(wanted.pipelines[0], raster, defaults),
        "build a path": lambda: build_path(wanted),
        "cache key": lambda: cache_key(wanted),
        "Content-Disposition": lambda: content_disposition(source_url=wanted.source_url, extension=".webp"),
    }
    for name, call in cases.items():
        best = min(timeit.repeat(call, number=_CALLS, repeat=_ROUNDS)) / _CALLS
        print(f"{name:28} {best * 1e6:7.1f} µs")


if __name__ == "__main__":
    main()
