"""What the settings say about kept results, and which of them cannot be."""

from __future__ import annotations

import pytest

from renderer.cache.opened import freshness_rules, open_results, open_store
from renderer.errors import ConfigurationError
from renderer.settings.load import load_settings, unknown_settings
from renderer.settings.share import settings_of_process, with_counts

S3 = {"IMGPROXY_CACHE_USE": "s3", "IMGPROXY_CACHE_BUCKET": "b"}


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"IMGPROXY_CACHE_USE": "gcs"}, "IMGPROXY_CACHE_USE: expected blank, fs or s3, got 'gcs' .*not in gcs"),
        ({"IMGPROXY_CACHE_USE": "abs"}, "not in abs"),
        ({"IMGPROXY_CACHE_USE": "swift"}, "not in swift"),
        ({"IMGPROXY_CACHE_USE": "disk"}, "IMGPROXY_CACHE_USE: expected blank, fs or s3"),
        ({"IMGPROXY_CACHE_USE": "fs"}, "IMGPROXY_CACHE_FS_ROOT: expected the path of a folder"),
        ({"IMGPROXY_CACHE_USE": "s3"}, "IMGPROXY_CACHE_BUCKET: expected the name of a bucket"),
        ({**S3, "IMGPROXY_CACHE_BUCKET": "a/b"}, "without slashes"),
        ({**S3, "IMGPROXY_CACHE_S3_USE_DECRYPTION_CLIENT": "true"}, "cannot encrypt"),
        ({"IMGPROXY_CACHE_PATH_PREFIX": "../x"}, "IMGPROXY_CACHE_PATH_PREFIX: expected a path"),
        ({"IMGPROXY_CACHE_PATH_PREFIX": "a//b"}, "IMGPROXY_CACHE_PATH_PREFIX: expected a path"),
        ({"BILDWERK_RESULTS_TIMEOUT": "0"}, "BILDWERK_RESULTS_TIMEOUT: expected a number above 0"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_at_start(variables: dict[str, str], text: str) -> None:
    """With the variable and what it expects."""
    with pytest.raises(ConfigurationError, match=text):
        load_settings(variables)


def test_nothing_is_kept_unless_it_is_asked_for() -> None:
    """As in imgproxy."""
    settings = load_settings({})

    assert not settings.results.are_kept
    assert open_results(settings.results) is None
    assert open_store(settings.results) is None


def test_every_process_has_its_share_of_memory() -> None:
    """The limits are the instance's; what is off stays off."""
    variables = {
        "BILDWERK_PROCESSES": "4",
        "BILDWERK_RESULTS_MEMORY_BYTES": "4000",
        "BILDWERK_RESULTS_QUEUE_BYTES": "8",
    }
    settings = with_counts(load_settings(variables), cpus=4)
    results = settings_of_process(settings, 0).results

    assert (results.memory_bytes, results.queue_bytes) == (1000, 2)
    off = settings_of_process(with_counts(load_settings({"BILDWERK_PROCESSES": "4"}), cpus=4), 0)
    assert off.results.memory_bytes == 0


def test_without_a_store_own_sources_are_asked_after_a_moment() -> None:
    """Nothing could purge what only a process's memory has."""
    alone = load_settings({"BILDWERK_RESULTS_MEMORY_BYTES": "9"}).results
    stored = load_settings(S3).results

    assert (freshness_rules(alone).own_seconds, freshness_rules(stored).own_seconds) == (30, 2_592_000)


def test_names_of_stores_that_are_not_there_are_told_apart_from_misspelled_ones() -> None:
    """A site that moves has them."""
    assert unknown_settings(["IMGPROXY_CACHE_GCS_KEY", "IMGPROXY_CACHE_FS_ROT", "IMGPROXY_CACHE_USE"]) == [
        "IMGPROXY_CACHE_FS_ROT is unknown; is IMGPROXY_CACHE_FS_ROOT meant?",
        "IMGPROXY_CACHE_GCS_KEY is a setting of imgproxy Pro that has no effect here",
    ]
