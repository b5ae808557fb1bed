"""A picture opened smaller at once: what is known of it is what opening it as it is tells, or it is not opened so."""

from __future__ import annotations

import time

import pytest
import pyvips
from msgspec.structs import replace

from renderer.codecs.dimensions import dimensions
from renderer.errors import BrokenImage
from renderer.formats import ImageFormat, detect
from renderer.options.crop import Cropping, Trim
from renderer.options.output import Output
from renderer.options.resize import Resize
from renderer.pipeline.cost import EncodedSource, estimate
from renderer.pipeline.loading import Foreseen, after_load, plan_load
from renderer.pipeline.output import ResolvedLimits, pixel_choices
from renderer.pipeline.plan import PlanDefaults, plan_frame
from renderer.request.parse import Grammar, parse_request
from renderer.request.values import Pipeline, RenderRequest
from renderer.settings.load import Settings, load_settings
from renderer.vips import runtime
from renderer.vips.fields import whole_size
from renderer.vips.loader import Loader, LoaderSettings, raster_of
from renderer.vips.opening import opened, opened_smaller
from renderer.vips.picture import Renderer, SourceImage
from renderer.vips.runtime import Deadline

capabilities = runtime.start()

PIPELINE = Pipeline(resize=Resize(width=100, height=100))
DEFAULTS = PlanDefaults()
CHOICES = pixel_choices(Output(), load_settings({}).pixels)
LIMITS = ResolvedLimits(
    max_src_resolution=10_000_000,
    max_animation_frames=1,
    max_animation_frame_resolution=0,
    max_result_dimension=0,
)


def picture(width: int, height: int, orientation: int = 1) -> pyvips.Image:
    image = pyvips.Image.xyz(width, height).bandjoin(7).cast("uchar").copy(interpretation="srgb")
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return image


def loader(data: bytes) -> Loader:
    format = detect(data)
    assert format is not None
    return Loader(data, format, LoaderSettings(), Deadline())


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("size", [(400, 400), (403, 805), (801, 407), (1607, 1601), (1599, 1600)])
@pytest.mark.parametrize("save", ["jpegsave_buffer", "webpsave_buffer"])
def test_it_is_what_two_openings_give(save: str, size: tuple[int, int], orientation: int) -> None:
    data = getattr(picture(*size, orientation), save)()

    first = opened_smaller(loader(data), PIPELINE, DEFAULTS, LIMITS)

    raster = raster_of(loader(data).open(), is_vector=False)
    plan = plan_frame(PIPELINE, raster, DEFAULTS)
    shrink = plan_load(plan, raster, loader(data).format)
    second = loader(data).open(shrink=shrink)
    rest = after_load(plan, raster, raster_of(second, is_vector=False))
    assert first is not None
    assert (first.raster, first.plan, first.shrink) == (raster, rest, shrink)
    assert whole_size(first.image) == whole_size(second)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("save", ["jpegsave_buffer", "webpsave_buffer", "pngsave_buffer"])
@pytest.mark.parametrize("options", ["rs:fit:100:100", "rs:fit:0:0", "rs:fill:90:200/ar:0", "t:10/rs:fit:100:100"])
def test_what_was_foreseen_for_the_estimate_changes_nothing(options: str, save: str, orientation: int) -> None:
    data = getattr(picture(901, 700, orientation), save)()
    wanted = parse_request(f"{options}/plain/local:///picture", Grammar(now=time.time))
    settings = load_settings({})

    foreseen = _foreseen(data, wanted, settings)
    usual = opened_smaller(loader(data), wanted.pipelines[0], DEFAULTS, LIMITS)
    known = opened_smaller(loader(data), wanted.pipelines[0], DEFAULTS, LIMITS, foreseen=foreseen)

    assert (usual is None) == (known is None)
    if usual is not None and known is not None:
        assert foreseen is not None
        assert (known.raster, known.plan, known.shrink) == (usual.raster, usual.plan, usual.shrink)
        assert whole_size(known.image) == whole_size(usual.image)


