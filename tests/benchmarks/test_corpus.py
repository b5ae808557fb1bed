"""The corpus: what it is made from, that it is whole or not there, and that scenarios and limit fit it."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import pyvips

from benchmarks.pictures.corpus import Corpus, prepare
from benchmarks.pictures.corpus_shape import Group, Sizes
from benchmarks.pictures.limit import Limit, answer, differences
from benchmarks.pictures.limit_operations import Operations
from benchmarks.pictures.photographs import find_photographs
from benchmarks.pictures.scenarios import Order, scenarios
from scripts.samples.folder import draw_samples

SMALL = Sizes(
    side=300,
    count=3,
    special_count=2,
    large_count=2,
    real_count=1,
    montages=((420, 280),),
    tile=(200, 150),
    detailed=(400, 300),
    alpha_side=120,
    frame=(60, 40),
    frames=3,
)


def detailed(width: int = 2_100, height: int = 1_400, *, seed: int = 1) -> pyvips.Image:
    """Noise over a slope: as much to see as on a photograph."""
    noise = pyvips.Image.gaussnoise(width, height, mean=0, sigma=40, seed=seed)
    blots = pyvips.Image.gaussnoise(6, 4, mean=128, sigma=60, seed=seed).resize(width / 6, vscale=height / 4)
    grey = (noise + blots).cast("uchar")
    return grey.bandjoin([grey.rot180(), grey.flip("horizontal")]).copy(interpretation="srgb")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what passes for photographs, a flat drawing, a text, and a link."""
    folder = tmp_path_factory.mktemp("given")
    detailed(seed=1).jpegsave(str(folder / "one.jpg"), Q=85)
    detailed(seed=2).jpegsave(str(folder / "two.jpg"), Q=85, interlace=True)
    detailed(seed=2).resize(0.98).jpegsave(str(folder / "two-again.jpg"), Q=85)
    pyvips.Image.black(2_400, 1_600, bands=3).jpegsave(str(folder / "flat.jpg"))
    detailed(600, 400, seed=3).jpegsave(str(folder / "small.jpg"))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (folder / "linked.jpg").symlink_to(folder / "one.jpg")
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, given: Path) -> Corpus:
    return prepare(tmp_path_factory.mktemp("bench") / "corpus", given, lambda _: None, sizes=SMALL)


def test_what_shows_little_is_no_photograph_and_each_picture_counts_once(given: Path, tmp_path: Path) -> None:
    found = find_photographs(tmp_path, given, lambda _: None)

    assert {photograph.path.name for photograph in found.photographs} == {"one.jpg", "two.jpg"}
    assert any(photograph.is_progressive for photograph in found.photographs)
    assert "2 of 4 large pictures pass for photographs" in found.made_from


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no photograph"):
        find_photographs(tmp_path, tmp_path, lambda _: None)


def test_without_apt_the_samples_stand_in_and_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []

    found = find_photographs(tmp_path, None, said.append)

    assert found.photographs
    assert any("NO REAL PHOTOGRAPHS" in text for text in found.made_from)
    assert any("no apt-get" in text for text in said)
    assert not draw_samples(tmp_path / "samples"), "they are the project's own, drawn once"


def test_every_group_has_pictures_of_its_kind(corpus: Corpus) -> None:
    assert set(corpus.pictures) == set(Group)
    assert all(corpus.pictures[group] for group in Group)
    assert all(picture.is_progressive for picture in corpus.pictures[Group.PROGRESSIVE])
    assert not any(picture.is_progressive for picture in corpus.pictures[Group.LARGE])
    assert {(picture.width, picture.height) for picture in corpus.pictures[Group.DETAILED]} == {(400, 300)}
    assert {max(picture.width, picture.height) for picture in corpus.pictures[Group.JPEG]} == {300}
    alpha = pyvips.Image.new_from_file(str(corpus.folder / corpus.pictures[Group.ALPHA][0].path))
    assert alpha.hasalpha()
    for group in (Group.GIF, Group.ANIMATED_WEBP):
        image = pyvips.Image.new_from_file(str(corpus.folder / corpus.pictures[group][0].path))
        assert image.get("n-pages") == 3


def test_a_whole_corpus_is_kept_and_a_damaged_one_is_made_anew(given: Path, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    made = prepare(folder, given, lambda _: None, sizes=SMALL)
    picture = folder / made.pictures[Group.JPEG][0].path
    written = picture.stat().st_mtime_ns

    assert prepare(folder, given, lambda _: None, sizes=SMALL) == made
    assert picture.stat().st_mtime_ns == written

    picture.unlink()
    assert prepare(folder, given, lambda _: None, sizes=SMALL) == made
    assert picture.is_file()


@pytest.mark.parametrize("moment", ["writing png", "writing hit"])
def test_an_interrupted_run_leaves_nothing(given: Path, tmp_path: Path, moment: str) -> None:
    def say(text: str) -> None:
        if text == moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path / "corpus", given, say, sizes=SMALL)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(given: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")

    with pytest.raises(ValueError, match="something else"):
        prepare(tmp_path, given, lambda _: None, sizes=SMALL)

    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_scenarios_ask_for_pictures_that_are_there_and_use_every_group(corpus: Corpus) -> None:
    table = scenarios(corpus)
    paths = {shot.picture.path for scenario in table for shot in scenario.shots}

    assert len({scenario.name for scenario in table}) == len(table)
    assert {path.partition("/")[0] for path in paths} == set(Group)
    assert all((corpus.folder / path).is_file() for path in paths)
    assert all(scenario.shots and scenario.title and scenario.doc for scenario in table)
    assert {scenario.order for scenario in table} == set(Order)
    assert all(len(scenario.shots) % scenario.burst == 0 for scenario in table)


def test_a_shot_is_a_path_of_the_server(corpus: Corpus) -> None:
    burst = next(scenario for scenario in scenarios(corpus) if scenario.order is Order.BURST)

    assert [shot.path() for shot in burst.shots] == [
        f"/insecure/rs:fit:{width}:0/plain/local:///detailed/1.jpg@jpg" for width in (160, 240, 320, 480, 640, 800)
    ]
    assert burst.shots[0].path("s3://bucket/") == "/insecure/rs:fit:160:0/plain/s3://bucket/detailed/1.jpg@jpg"


def test_both_limits_make_the_bytes_that_the_renderer_makes(corpus: Corpus) -> None:
    assert list(differences(corpus.folder)) == []


@pytest.mark.parametrize("operations", Operations)
def test_the_limit_answers_a_line_with_a_line(corpus: Corpus, operations: Operations) -> None:
    path = corpus.pictures[Group.GIF][0].path
    still = [["rs:fit:40:40", path, "png"]]
    lines = [{"shots": still}, {"shots": [*still, ["rs:fit:40:40", path, "gif"]], "variables": {}}]
    answers = io.StringIO()

    with ThreadPoolExecutor(2) as threads:
        limit = Limit(corpus.folder, operations, threads)
        answer(limit, io.StringIO("\n".join(map(json.dumps, lines))), answers)

    told = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert [one["pictures"] for one in told] == [1, 2]
    assert all(one["cpu_seconds"] > 0 and one["seconds"] > 0 for one in told)
    assert told[1]["bytes"] > told[0]["bytes"] > 0
