"""What CloudFront keeps and by which key, what it asks the server with, and what it adds to answers.

The key is the path and the canonical `Accept`: query strings and cookies are no part of a processing URL. What is not
named here does not reach the server (aws.md, pitfall 8). CloudFront handles conditional requests and ranges itself: it
revalidates what expired with the server's ETag, and cuts ranges out of whole answers.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

ERROR_SECONDS: Final = {
    400: 10,
    403: 10,
    404: 20,
    405: 10,
    414: 10,
    416: 1,
    500: 1,
    501: 1,
    502: 1,
    503: 1,
    504: 1,
}
"""How long an error is kept, by status; CloudFront knows these eleven and keeps 429 and 422 not at all.

Edge, regional cache and Origin Shield each begin to count for themselves, so what a viewer sees may be three times as
old: a 404 lives 60 seconds at most (DESIGN section 5). A second of 5xx is enough that an overloaded server is asked for
a picture once and not by all viewers, and is over as soon as the overload is.
"""

CONTENT_SECURITY_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""The server's own (`renderer/web/headers.py`), for the answers that are not the server's."""


def picture_cache_policy(scope: Construct) -> cloudfront.CachePolicy:
    """By path and `Accept`. Not by `Accept-Encoding`: pictures do not shrink, and each picture would be kept thrice."""
    return _cache_policy(scope, "Pictures", "Bildwerk: pictures by path and Accept", compressed=False)


def text_cache_policy(scope: Construct) -> cloudfront.CachePolicy:
    """The same and by encoding, for SVG, which is text: CloudFront packs it with Brotli or gzip."""
    return _cache_policy(scope, "Texts", "Bildwerk: SVG by path, Accept and encoding", compressed=True)


def _cache_policy(scope: Construct, construct_id: str, comment: str, *, compressed: bool) -> cloudfront.CachePolicy:
    return cloudfront.CachePolicy(
        scope,
        construct_id,
        comment=comment,
        min_ttl=Duration.seconds(0),
        default_ttl=Duration.days(1),
        max_ttl=Duration.days(365),
        header_behavior=cloudfront.CacheHeaderBehavior.allow_list("Accept"),
        query_string_behavior=cloudfront.CacheQueryStringBehavior.none(),
        cookie_behavior=cloudfront.CacheCookieBehavior.none(),
        enable_accept_encoding_brotli=compressed,
        enable_accept_encoding_gzip=compressed,
    )


def origin_request_policy(scope: Construct) -> cloudfront.OriginRequestPolicy:
    """What is for logs and traces alone: who asked, and the caller's own name for the request.

    `CloudFront-Viewer-Address` is CloudFront's word for the address; the left end of X-Forwarded-For, which the server
    logs as imgproxy does, is the client's. Never `Host`: the load balancer would get the viewer's.
    """
    return cloudfront.OriginRequestPolicy(
        scope,
        "ToServer",
        comment="Bildwerk: for the server's log",
        header_behavior=cloudfront.OriginRequestHeaderBehavior.allow_list("CloudFront-Viewer-Address", "X-Request-ID"),
        query_string_behavior=cloudfront.OriginRequestQueryStringBehavior.none(),
        cookie_behavior=cloudfront.OriginRequestCookieBehavior.none(),
    )


def response_headers_policy(scope: Construct) -> cloudfront.ResponseHeadersPolicy:
    """HTTPS only from now on, no guessing of types, and nothing in an SVG may act.

    CORS is the server's business (`IMGPROXY_ALLOW_ORIGIN`). `Cache-Tag` is not removed: that CloudFront reads the tags
    before it applies this policy is not documented, and a tag is a hash that tells nobody anything.
    """
    return cloudfront.ResponseHeadersPolicy(
        scope,
        "ToViewers",
        comment="Bildwerk: HTTPS only, nosniff, sandboxed SVG",
        security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
            strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                access_control_max_age=Duration.days(365), include_subdomains=False, preload=False, override=True
            ),
            content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
            content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                content_security_policy=CONTENT_SECURITY_POLICY, override=False
            ),
        ),
    )


def error_responses() -> list[cloudfront.ErrorResponse]:
    """The server's own pages, kept for as long as `ERROR_SECONDS` says."""
    return [
        cloudfront.ErrorResponse(http_status=status, ttl=Duration.seconds(seconds))
        for status, seconds in ERROR_SECONDS.items()
    ]
