"""The scheme chooses the loader."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from renderer.errors import ConfigurationError, SourceError
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.registry import Sources, open_sources
from renderer.sources.source import NotModified, RawRequest, RawSource, Source, SourceHeaders


class Recorder:
    """A loader that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.times_closed = 0

    async def fetch(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified:
        """An empty source."""
        self.asked.append((url, conditions, max_bytes))
        return Source(data=b"", url=url, headers=SourceHeaders())

    async def stream(self, url: str, request: RawRequest) -> RawSource:
        """An empty answer."""
        self.asked.append((url, request))

        async def nothing() -> AsyncIterator[bytes]:
            pieces: tuple[bytes, ...] = ()
            for piece in pieces:
                yield piece

        async def release() -> None:
            return

        return RawSource(
            status=200, headers={}, content_length=0, caching=SourceHeaders(), chunks=nothing(), release=release
        )

    async def close(self) -> None:
        """Counts."""
        self.times_closed += 1


@pytest.mark.parametrize("url", ["local:///x", "LOCAL:///x", "Local:x"])
async def test_the_scheme_s_case_does_not_matter(url: str) -> None:
    loader = Recorder()

    await Sources({"local": loader}).fetch(url)

    assert loader.asked == [(url, Conditions(), 0)]


class AtHand(Recorder):
    """One that has what it is asked for."""

    def at_once(self, url: str, *, conditions: Conditions, max_bytes: int) -> Source | NotModified | None:
        """A source of one byte."""
        self.asked.append((url, conditions, max_bytes))
        return Source(data=b"1", url=url, headers=SourceHeaders())


async def test_only_who_has_a_source_at_hand_is_asked_for_it_at_once() -> None:
    near, far = AtHand(), Recorder()
    sources = Sources({"local": near, "s3": far})

    def at_once(url: str) -> Source | NotModified | None:
        return sources.at_once(url, conditions=Conditions(if_none_match="a"), max_bytes=5)

    found = at_once("LOCAL:///x")
    assert isinstance(found, Source)
    assert found.data == b"1"
    assert near.asked == [("LOCAL:///x", Conditions(if_none_match="a"), 5)]
    assert [at_once(url) for url in ("s3://bucket/x", "nobody:///x", "local:///a\nb", "x")] == [None] * 4
    assert (len(near.asked), far.asked) == (1, [])


async def test_conditions_limits_and_raw_requests_reach_the_loader() -> None:
    loader = Recorder()
    sources = Sources({"local": loader})

    await sources.fetch("local:///x", conditions=Conditions(if_none_match="a"), max_bytes=5)
    await sources.stream("local:///y", RawRequest(range="bytes=1-2"))

    assert loader.asked == [
        ("local:///x", Conditions(if_none_match="a"), 5),
        ("local:///y", RawRequest(range="bytes=1-2")),
    ]


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        ("local:///x", "IMGPROXY_LOCAL_FILESYSTEM_ROOT"),
        ("s3://bucket/x", "IMGPROXY_USE_S3"),
        ("GS://bucket/x", "IMGPROXY_USE_GCS"),
        ("abs://container/x", "IMGPROXY_USE_ABS"),
        ("swift://container/x", "IMGPROXY_USE_SWIFT"),
    ],
)
async def test_a_disabled_scheme_names_the_variable_that_enables_it(url: str, variable: str) -> None:
    sources = Sources({})

    with pytest.raises(SourceError, match=variable):
        await sources.fetch(url)
    with pytest.raises(SourceError, match=variable):
        await sources.stream(url, RawRequest())


@pytest.mark.parametrize(
    "url", ["", "hello", "nothing.jpg", "data:image/png;base64,AA", "ftp://x/y", "file:///etc/passwd"]
)
async def test_any_other_scheme_is_unknown(url: str) -> None:
    with pytest.raises(SourceError, match="unknown scheme") as raised:
        await Sources({"local": Recorder()}).fetch(url)

    assert raised.value.status == 404


@pytest.mark.parametrize("character", ["\0", "\n", "\x1f", "\x7f"])
async def test_a_control_character_is_no_part_of_any_url(character: str) -> None:
    with pytest.raises(SourceError, match="control character"):
        await Sources({"local": Recorder()}).fetch(f"local:///a{character}.jpg")


async def test_each_loader_is_closed_once() -> None:
    shared, single = Recorder(), Recorder()

    await Sources({"http": shared, "https": shared, "local": single}).close()

    assert (shared.times_closed, single.times_closed) == (1, 1)


def allow_all(url: str) -> None:
    """An allow-list that is empty."""


async def test_local_sources_are_off_until_a_root_is_set(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    without = open_sources(SourceSettings(), check_source=allow_all)
    with_root = open_sources(SourceSettings(local_filesystem_root=tmp_path), check_source=allow_all)

    with pytest.raises(SourceError, match="IMGPROXY_LOCAL_FILESYSTEM_ROOT"):
        await without.fetch("local:///x")
    source = await with_root.fetch("local:///x")

    assert isinstance(source, Source)
    assert source.data == b"content"
    await without.close()
    await with_root.close()


async def test_a_root_that_is_no_folder_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for root in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(ConfigurationError, match="IMGPROXY_LOCAL_FILESYSTEM_ROOT"):
            open_sources(SourceSettings(local_filesystem_root=root), check_source=allow_all)