@pytest.mark.parametrize(("orientation", "is_known"), [(1, True), (6, False)])
def test_a_plan_that_was_foreseen_is_followed_if_the_picture_is_as_expected(
    orientation: int, *, is_known: bool
) -> None:
    data = picture(901, 700, orientation).pngsave_buffer()
    wanted = parse_request("rs:fit:100:100/plain/local:///picture", Grammar(now=time.time))

    first = opened(loader(data), CHOICES, LIMITS, foreseen=_foreseen(data, wanted, load_settings({})))

    plan = plan_frame(wanted.pipelines[0], raster_of(loader(data).open(), is_vector=False), DEFAULTS)
    assert first.plan == (plan if is_known else None)


def _foreseen(data: bytes, wanted: RenderRequest, settings: Settings) -> Foreseen | None:
    format = loader(data).format
    encoded = EncodedSource(format=format, size_bytes=len(data), dimensions=dimensions(data, format, max_frames=2))
    return estimate(wanted, encoded, settings, capabilities.savable).foreseen


def test_nothing_is_foreseen_of_what_moves() -> None:
    """Only one frame may be rendered, so the estimate takes it for a still picture."""
    frames = picture(200, 400)
    frames.set_type(pyvips.GValue.gint_type, "page-height", 200)
    wanted = parse_request("rs:fit:50:50/plain/local:///picture", Grammar(now=time.time))

    assert _foreseen(frames.webpsave_buffer(), wanted, load_settings({})) is None


JPEG = picture(900, 700).jpegsave_buffer()


@pytest.mark.parametrize(
    ("data", "pipeline", "limits"),
    [
        (picture(900, 700).pngsave_buffer(), PIPELINE, LIMITS),
        (JPEG, Pipeline(), LIMITS),
        (JPEG, Pipeline(resize=Resize(width=100), cropping=Cropping(trim=Trim(threshold=1.0))), LIMITS),
        (JPEG, PIPELINE, replace(LIMITS, max_src_resolution=1000)),
        (JPEG[:100], PIPELINE, LIMITS),
        (picture(900, 700, 6).jpegsave_buffer(), Pipeline(resize=Resize(height=200)), LIMITS),
    ],
    ids=["nothing to gain", "not shrunk", "trimmed", "too large", "broken", "another factor when turned"],
)
def test_all_else_is_left_to_the_usual_way(data: bytes, pipeline: Pipeline, limits: ResolvedLimits) -> None:
    assert opened_smaller(loader(data), pipeline, DEFAULTS, limits) is None


def test_a_thumbnail_is_looked_for_only_where_a_file_names_one() -> None:
    plain = picture(64, 64).heifsave_buffer(compression="av1", effort=0)

    assert not loader(plain).may_have_thumbnail()
    assert Loader(plain[:60], ImageFormat.AVIF, LoaderSettings(), Deadline()).may_have_thumbnail()
    assert Loader(plain.replace(b"pitm", b"thmb"), ImageFormat.AVIF, LoaderSettings(), Deadline()).may_have_thumbnail()


def test_errors_of_one_picture_are_not_told_of_the_next() -> None:
    renderer = Renderer(load_settings({}), capabilities)
    wanted = parse_request("rs:fit:100:100/plain/local:///picture@png", Grammar(now=time.time))
    cut = SourceImage(data=JPEG[: len(JPEG) // 2], format=ImageFormat.JPEG)
    broken = SourceImage(data=b"\xff\xd8\xff\xd9", format=ImageFormat.JPEG)
    with pytest.raises(BrokenImage) as before:
        renderer.render(broken, wanted, Deadline())
    renderer.render(cut, wanted, Deadline())

    with pytest.raises(BrokenImage) as after:
        renderer.render(broken, wanted, Deadline())

    assert str(after.value) == str(before.value)
