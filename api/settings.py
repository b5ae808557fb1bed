"""Settings of the API (DESIGN section 6), beside those of the store of results, whose entries it purges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

from renderer.errors import ConfigurationError
from renderer.formats import ImageFormat
from renderer.settings.declare import Reader, setting
from renderer.settings.load import load_table
from renderer.settings.readers import BOOLEAN, FORMATS, TEXT, integer, megapixels, number, one_of, path, words
from renderer.settings.results import ResultSettings, result_problems

CLASSES: Final = ("loopback", "link-local", "private")
"""Of addresses, as `renderer.sources.guard` names them."""

GATEWAY_SECONDS: Final = 29.0
"""What API Gateway waits for a function: 29 s."""

DIRECT_BYTES: Final = 4_194_304
"""4 MiB: a Lambda event of 6 MB holds 4.5 MiB in base64, less its envelope."""


def _read_classes(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if unknown := set(names).difference(CLASSES):
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    return names


_CLASSES: Final = Reader(expected=f"a comma-separated list of {', '.join(CLASSES)}", read=_read_classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """The upload API: its store, its CDN and its queue."""

    bucket: str = setting("BILDWERK_BUCKET", read=TEXT, default="", doc="Bucket of the originals.")
    folder: PurePath | None = setting(
        "BILDWERK_API_FOLDER",
        read=path("the path of a folder"),
        default=None,
        doc="Folder of the originals instead of a bucket, for one machine: the server reads it with"
        " `IMGPROXY_LOCAL_FILESYSTEM_ROOT`.",
    )
    s3_endpoint: str = setting(
        "BILDWERK_S3_ENDPOINT", read=TEXT, default="", shown_default="AWS", doc="URL of an S3-compatible server."
    )
    cloudfront_endpoint: str = setting(
        "BILDWERK_CLOUDFRONT_ENDPOINT",
        read=TEXT,
        default="",
        shown_default="AWS",
        doc="URL of a server that speaks CloudFront's language.",
    )
    distribution_id: str = setting(
        "BILDWERK_DISTRIBUTION_ID",
        read=TEXT,
        default="",
        doc="Distribution that is purged; blank is no CDN: only the store of results is purged.",
    )
    purge_queue_url: str = setting(
        "BILDWERK_PURGE_QUEUE_URL",
        read=TEXT,
        default="",
        shown_default="in the process",
        doc="SQS queue of purges. Lambda functions need it; `bildwerk api` has one of its own.",
    )
    purge_again_seconds: int = setting(
        "BILDWERK_PURGE_AGAIN_SECONDS",
        read=integer(0, 900),
        default=90,
        doc="After how many seconds a purge is repeated, for what was being rendered meanwhile: more than"
        " `IMGPROXY_TIMEOUT` and `BILDWERK_RESULTS_MEMORY_SECONDS`. 0 repeats none.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """The upload API: who may do what."""

    bind: str = setting(
        "BILDWERK_API_BIND", read=TEXT, default="127.0.0.1:8090", doc="Where `bildwerk api` listens: host and port."
    )
    state: PurePath | None = setting(
        "BILDWERK_API_STATE",
        read=path("the path of a file"),
        default=None,
        shown_default="in the folder for temporary files",
        doc="File in which `bildwerk api` keeps its queue, so that no purge is lost when it is killed.",
    )
    auth: str = setting(
        "BILDWERK_API_AUTH",
        read=one_of("tokens", "iam"),
        default="tokens",
        doc="`tokens` are bearer tokens; `iam` leaves it to API Gateway, which checks SigV4, and lets whoever it let in"
        " do everything.",
    )
    tokens: str = setting(
        "BILDWERK_API_TOKENS",
        read=TEXT,
        default="",
        secret=True,
        doc='JSON list of `{"name", "token" or "token_sha256", "scopes": ["upload", "delete"], "prefix"?}`.',
    )
    tokens_secret: str = setting(
        "BILDWERK_API_TOKENS_SECRET",
        read=TEXT,
        default="",
        doc="Name or ARN of the secret in AWS Secrets Manager that holds such a list.",
    )
    tokens_seconds: int = setting(
        "BILDWERK_API_TOKENS_SECONDS",
        read=integer(1, 86_400),
        default=300,
        doc="How long that secret is believed before it is read again: a revoked token works for so long, and as long"
        " as API Gateway keeps the authorizer's answer (60 s under `bildwerk api`).",
    )
    allow_origins: tuple[str, ...] = setting(
        "BILDWERK_API_ALLOW_ORIGINS",
        read=words(empty_items=False),
        default=(),
        doc="Origins of web pages that may use the API from a browser, `*` for all.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSettings:
    """The upload API: which pictures it takes."""

    max_bytes: int = setting(
        "BILDWERK_MAX_UPLOAD_BYTES",
        read=integer(1, DIRECT_BYTES),
        default=DIRECT_BYTES,
        doc="Size of a file in a request. Larger ones go by `POST /uploads`.",
    )
    max_large_bytes: int = setting(
        "BILDWERK_MAX_LARGE_UPLOAD_BYTES",
        read=integer(1, 5_368_709_120),
        default=104_857_600,
        doc="Size of a file that goes by `POST /uploads`, and of one that is fetched by its URL.",
    )
    formats: tuple[ImageFormat, ...] = setting(
        "BILDWERK_UPLOAD_FORMATS",
        read=FORMATS,
        default=tuple(ImageFormat),
        shown_default="all that can be decoded",
        doc="Formats that are taken.",
    )
    max_resolution: int = setting(
        "BILDWERK_UPLOAD_MAX_RESOLUTION",
        read=megapixels(above=0),
        default=50_000_000,
        shown_default="50",
        doc="Megapixels of a picture, of one frame of an animation.",
    )
    max_frames: int = setting(
        "BILDWERK_UPLOAD_MAX_FRAMES", read=integer(1), default=500, doc="Frames of an animation, pages of a file."
    )
    max_animation_resolution: int = setting(
        "BILDWERK_UPLOAD_MAX_ANIMATION_RESOLUTION",
        read=megapixels(above=0),
        default=250_000_000,
        shown_default="250",
        doc="Megapixels of all frames together.",
    )
    svg: str = setting(
        "BILDWERK_UPLOAD_SVG",
        read=one_of("sanitize", "refuse"),
        default="sanitize",
        doc="What happens to an SVG that is not harmless: it is made so before it is stored, or it is refused.",
    )
    allow_http: bool = setting(
        "BILDWERK_UPLOAD_ALLOW_HTTP", read=BOOLEAN, default=False, doc="URLs may be `http://`, redirects too."
    )
    allow_addresses: tuple[str, ...] = setting(
        "BILDWERK_UPLOAD_ALLOW_ADDRESSES",
        read=_CLASSES,
        default=(),
        shown_default="none",
        doc="Classes of addresses that URLs may lead to beside public ones, whatever the server's own switches say.",
    )
    url_seconds: float = setting(
        "BILDWERK_UPLOAD_URL_TIMEOUT",
        read=number(above=0, high=GATEWAY_SECONDS - 4),
        default=20.0,
        doc="Seconds for fetching a URL, redirects included.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """The upload API's commands: `bildwerk upload`, `bildwerk delete`."""

    url: str = setting(
        "BILDWERK_API_URL",
        read=TEXT,
        default="http://127.0.0.1:8090",
        doc="Where the API is, for the commands that use it.",
    )
    token: str = setting(
        "BILDWERK_API_TOKEN", read=TEXT, default="", secret=True, doc="The token that these commands show."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """All that the API is set up with."""

    store: StoreSettings = field(default_factory=StoreSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    uploads: UploadSettings = field(default_factory=UploadSettings)
    results: ResultSettings = field(default_factory=ResultSettings)


TABLES: Final = {"store": StoreSettings, "access": AccessSettings, "uploads": UploadSettings, "client": ClientSettings}
"""The tables that are the API's own."""


def load_api_settings(environment: Mapping[str, str]) -> ApiSettings:
    """Reads every table from the environment.

    Raises:
        ConfigurationError: naming each variable that cannot be used, what it expects and what it got.
    """
    problems: list[str] = []
    settings = ApiSettings(
        store=load_table(StoreSettings, environment, problems),
        access=load_table(AccessSettings, environment, problems),
        uploads=load_table(UploadSettings, environment, problems),
        results=load_table(ResultSettings, environment, problems),
    )
    if bool(settings.store.bucket) == (settings.store.folder is not None):
        problems.append("BILDWERK_BUCKET, BILDWERK_API_FOLDER: expected one of the two: a bucket or a folder")
    if settings.access.tokens and settings.access.tokens_secret:
        problems.append("BILDWERK_API_TOKENS, BILDWERK_API_TOKENS_SECRET: expected one of the two")
    problems += result_problems(settings.results)
    if problems:
        raise ConfigurationError(problems)
    return settings
