"""The report: Markdown for an engineer who compares, with the pictures that lie beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.pictures.goals import goals
from benchmarks.pictures.hits import BARE
from benchmarks.pictures.measured import Series, ratio
from benchmarks.pictures.ramp import QUEUE, Ramp, Step
from benchmarks.pictures.results import Results
from benchmarks.pictures.rounds import Measured
from benchmarks.pictures.targets import LIBVIPS, LIMIT, OURS

_METHOD = f"""\
CPU is what the kernel has accounted to all processes of a target, those that ended included, divided by the pictures
they answered; what the clients use is not in it. Rounds of all targets are interleaved and each begins with another
target. A ratio is taken inside each round; the table has the median of them. Below 1 bildwerk is the cheaper one.

- **{LIMIT}**: the libvips calls of bildwerk's own plan in a loop, without a server, with the sources in memory and as
  many threads as there are clients, or CPUs if there are more clients than those.
- **{LIBVIPS}**: the same with the operations and encoder settings of imgproxy.
"""


def markdown(results: Results, pictures: Sequence[str]) -> str:
    """The report; `pictures` are the names of the files beside it."""
    parts = [
        "# What a picture costs",
        _failures(results),
        _table(["", ""], ([name, text] for name, text in results.head.items())),
        *_cpu(results, pictures),
        *_goals(results),
        *_details(results),
        *_hits(results),
        *_ramps(results, pictures),
        *_stored(results),
        *_memory(results, pictures),
        *_sheet(pictures),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _failures(results: Results) -> str:
    lines = [
        f"- {one.target} in `{one.scenario}`: {'it is gone: ' if one.is_gone else ''}{_cell(one.text)}"
        for one in results.failures()
    ]
    lines += [f"- {one.target} in the memory run: {_cell(one.failure)}" for one in results.memory if one.failure]
    lines += [f"- {_cell(text)}" for text in results.broken]
    if not lines:
        return ""
    return "\n".join(["**This run is not whole.** What failed was left out from then on:", "", *lines])


def _cpu(results: Results, pictures: Sequence[str]) -> Iterator[str]:
    if not results.scenarios:
        return
    yield "## CPU milliseconds a picture"
    yield _METHOD
    others = [name for name in _targets(results.scenarios) if name != OURS]
    titles = ["scenario", "pictures", OURS, *(f"{name} (bildwerk / it)" for name in others)]
    yield _table(titles, ([*_first_cells(one), *(_against(one, name) for name in others)] for one in results.scenarios))
    yield from _picture("cpu.png", "CPU by scenario", pictures)
    lines = [f"- **{one.scenario.title}** (`{one.scenario.name}`): {one.scenario.doc}" for one in results.scenarios]
    notes = [f"- `{one.scenario.name}`: {note}" for one in results.scenarios for note in one.notes]
    yield "\n".join(["The scenarios:", "", *lines])
    if notes:
        yield "\n".join(["Seen on the way:", "", *notes])


def _first_cells(measured: Measured) -> list[str]:
    series = measured.series.get(OURS)
    if series is None or not series.rounds:
        return [f"`{measured.scenario.name}`", "-", "-"]
    counted = f"{series.rounds[0].pictures} x {len(series.rounds)}"
    return [f"`{measured.scenario.name}`", counted, _number(series.median(lambda one: one.cpu_ms))]


def _against(measured: Measured, name: str) -> str:
    series, own = measured.series.get(name), measured.series.get(OURS)
    if series is None or own is None or not series.rounds:
        return "-"
    told = ratio(own, series, lambda one: one.cpu_ms)
    cost = _number(series.median(lambda one: one.cpu_ms))
    return f"{cost} (**{told.median:.3f}**)" if told else cost


def _goals(results: Results) -> Iterator[str]:
    found = goals(results)
    if found:
        yield "## Against what the project holds itself to"
        yield "The median of the rounds' ratios, with the lowest and the highest."
        rows = ([one.what, one.seen, one.bound, "yes" if one.holds else "**no**"] for one in found)
        yield _table(["what", "seen", "wanted", "holds"], rows)


def _details(results: Results) -> Iterator[str]:
    if not results.scenarios:
        return
    yield "## Time, memory, bytes and likeness"
    yield (
        "Latencies are of all rounds together. Memory is the highest proportional set size that was sampled, of all "
        "processes of a target; programs without a server hold the corpus' files as well. Likeness is SSIM against a "
        "full decode that is made small without shrink-on-load; 1 is equal."
    )
    titles = ["scenario", "target", "pictures/s", "p50 ms", "p95 ms", "p99 ms", "peak MB", "mean KB", "SSIM"]
    rows = [
        [f"`{one.scenario.name}`", *_detail(series)]
        for one in results.scenarios
        for series in one.series.values()
        if series.rounds
    ]
    yield _table(titles, rows)


def _detail(series: Series) -> list[str]:
    latencies = [series.latency(share) for share in (0.50, 0.95, 0.99)]
    sizes = series.median(lambda one: one.mean_bytes)
    return [
        series.target,
        _number(series.median(lambda one: one.per_second)),
        *(_number(None if seconds is None else 1000 * seconds) for seconds in latencies),
        _number(None if series.peak_bytes is None else series.peak_bytes / 1e6, 0),
        _number(None if sizes is None else sizes / 1000),
        _number(series.similarity, 4),
    ]


def _hits(results: Results) -> Iterator[str]:
    if results.hits is None:
        return
    yield "## Cached hits"
    yield f"{results.hits.scenario.doc} {'; '.join(results.hits.notes)}."
    bare = results.hits.series.get(BARE)
    rows = []
    for series in results.hits.series.values():
        told = ratio(series, bare, lambda one: one.per_second) if bare else None
        cost = series.median(lambda one: one.cpu_ms)
        rows.append(
            [
                series.target,
                _number(series.median(lambda one: one.per_second), 0),
                f"{told.median:.3f}" if told else "-",
                _number(None if cost is None else 1000 * cost, 0),
                *(_number(None if (at := series.latency(share)) is None else 1000 * at, 2) for share in (0.50, 0.99)),
            ]
        )
    yield _table(["target", "requests/s", f"/ {BARE}", "CPU µs a request", "p50 ms", "p99 ms"], rows)


def _ramps(results: Results, pictures: Sequence[str]) -> Iterator[str]:
    if not results.ramps:
        return
    yield "## More and more load"
    yield (
        "First clients who each wait for their answer, then requests at a rate that waits for nobody, raised until a "
        "tenth is refused (429 or 503). Latencies are of pictures, from the moment a request was due. Our server has "
        f"{QUEUE} places to wait and shares no decoded pixels here."
    )
    yield from _picture("ramp.png", "Throughput, p99 and refusals", pictures)
    for ramp in results.ramps:
        yield _ramp(ramp)


def _ramp(ramp: Ramp) -> str:
    rows = [
        *(_step(f"{step.load:.0f} clients", step) for step in ramp.closed),
        *(_step(f"{step.load:.1f} requests/s", step) for step in ramp.opened),
    ]
    titles = [ramp.target, "pictures/s", "refused/s", "other answers", "p50 ms", "p99 ms", "CPU ms a picture"]
    return _table(titles, rows)


def _step(load: str, step: Step) -> list[str]:
    times = (_number(None if at is None else 1000 * at) for at in (step.p50, step.p99))
    return [load, _number(step.answered), _number(step.refused), str(step.others), *times, _number(step.cpu_ms)]


def _stored(results: Results) -> Iterator[str]:
    if results.stored is None:
        return
    yield "## From S3"
    yield f"The same pictures and options over local files and over `s3://`: {'; '.join(results.stored.notes)}."
    own = results.stored.series.get(OURS)
    rows = []
    for series in results.stored.series.values():
        told = ratio(series, own, lambda one: one.cpu_ms) if own else None
        cost = series.median(lambda one: one.cpu_ms)
        rows.append([*_detail(series)[:5], _number(cost), f"{told.median:.3f}" if told else "-"])
    titles = ["source", "pictures/s", "p50 ms", "p95 ms", "p99 ms", "CPU ms a picture", "/ local files"]
    yield _table(titles, rows)


def _memory(results: Results, pictures: Sequence[str]) -> Iterator[str]:
    if not results.memory:
        return
    yield "## Memory over many renders"
    rows = [
        [one.target, f"{one.stretch * len(one.peaks):,}", _number(one.peak_bytes / 1e6, 0), f"{one.growth:+.1%}"]
        for one in results.memory
    ]
    yield _table(["target", "renders", "peak PSS, MB", "last third against the second"], rows)
    yield from _picture("memory.png", "Peak PSS in stretches of renders", pictures)


def _sheet(pictures: Sequence[str]) -> Iterator[str]:
    if "contact-sheet.jpg" in pictures:
        yield "## What was compared"
        yield (
            "Of each scenario the picture that is least like its full decode, and what targets answered, with its "
            "bytes and its SSIM."
        )
        yield from _picture("contact-sheet.jpg", "References and results", pictures)


def _picture(name: str, text: str, pictures: Sequence[str]) -> Iterator[str]:
    if name in pictures:
        yield f"![{text}]({name})"


def _targets(measured: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(name for one in measured for name in one.series))


def _table(titles: Sequence[str], rows: Iterator[list[str]] | Sequence[list[str]]) -> str:
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(_cell, row))} |" for row in rows)])


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
