"""Settings of `s3://` sources (spec 03 sections 1.5 and 4.7)."""

from __future__ import annotations

from dataclasses import dataclass

from renderer.settings.declare import setting
from renderer.settings.readers import BOOLEAN, MAP, TEXT, words


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """Sources in S3. Credentials come from the AWS SDK's own chain."""

    enabled: bool = setting("IMGPROXY_USE_S3", read=BOOLEAN, default=False, doc="`s3://bucket/key` URLs name sources.")
    region: str = setting(
        "IMGPROXY_S3_REGION",
        read=TEXT,
        default="",
        shown_default="the SDK's, else us-west-1",
        doc="Region that is asked first. Buckets of other regions are found and remembered.",
    )
    endpoint: str = setting(
        "IMGPROXY_S3_ENDPOINT",
        read=TEXT,
        default="",
        doc="URL of an S3-compatible server; without a scheme, `http://` is put before it.",
    )
    endpoint_uses_path_style: bool = setting(
        "IMGPROXY_S3_ENDPOINT_USE_PATH_STYLE",
        read=BOOLEAN,
        default=True,
        doc="The bucket is in the path of the endpoint's URL, not in its host. Counts only with"
        " `IMGPROXY_S3_ENDPOINT`.",
    )
    decryption_client_enabled: bool = setting(
        "IMGPROXY_S3_USE_DECRYPTION_CLIENT",
        "IMGPROXY_S3_DECRYPTION_CLIENT_ENABLED",
        read=BOOLEAN,
        default=False,
        doc="Client-side decryption. This server has none: `true` together with `IMGPROXY_USE_S3` stops the start.",
    )
    assume_role_arn: str = setting(
        "IMGPROXY_S3_ASSUME_ROLE_ARN",
        read=TEXT,
        default="",
        doc="Role that is assumed before reading; its credentials are renewed before they expire.",
    )
    assume_role_external_id: str = setting(
        "IMGPROXY_S3_ASSUME_ROLE_EXTERNAL_ID",
        read=TEXT,
        default="",
        secret=True,
        doc="External id that is presented when the role is assumed.",
    )
    allowed_buckets: tuple[str, ...] = setting(
        "IMGPROXY_S3_ALLOWED_BUCKETS",
        read=words(),
        default=(),
        shown_default="all",
        doc="Names of the buckets that may be read.",
    )
    denied_buckets: tuple[str, ...] = setting(
        "IMGPROXY_S3_DENIED_BUCKETS",
        read=words(),
        default=(),
        doc="Names of buckets that may not be read, allowed ones included.",
    )
    access_points: tuple[tuple[str, str], ...] = setting(
        "IMGPROXY_S3_ACCESS_POINTS",
        read=MAP,
        default=(),
        doc="`name=ARN` pairs between `;`: the bucket of a URL that stands for an access point, multi-region ones"
        " included.",
    )
