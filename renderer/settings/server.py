"""Settings of the listener, of responses and of the log (spec 03 sections 1.2 and 1.12)."""

from __future__ import annotations

from dataclasses import dataclass

from renderer.settings.declare import setting
from renderer.settings.readers import BOOLEAN, TEXT, integer, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How requests come in and how answers are headed."""

    bind: str = setting("IMGPROXY_BIND", read=TEXT, default=":8080", doc="Address and port to listen on.")
    path_prefix: str = setting(
        "IMGPROXY_PATH_PREFIX", read=TEXT, default="", doc="Put before every route exactly as written."
    )
    health_check_path: str = setting(
        "IMGPROXY_HEALTH_CHECK_PATH", read=TEXT, default="", doc="A further health route; `/health` stays."
    )
    timeout_seconds: int = setting(
        "IMGPROXY_TIMEOUT",
        read=integer(1),
        default=10,
        doc="Deadline of a whole request: waiting, download and rendering. 503 past it.",
    )
    keep_alive_timeout_seconds: int = setting(
        "IMGPROXY_KEEP_ALIVE_TIMEOUT",
        read=integer(0),
        default=10,
        doc="How long an idle client connection stays open. 0 closes after each response.",
    )
    graceful_stop_timeout_seconds: int = setting(
        "IMGPROXY_GRACEFUL_STOP_TIMEOUT",
        read=integer(0),
        default=20,
        doc="How long requests in flight may take to end after SIGTERM or SIGINT.",
    )
    workers: int = setting(
        "IMGPROXY_WORKERS",
        read=integer(1),
        default=0,
        shown_default="twice the usable CPUs",
        doc="Pictures rendered at the same time.",
    )
    requests_queue_size: int = setting(
        "IMGPROXY_REQUESTS_QUEUE_SIZE",
        read=integer(0),
        default=0,
        doc="Requests that may wait for a worker; more are answered 429. 0 leaves the bound to `IMGPROXY_MAX_CLIENTS`.",
    )
    max_clients: int = setting(
        "IMGPROXY_MAX_CLIENTS",
        read=integer(0),
        default=2048,
        doc="Requests that may be in the server at once; more are answered 429. 0 is no limit.",
    )
    secret: str = setting(
        "IMGPROXY_SECRET",
        read=TEXT,
        default="",
        secret=True,
        doc="Processing requests must carry `Authorization: Bearer` with this text.",
    )
    allow_origin: str = setting(
        "IMGPROXY_ALLOW_ORIGIN",
        read=TEXT,
        default="",
        doc="`Access-Control-Allow-Origin` as written; blank sends none.",
    )
    ttl_seconds: int = setting(
        "IMGPROXY_TTL", read=integer(0), default=31_536_000, doc="`max-age` of responses; 0 sends `no-cache`."
    )
    etag_enabled: bool = setting(
        "IMGPROXY_USE_ETAG",
        "IMGPROXY_ETAG_ENABLED",
        read=BOOLEAN,
        default=True,
        doc="Pass the source's `ETag` on, and the client's `If-None-Match` to the source.",
    )
    last_modified_enabled: bool = setting(
        "IMGPROXY_USE_LAST_MODIFIED",
        "IMGPROXY_LAST_MODIFIED_ENABLED",
        read=BOOLEAN,
        default=True,
        doc="Pass the source's `Last-Modified` on, and the client's `If-Modified-Since` to the source.",
    )
    return_attachment: bool = setting(
        "IMGPROXY_RETURN_ATTACHMENT",
        read=BOOLEAN,
        default=False,
        doc="Send `Content-Disposition: attachment` unless the URL says otherwise.",
    )
    development_errors_mode: bool = setting(
        "IMGPROXY_DEVELOPMENT_ERRORS_MODE",
        read=BOOLEAN,
        default=False,
        doc="Answer errors with the developer's text. For development only: it shows internals.",
    )
    cache_tag_header: str = setting(
        "BILDWERK_CACHE_TAG_HEADER",
        read=TEXT,
        default="Cache-Tag",
        doc="Header that names a response's originals, for purging a CDN by tag.",
    )
    log_level: str = setting(
        "IMGPROXY_LOG_LEVEL", read=one_of("debug", "info", "warn", "error"), default="info", doc="What is logged."
    )
