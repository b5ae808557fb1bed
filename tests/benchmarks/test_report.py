"""The report of a run, whole or not."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from benchmarks.pictures import contact_sheet
from benchmarks.pictures.corpus_shape import Picture
from benchmarks.pictures.flat import Memory
from benchmarks.pictures.goals import goals
from benchmarks.pictures.hits import BARE
from benchmarks.pictures.likeness import Result, Row
from benchmarks.pictures.measured import Round, Series
from benchmarks.pictures.plots import plots
from benchmarks.pictures.ramp import Ramp, Step
from benchmarks.pictures.report import markdown
from benchmarks.pictures.results import Results, raw
from benchmarks.pictures.rounds import Failure, Measured
from benchmarks.pictures.scenarios import Order, Scenario, Shot
from benchmarks.pictures.targets import LIBVIPS, LIMIT, OURS


def _series(target: str, cpu_ms: float | None, *, per_second: float = 50.0) -> Series:
    rounds = [
        Round(
            number=number,
            pictures=100,
            wall_seconds=100 / per_second,
            cpu_seconds=None if cpu_ms is None else cpu_ms / 10,
            result_bytes=4_000_000,
            latencies=(0.020, 0.030),
            peak_bytes=100_000_000,
        )
        for number in range(3)
    ]
    return Series(target=target, rounds=rounds, similarities=[0.98, 0.96])


def _scenario(name: str, order: Order = Order.EACH) -> Scenario:
    picture = Picture(path="a.jpg", format="jpeg", width=2040, height=1360, size_bytes=1000)
    shot = Shot(options="rs:fit:512:512", picture=picture, format="jpg")
    return Scenario(name=name, title=f"title of {name}", doc="What it is.", shots=(shot,), order=order)


def _results() -> Results:
    measured = Measured(scenario=_scenario("jpeg"))
    measured.series = {
        one.target: one
        for one in (_series(OURS, 18.0), _series(LIMIT, 17.5), _series(LIBVIPS, 16.0), _series("other", None))
    }
    hits = Measured(scenario=_scenario("hits", Order.HITS), notes=["30,000 bytes a hit"])
    hits.series = {OURS: _series(OURS, 0.1, per_second=7000.0), BARE: _series(BARE, 0.08, per_second=10_000.0)}
    step = Step(load=2, answered=50.0, refused=0.0, others=0, p50=0.02, p99=0.03, cpu_ms=18.0)
    return Results(
        head={"machine": "a | b"},
        scenarios=[measured],
        hits=hits,
        ramps=[Ramp(target=OURS, closed=[step], opened=[step])],
        memory=[Memory(target=OURS, peaks=[290_000_000] * 29 + [300_000_000])],
    )


def test_a_whole_run_is_told_with_ratios_and_bounds() -> None:
    text = markdown(_results(), ["cpu.png"])

    assert "| `jpeg` | 100 x 3 | 18.0 | 17.5 (**1.029**) | 16.0 (**1.125**) | - |" in text
    assert "| jpeg: CPU, bildwerk / limit | 1.029 (1.029 - 1.029, 3 rounds) | <= 1.05 | yes |" in text
    assert "| `jpeg` | other | 50.0 | 20.0 | 30.0 | 30.0 | 100 | 40.0 | 0.9700 |" in text
    assert "![CPU by scenario](cpu.png)" in text
    assert "ramp.png" not in text
    assert "a \\| b" in text
    assert "not whole" not in text


def test_a_target_that_died_in_the_middle_is_told_at_the_head() -> None:
    results = _results()
    results.scenarios[0].series["other"].rounds.clear()
    results.scenarios[0].failures.append(
        Failure(scenario="jpeg", target="other", text="cannot be reached", is_gone=True)
    )

    text = markdown(results, [])

    assert not results.is_whole
    assert text.index("- other in `jpeg`: it is gone: cannot be reached") < text.index("| machine |")
    assert "| `jpeg` | 100 x 3 | 18.0 | 17.5 (**1.029**) | 16.0 (**1.125**) | - |" in text


def test_a_run_that_saw_nothing_still_makes_a_report(tmp_path: Path) -> None:
    results = Results(broken=["ramp: the server did not start"])

    assert plots(results, tmp_path) == []
    assert "ramp: the server did not start" in markdown(results, [])


def test_goals_are_judged_by_their_bounds() -> None:
    seen = {goal.what: goal.holds for goal in goals(_results())}

    assert seen["jpeg: CPU, bildwerk / limit"]
    assert seen["jpeg: CPU, bildwerk / bare libvips (1.125) x 0.85 of bare libvips / imgproxy"] is False
    assert seen["cached hits: requests a second, bildwerk / bare aiohttp"]
    assert seen["peak PSS over 3,000 renders of large photographs"]
    # 300 MB after 290 are 3.4 % more.
    assert seen["what the last third of 3,000 renders adds to the peak"] is False


def test_a_running_imgproxy_replaces_the_table() -> None:
    results = _results()
    results.scenarios[0].series["imgproxy"] = _series("imgproxy", 21.0)

    seen = {goal.what: goal.holds for goal in goals(results)}

    assert seen["jpeg: CPU, bildwerk / imgproxy"]
    assert not any("x 0.85" in what for what in seen)


def test_raw_numbers_are_json() -> None:
    told = json.loads(json.dumps(raw(_results())))

    series = told["scenarios"][0]["targets"]["bildwerk"]
    assert [one["cpu_seconds"] for one in series["rounds"]] == [1.8, 1.8, 1.8]
    assert series["rounds"][0]["latency_ms"] == {"p50": 20.0, "p95": 30.0, "p99": 30.0}


def test_plots_and_contact_sheet_are_pictures(tmp_path: Path) -> None:
    names = plots(_results(), tmp_path)
    dot = tmp_path / "dot.png"
    Image.new("RGBA", (40, 30), (200, 0, 0, 128)).save(dot)
    result = Result(body=dot.read_bytes(), similarity=0.98)
    row = Row(title="jpeg\nrs:fit:512:512", reference=dot.read_bytes(), results={OURS: result})
    names += contact_sheet.draw([row], tmp_path)

    assert names == ["cpu.png", "ramp.png", "memory.png", "contact-sheet.jpg"]
    for name in names:
        with Image.open(tmp_path / name) as picture:
            assert picture.width > 300
