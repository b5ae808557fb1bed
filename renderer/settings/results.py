"""Settings of the store of results (spec 03 section 1.11, DESIGN section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from renderer.settings.declare import Reader, setting
from renderer.settings.headers import HEADER_NAMES
from renderer.settings.readers import BOOLEAN, TEXT, integer, number, path, words

_ELSEWHERE: Final = ("gcs", "abs", "swift")


def _read_use(text: str) -> str:
    name = text.strip().lower()
    if name in _ELSEWHERE:
        raise ValueError(f"this server keeps results in folders and in S3, not in {name}")
    if name not in ("fs", "s3"):
        raise ValueError("unknown word")
    return name


def _read_prefix(text: str) -> str:
    parts = text.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts) or not text.isprintable():
        raise ValueError("an empty part, `.`, `..` or a control character")
    return "/".join(parts)


_USE: Final = Reader(expected="blank, fs or s3", read=_read_use)
_PREFIX: Final = Reader(expected="a path without empty parts, `.` and `..`", read=_read_prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSettings:
    """Where results are kept, and for how long."""

    use: str = setting(
        "IMGPROXY_CACHE_USE",
        read=_USE,
        default="",
        doc="Store of results, shared by all processes and servers that use it: `fs` is a folder, `s3` a bucket; blank"
        " is none.",
    )
    path_prefix: str = setting(
        "IMGPROXY_CACHE_PATH_PREFIX", read=_PREFIX, default="", doc="Put before the names of everything in the store."
    )
    bucket: str = setting(
        "IMGPROXY_CACHE_BUCKET",
        read=_PREFIX,
        default="",
        doc="Bucket of results; with `fs` a folder in the root, which may be left out.",
    )
    fs_root: PurePath | None = setting(
        "IMGPROXY_CACHE_FS_ROOT",
        read=path("the path of a folder"),
        default=None,
        doc="Folder of results; it is made if it is not there.",
    )
    s3_region: str = setting(
        "IMGPROXY_CACHE_S3_REGION", read=TEXT, default="", shown_default="the SDK's", doc="Region of the bucket."
    )
    s3_endpoint: str = setting(
        "IMGPROXY_CACHE_S3_ENDPOINT",
        read=TEXT,
        default="",
        doc="URL of an S3-compatible server; without a scheme, `http://` is put before it.",
    )
    s3_endpoint_uses_path_style: bool = setting(
        "IMGPROXY_CACHE_S3_ENDPOINT_USE_PATH_STYLE",
        read=BOOLEAN,
        default=True,
        doc="The bucket is in the path of that endpoint's URL, not in its host.",
    )
    s3_decryption_client_enabled: bool = setting(
        "IMGPROXY_CACHE_S3_USE_DECRYPTION_CLIENT",
        read=BOOLEAN,
        default=False,
        doc="Client-side encryption. This server has none: `true` together with `s3` stops the start.",
    )
    s3_assume_role_arn: str = setting(
        "IMGPROXY_CACHE_S3_ASSUME_ROLE_ARN", read=TEXT, default="", doc="Role that is assumed for the bucket."
    )
    s3_assume_role_external_id: str = setting(
        "IMGPROXY_CACHE_S3_ASSUME_ROLE_EXTERNAL_ID",
        read=TEXT,
        default="",
        secret=True,
        doc="External id that is presented when the role is assumed.",
    )
    key_headers: tuple[str, ...] = setting(
        "IMGPROXY_CACHE_KEY_HEADERS",
        read=HEADER_NAMES,
        default=(),
        doc="Headers of the client that tell results apart. Those of `IMGPROXY_REQUEST_HEADERS_PASSTHROUGH` do so"
        " anyway.",
    )
    key_cookies: tuple[str, ...] = setting(
        "IMGPROXY_CACHE_KEY_COOKIES",
        read=words(empty_items=False),
        default=(),
        doc="Cookies of the client that tell results apart. With `IMGPROXY_COOKIE_PASSTHROUGH`, and none named here, a"
        " request with cookies neither gets nor leaves a stored result.",
    )
    report_errors: bool = setting(
        "IMGPROXY_CACHE_REPORT_ERRORS",
        read=BOOLEAN,
        default=False,
        doc="Errors of the store go to the error reporters too, not only to the log. No request fails of them.",
    )
    memory_bytes: int = setting(
        "BILDWERK_RESULTS_MEMORY_BYTES",
        read=integer(0),
        default=0,
        doc="Memory of the instance for results, in front of the store or without one; 0 is none.",
    )
    memory_seconds: int = setting(
        "BILDWERK_RESULTS_MEMORY_SECONDS",
        read=integer(1),
        default=30,
        doc="How long a process serves a result from its memory before it looks into the store again, or, without a"
        " store, asks the source whether it has changed. A purge has reached every process after this time.",
    )
    ttl_seconds: int = setting(
        "BILDWERK_RESULTS_TTL",
        read=integer(0),
        default=2_592_000,
        doc="The most seconds that a stored result is served without asking its source: for sources that are not"
        " http(s) always, if no purge comes before; for http(s) ones an upper bound of what they say.",
    )
    http_ttl_seconds: int = setting(
        "BILDWERK_RESULTS_HTTP_TTL",
        read=integer(0),
        default=0,
        shown_default="0 (ask each time)",
        doc="The same for http(s) sources that say nothing about caching.",
    )
    max_bytes: int = setting(
        "BILDWERK_RESULTS_MAX_BYTES",
        read=integer(0),
        default=10_737_418_240,
        doc="Disk space of a store of kind `fs`, for all processes together; what was used longest ago makes room. 0 is"
        " no limit.",
    )
    timeout_seconds: float = setting(
        "BILDWERK_RESULTS_TIMEOUT",
        read=number(above=0, high=60),
        default=0.5,
        doc="Seconds that a request waits for the store before it is rendered.",
    )
    write_timeout_seconds: float = setting(
        "BILDWERK_RESULTS_WRITE_TIMEOUT",
        read=number(above=0, high=600),
        default=10.0,
        doc="Seconds for writing one result; no request waits for that.",
    )
    queue_bytes: int = setting(
        "BILDWERK_RESULTS_QUEUE_BYTES",
        read=integer(0),
        default=33_554_432,
        doc="Bytes of results of the instance that may wait to be written; what comes when it is full is not kept.",
    )

    @property
    def are_kept(self) -> bool:
        """Whether any result is kept anywhere."""
        return bool(self.use or self.memory_bytes)


def result_problems(settings: ResultSettings) -> list[str]:
    """What is missing for the store that is asked for."""
    problems = []
    if settings.use == "fs" and settings.fs_root is None:
        problems.append("IMGPROXY_CACHE_FS_ROOT: expected the path of a folder, because IMGPROXY_CACHE_USE is fs")
    if settings.use == "s3" and not settings.bucket:
        problems.append("IMGPROXY_CACHE_BUCKET: expected the name of a bucket, because IMGPROXY_CACHE_USE is s3")
    if settings.use == "s3" and "/" in settings.bucket:
        problems.append("IMGPROXY_CACHE_BUCKET: expected the name of a bucket, without slashes")
    if settings.use == "s3" and settings.s3_decryption_client_enabled:
        problems.append(
            "IMGPROXY_CACHE_S3_USE_DECRYPTION_CLIENT: expected false, because this server cannot encrypt objects"
        )
    return problems
