"""Asks an API for everything that its document allows, and for what it does not (schemathesis)."""

from __future__ import annotations

import copy
import json
import struct
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import schemathesis
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from api.routes import OCTETS

CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "missing_required_header",
    "ignored_auth",
)


def png(width: int, height: int, value: int) -> bytes:
    """A gray picture of one value."""
    rows = (b"\0" + bytes([value]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


_SOUND: Final = st.builds(png, st.integers(1, 40), st.integers(1, 40), st.integers(0, 255))
_SVG: Final = st.sampled_from(
    [
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>',
        b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        b"<svg/>",
    ]
)
_BROKEN: Final = st.one_of(
    _SOUND.map(lambda data: data[:-20]), _SOUND.map(lambda data: data[:40]), _SOUND.map(lambda data: data + b"PK\3\4")
)
_BOMB: Final = st.just(png(1, 1, 0).replace(struct.pack(">II", 1, 1), struct.pack(">II", 60_000, 60_000)))
_TYPES: Final = ("image/png", "image/svg+xml", "image/jpeg")
PICTURES: Final = st.one_of(_SOUND, _SOUND, _SVG, _BROKEN, _BOMB, st.binary(max_size=200))


ORIGIN: Final = "http://origin.invalid/"
"""Stands for the server of pictures, so that what is generated does not depend on its port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is asked.

    Attributes:
        api: address of the running API.
        token: may do everything.
        origin: address of the server of pictures.
    """

    api: str
    token: str
    origin: str


_targets: list[Target] = []


@dataclass
class Outcome:
    """What came of a run."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """How many requests were asked and checked."""
        return self.statuses.total()


def narrowed(document: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The document with types by name, and with these files of `ORIGIN` as the only ones to fetch."""
    narrow = copy.deepcopy(document)
    for operation in (narrow["paths"]["/images"]["post"], narrow["paths"]["/images/{key}"]["put"]):
        content = operation["requestBody"]["content"]
        content |= dict.fromkeys(_TYPES, content.pop("image/*"))
    schemas = narrow["components"]["schemas"]
    schemas["ImageByURL"]["properties"]["url"] = {"type": "string", "enum": [ORIGIN + name for name in names]}
    schemas["UploadAsked"]["properties"]["content_type"] = {"type": "string", "enum": list(_TYPES)}
    return narrow


def fuzzed(document: dict[str, Any], target: Target, *, examples: int, seed: int, remembers: bool = True) -> Outcome:
    """Every route asked, in the phases of schemathesis: examples, coverage of each constraint, random data.

    Args:
        document: OpenAPI.
        target: what is asked.
        examples: random cases of each route.
        seed: of all that is random.
        remembers: keys of answers are asked for again; otherwise all are invented.
    """
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "base-url": target.api,
            "headers": {"Authorization": f"Bearer {target.token}"},
            "request-timeout": 30,
            "generation": {"mode": "all", "max-examples": examples, "no-shrink": True, "database": "none"},
            "checks": {"enabled": False, **{name: {"enabled": True} for name in CHECKS}},
            "phases": {
                "stateful": {"enabled": False},
                "fuzzing": {"extra-data-sources": {"responses": remembers}},
                "coverage": {"enabled": remembers},
            },
            "output": {"sanitization": {"enabled": False}},
        }
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    _targets[:] = [target]
    outcome = Outcome()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _add(outcome, event.recorder)
        elif isinstance(event, events.NonFatalError):
            outcome.failures.append(str(event.info))
        elif isinstance(event, events.FatalError):
            raise event.exception
    return outcome


def _add(outcome: Outcome, recorder: Any) -> None:
    for id, interaction in recorder.interactions.items():
        status = interaction.response.status_code if interaction.response else 0
        outcome.statuses[recorder.label, status] += 1
        for check in recorder.checks.get(id, []):
            if check.failure_info is not None:
                failure = check.failure_info.failure
                told = f"{status} {failure.title}: {failure.message}\n{check.failure_info.code_sample}"
                outcome.failures.append(f"{check.name}: {told}")


@schemathesis.serializer("application/json")
def _json(context: Any, value: Any) -> bytes:  # noqa: ARG001  schemathesis passes it
    """As it is sent: with the real server of pictures, which the generated cases know nothing of."""
    return json.dumps(value, default=str).replace(ORIGIN, f"{_targets[-1].origin}/").encode()


for _media_type in (OCTETS, *_TYPES):
    schemathesis.openapi.media_type(_media_type, PICTURES)
