"""Settings of the listener and of responses (spec 03 section 1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from renderer.settings.declare import setting
from renderer.settings.headers import HEADER_NAME, HEADER_VALUE
from renderer.settings.readers import BOOLEAN, HEADER_TEXT, MOMENT, TAG_TEXT, TEXT, integer, one_of
from renderer.version import VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How requests come in and how answers are headed."""

    bind: str = setting(
        "IMGPROXY_BIND", read=TEXT, default=":8080", doc="Address and port to listen on, or the path of a unix socket."
    )
    network: str = setting(
        "IMGPROXY_NETWORK",
        read=one_of("tcp", "tcp4", "tcp6", "unix"),
        default="tcp",
        doc="What `IMGPROXY_BIND` is: `tcp` of both versions, one version only, or a `unix` socket.",
    )
    so_reuseport: bool = setting(
        "IMGPROXY_SO_REUSEPORT",
        read=BOOLEAN,
        default=False,
        doc="Set `SO_REUSEPORT` on the listening socket, so that other servers may listen beside this one.",
    )
    path_prefix: str = setting(
        "IMGPROXY_PATH_PREFIX", read=TEXT, default="", doc="Put before every route exactly as written."
    )
    health_check_path: str = setting(
        "IMGPROXY_HEALTH_CHECK_PATH", read=TEXT, default="", doc="A further health route; `/health` stays."
    )
    health_check_message: str = setting(
        "IMGPROXY_HEALTH_CHECK_MESSAGE", read=TEXT, default="imgproxy is running", doc="Body of a healthy answer."
    )
    server_name: str = setting("IMGPROXY_SERVER_NAME", read=HEADER_TEXT, default="imgproxy", doc="`Server` header.")
    timeout_seconds: int = setting(
        "IMGPROXY_TIMEOUT",
        read=integer(1),
        default=10,
        doc="Deadline of a whole request: waiting, download and rendering. 503 past it.",
    )
    read_request_timeout_seconds: int = setting(
        "IMGPROXY_READ_REQUEST_TIMEOUT",
        read=integer(1),
        default=10,
        doc="How long a client may take to send a request; a connection that is slower is closed.",
    )
    write_response_timeout_seconds: int = setting(
        "IMGPROXY_WRITE_RESPONSE_TIMEOUT",
        read=integer(1),
        default=10,
        doc="How long a client may take to receive a response; a connection that is slower is closed. Raw streams are"
        " closed when nothing of them is taken for so long.",
    )
    keep_alive_timeout_seconds: int = setting(
        "IMGPROXY_KEEP_ALIVE_TIMEOUT",
        read=integer(0),
        default=10,
        doc="How long an idle client connection stays open; longer than the load balancer's in front. 0 closes after"
        " each response.",
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
        doc="Client connections that are open at once; more wait to be accepted. 0 is no limit.",
    )
    processes: int = setting(
        "BILDWERK_PROCESSES",
        read=integer(1, 256),
        default=0,
        shown_default="one for each usable CPU",
        doc="Server processes behind the one listening socket; workers, queue and clients are divided among them. By"
        " default not more than there are workers or places in the queue.",
    )
    process_max_memory_bytes: int = setting(
        "BILDWERK_PROCESS_MAX_MEMORY",
        read=integer(0),
        default=0,
        doc="Resident bytes at which a process is replaced: the new one serves before the old one ends. 0 is off.",
    )
    free_memory_interval_seconds: int = setting(
        "IMGPROXY_FREE_MEMORY_INTERVAL",
        read=integer(1),
        default=10,
        doc="How often memory that is free is given back to the system.",
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
        read=HEADER_VALUE,
        default="",
        doc="`Access-Control-Allow-Origin` as written; blank sends none.",
    )
    ttl_seconds: int = setting(
        "IMGPROXY_TTL", read=integer(0), default=31_536_000, doc="`max-age` of responses; 0 sends `no-cache`."
    )
    browser_ttl_seconds: int | None = setting(
        "BILDWERK_BROWSER_TTL",
        read=integer(0),
        default=None,
        shown_default="that of IMGPROXY_TTL",
        doc="The most seconds that browsers may keep a response: `max-age` is then this and `s-maxage`, for a CDN, what"
        " `max-age` would be. A purge reaches CDNs, not browsers.",
    )
    cache_control_passthrough: bool = setting(
        "IMGPROXY_CACHE_CONTROL_PASSTHROUGH",
        read=BOOLEAN,
        default=False,
        doc="Answer with the source's own `Cache-Control`, or with what is left of its `Expires`.",
    )
    set_canonical_header: bool = setting(
        "IMGPROXY_SET_CANONICAL_HEADER",
        read=BOOLEAN,
        default=False,
        doc='Send `Link: <source URL>; rel="canonical"` for http(s) sources.',
    )
    enable_debug_headers: bool = setting(
        "IMGPROXY_ENABLE_DEBUG_HEADERS",
        read=BOOLEAN,
        default=False,
        doc="Send `X-Origin-*`, `X-Result-*` and `Server-Timing`.",
    )
    enable_client_hints: bool = setting(
        "IMGPROXY_ENABLE_CLIENT_HINTS",
        read=BOOLEAN,
        default=False,
        doc="Take width and dpr from `Sec-CH-Width`, `Width`, `Sec-CH-DPR` and `DPR` where the URL leaves them open.",
    )
    client_hints_width_step: int = setting(
        "BILDWERK_CLIENT_HINTS_WIDTH_STEP",
        read=integer(0, 10_000),
        default=0,
        doc="Round hinted widths up to a multiple of so many pixels and dpr up to halves, so that caches hold fewer"
        " variants. 0 takes hints as they are.",
    )
    etag_enabled: bool = setting(
        "IMGPROXY_USE_ETAG",
        "IMGPROXY_ETAG_ENABLED",
        read=BOOLEAN,
        default=True,
        doc="Pass the source's `ETag` on, and the client's `If-None-Match` to the source.",
    )
    etag_buster: str = setting(
        "IMGPROXY_ETAG_BUSTER",
        read=HEADER_TEXT,
        default="",
        doc="Put into every `ETag`: a new text makes every client's copy stale.",
    )
    last_modified_enabled: bool = setting(
        "IMGPROXY_USE_LAST_MODIFIED",
        "IMGPROXY_LAST_MODIFIED_ENABLED",
        read=BOOLEAN,
        default=True,
        doc="Pass the source's `Last-Modified` on, and the client's `If-Modified-Since` to the source.",
    )
    last_modified_buster: datetime | None = setting(
        "IMGPROXY_LAST_MODIFIED_BUSTER",
        read=MOMENT,
        default=None,
        doc="No picture counts as older than this moment.",
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
        read=HEADER_NAME,
        default="Cache-Tag",
        empty_is_value=True,
        doc="Header that names a response's originals, for purging a CDN by tag. Empty: none.",
    )
    release: str = setting(
        "BILDWERK_RELEASE",
        read=TAG_TEXT,
        default=VERSION,
        shown_default="the server's version",
        doc="Name of what is deployed: the tag `v-<release>` of every response that has tags, so that one purge drops"
        " what a release has rendered.",
    )
