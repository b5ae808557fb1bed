"""Settings -> the results that are kept."""

from __future__ import annotations

from pathlib import Path

from renderer.cache.figures import ResultFigures
from renderer.cache.freshness import FreshnessRules
from renderer.cache.layout import MARKERS, RESULTS, pointed_name
from renderer.cache.markers import EXPIRE_SECONDS
from renderer.cache.results import ResultRules, Results
from renderer.settings.results import ResultSettings
from renderer.settings.s3 import S3Settings
from renderer.storage.object_store import ObjectStore


def open_results(
    settings: ResultSettings, *, query_separator: str = "?", figures: ResultFigures | None = None
) -> Results | None:
    """The results; None where none are kept.

    Args:
        settings: of this process, see `settings_of_process`.
        query_separator: divides key and query of sources that are not http(s).
        figures: count.

    Raises:
        ConfigurationError: the store cannot be used.
    """
    if not settings.are_kept:
        return None
    rules = ResultRules(
        memory_bytes=settings.memory_bytes,
        memory_seconds=settings.memory_seconds,
        timeout_seconds=settings.timeout_seconds,
        write_timeout_seconds=settings.write_timeout_seconds,
        queue_bytes=settings.queue_bytes,
        query_separator=query_separator,
    )
    return Results(rules, open_store(settings), figures=figures)


def freshness_rules(settings: ResultSettings) -> FreshnessRules:
    """For how long results are fresh. Without a store nothing can be purged, so sources are asked more often."""
    own_seconds = settings.ttl_seconds if settings.use else min(settings.ttl_seconds, settings.memory_seconds)
    return FreshnessRules(own_seconds=own_seconds, http_seconds=settings.http_ttl_seconds)


def open_store(settings: ResultSettings) -> ObjectStore | None:
    """The store that all processes share; None where the settings name none.

    Raises:
        ConfigurationError: it cannot be used.
    """
    if settings.use == "s3":
        from renderer.storage.s3_objects import S3Objects  # the SDK takes 0.3 s to import

        return S3Objects(
            settings.bucket,
            prefix=settings.path_prefix,
            settings=S3Settings(
                region=settings.s3_region,
                endpoint=settings.s3_endpoint,
                endpoint_uses_path_style=settings.s3_endpoint_uses_path_style,
                assume_role_arn=settings.s3_assume_role_arn,
                assume_role_external_id=settings.s3_assume_role_external_id,
            ),
            timeout_seconds=settings.write_timeout_seconds,
        )
    if settings.use == "fs" and settings.fs_root is not None:
        from renderer.storage.filesystem_objects import FilesystemObjects
        from renderer.storage.housekeeping import HouseRules

        return FilesystemObjects(
            Path(settings.fs_root, settings.bucket, settings.path_prefix),
            HouseRules(
                max_bytes=settings.max_bytes,
                evicted=RESULTS,
                expired=MARKERS,
                expire_seconds=EXPIRE_SECONDS,
                target_of=pointed_name,
            ),
        )
    return None
