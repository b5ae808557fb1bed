"""`bildwerk render`: files through the server's own pipeline, under the server's own settings."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bildwerk.environment import complain, load_or_complain
from bildwerk.terminal import INTERRUPTED, columns, fail, visible

if TYPE_CHECKING:
    from bildwerk.file_plan import Job
    from renderer.formats import ImageFormat
    from renderer.options.declare import Option
    from renderer.pipeline.geometry import Size
    from renderer.request.values import RenderRequest
    from renderer.settings.load import Settings
    from renderer.vips.picture import Renderer
    from renderer.vips.runtime import Deadline

_EXAMPLES: Final = """\
examples:
  bildwerk render photo.jpg thumb.webp --options rs:fill:300:300/g:sm
  bildwerk render *.jpg small/ --options rs:fit:1600:1600/q:82 --format webp
  IMGPROXY_WATERMARK_PATH=mark.png bildwerk render photo.jpg marked.jpg --options wm:0.5:soea:10:10:0.2

A result has the format that --format or the options name, else the one of its own name. In a folder results keep the
names of their inputs. Settings come from the environment, as the server's do."""

_GRACE_SECONDS: Final = 1.0
"""How long renders may take to notice that they are stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one job: sizes of pictures and files, or `problem`."""

    job: Job
    problem: str = ""
    source_format: ImageFormat | None = None
    source_bytes: int = 0
    source_size: Size | None = None
    result_format: ImageFormat | None = None
    result_bytes: int = 0
    result_size: Size | None = None


def run(arguments: list[str]) -> int:
    """Renders; 0 when every result was written."""
    # Intermixed, so that `render a.jpg b.jpg --format webp out/` reads as it is meant.
    chosen = _parser().parse_intermixed_args(arguments)
    settings = load_or_complain()
    if settings is None:
        return 1
    from bildwerk.file_plan import names_folder, plan
    from renderer.errors import BildwerkError, ConfigurationError

    try:
        request, format = _request(chosen, settings)
        jobs = plan(chosen.inputs, chosen.output, format, overwrites=chosen.force)
        renderer = asyncio.run(_renderer(settings))
        _check_savable(jobs, request, renderer)
        if names_folder(chosen.output, chosen.inputs):
            Path(chosen.output).mkdir(parents=True, exist_ok=True)
    except ConfigurationError as error:
        return complain(error)
    except (BildwerkError, ValueError, OSError) as error:
        return fail("render", str(error))
    has_bar = chosen.progress or (len(jobs) > 1 and sys.stderr.isatty())
    outcomes = _all_written(jobs, request, renderer, (chosen.jobs, has_bar))
    return _report(outcomes, chosen.output)


def _request(chosen: argparse.Namespace, settings: Settings) -> tuple[RenderRequest, ImageFormat | None]:
    """The request that every file gets, and the format if `--format` or the options name one.

    The default preset's format is no name: like the extension of a URL, the result's own goes before it.
    """
    from bildwerk.options import read_options, server_grammar
    from renderer.request.parse import DEFAULT_PRESET

    formats: list[ImageFormat] = []

    def observe(row: Option, value: Any, presets: tuple[str, ...]) -> None:  # noqa: ANN401  any option's value
        if row.name == "format" and presets[:1] != (DEFAULT_PRESET,):
            formats.append(value)

    request = read_options(chosen.options, server_grammar(settings), extension=chosen.format, observe=observe)
    if request.delivery.raw:
        raise ValueError("raw returns a source as it is: there is nothing to render")
    return request, formats[-1] if formats else None


async def _renderer(settings: Settings) -> Renderer:
    from renderer.app import build_renderer, usable_formats
    from renderer.sources.configured import configured_sources
    from renderer.vips import runtime

    formats = usable_formats(settings.formats, runtime.start().savable)
    async with configured_sources(settings) as sources:
        return await build_renderer(dataclasses.replace(settings, formats=formats), sources)


def _check_savable(jobs: Sequence[Job], request: RenderRequest, renderer: Renderer) -> None:
    from renderer.errors import UnsupportedFormat
    from renderer.pipeline.output import check_requested_format

    savable = renderer.capabilities.savable
    for format in dict.fromkeys(job.format for job in jobs):
        try:
            check_requested_format(_with_format(request, format), savable)
        except UnsupportedFormat as error:
            names = ", ".join(sorted(format.value for format in savable))
            raise UnsupportedFormat(f"{error} (this build writes {names})") from error


def _with_format(request: RenderRequest, format: ImageFormat) -> RenderRequest:
    return dataclasses.replace(request, output=dataclasses.replace(request.output, format=format))


def _all_written(
    jobs: Sequence[Job], request: RenderRequest, renderer: Renderer, how: tuple[int, bool]
) -> list[Outcome]:
    """The outcomes in the order of the jobs; `how` is the number of threads and whether there is a progress bar."""
    from renderer.vips.runtime import Deadline

    threads, has_bar = how
    tell = _progress_bar(len(jobs)) if has_bar else _no_progress
    deadlines = [Deadline() for _ in jobs]
    futures: list[Future[Outcome]] = []
    with ThreadPoolExecutor(threads, thread_name_prefix="render") as pool:
        try:
            for job, deadline in zip(jobs, deadlines, strict=True):
                futures.append(pool.submit(_outcome, job, _with_format(request, job.format), renderer, deadline))
            for _ in as_completed(futures):
                tell(1)
            tell(0)
        except KeyboardInterrupt:
            _stop(pool, futures, deadlines)
            raise
    return [future.result() for future in futures]


def _stop(pool: ThreadPoolExecutor, futures: Sequence[Future[Outcome]], deadlines: Sequence[Deadline]) -> None:
    """Ends the work, if need be with the process: an encoder that has begun cannot be stopped, AVIF's runs minutes."""
    pool.shutdown(wait=False, cancel_futures=True)
    for deadline in deadlines:
        deadline.kill()
    if wait(futures, timeout=_GRACE_SECONDS).not_done:
        os._exit(INTERRUPTED)


def _no_progress(_: int) -> None:
    """Says nothing."""


def _progress_bar(total: int) -> Callable[[int], None]:
    """Gets the number of files that are done, and 0 at the end."""
    from tqdm import tqdm

    bar = tqdm(total=total, unit=" pictures", file=sys.stderr, leave=False)

    def tell(count: int) -> None:
        bar.update(count)
        if not count:
            bar.close()

    return tell


def _outcome(job: Job, request: RenderRequest, renderer: Renderer, deadline: Deadline) -> Outcome:
    from renderer.errors import BildwerkError, UnsupportedFormat
    from renderer.originals import source_image
    from renderer.sources.source import Source, SourceHeaders

    try:
        data = _read(job.source, request, renderer.settings)
        source = source_image(Source(data=data, url=job.source.name, headers=SourceHeaders()))
        if source.format not in renderer.capabilities.loadable:
            raise UnsupportedFormat(f"Source image format is not supported: {source.format.value}")
        image = renderer.render(source, request, deadline)
        _write(job.result, image.data)
    except BildwerkError as error:
        return Outcome(job=job, problem=f"{error.public}: {error}")
    except OSError as error:
        return Outcome(job=job, problem=error.strerror or str(error))
    return Outcome(
        job=job,
        source_format=source.format,
        source_bytes=len(data),
        source_size=image.origin,
        result_format=image.format,
        result_bytes=len(image.data),
        result_size=image.result,
    )


def _read(path: Path, request: RenderRequest, settings: Settings) -> bytes:
    """The whole file, within the limit that holds for sources."""
    from renderer.sources.http_body import refuse_larger
    from renderer.sources.source import DEFAULT_MAX_BYTES_IN_MEMORY, byte_bound

    limit = request.limits.max_src_file_size
    bound = byte_bound(settings.sources.max_src_file_size if limit is None else limit, DEFAULT_MAX_BYTES_IN_MEMORY)
    with path.open("rb") as file:
        refuse_larger(os.fstat(file.fileno()).st_size, bound)
        data = file.read(bound + 1)
    refuse_larger(len(data), bound)
    return data


def _write(path: Path, data: bytes) -> None:
    """Puts a whole file in place: nobody ever sees a part of it, whatever happens."""
    part = path.with_name(f".bildwerk-{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _report(outcomes: Sequence[Outcome], output: str) -> int:
    written = [outcome for outcome in outcomes if not outcome.problem]
    problems = [outcome for outcome in outcomes if outcome.problem]
    if len(outcomes) == 1 and written:
        print(columns(_rows(written[0])))
    elif len(outcomes) > 1:
        total = sum(outcome.result_bytes for outcome in written)
        print(f"{len(written)} of {len(outcomes)} pictures written to {visible(output)}, {total:,} bytes")
    for outcome in written:
        _note_other_format(outcome)
    if problems:
        lines = [f"{outcome.job.source}: {outcome.problem}" for outcome in problems]
        head = lines[0] if len(outcomes) == 1 else "\n  ".join([f"{len(lines)} not rendered:", *lines])
        return fail("render", head)
    return 0


def _note_other_format(outcome: Outcome) -> None:
    """Says so on stderr when a file holds another format than its name promises."""
    from bildwerk.file_plan import format_of_name

    held = outcome.result_format
    if held is None or format_of_name(outcome.job.result) is held:
        return
    why = (
        "as was asked for" if held is outcome.job.format else f"the picture is too small for {outcome.job.format.value}"
    )
    print(f"note: {visible(str(outcome.job.result))} holds {held.value}: {why}", file=sys.stderr)


def _rows(outcome: Outcome) -> list[list[str]]:
    """A line for the source and one for the result."""

    def row(path: Path, size: Size | None, format: ImageFormat | None, count: int) -> list[str]:
        shown = f"{size.width} x {size.height}" if size else ""
        return [str(path), shown, format.value if format else "", f"{count:,} bytes"]

    return [
        row(outcome.job.source, outcome.source_size, outcome.source_format, outcome.source_bytes),
        row(outcome.job.result, outcome.result_size, outcome.result_format, outcome.result_bytes),
    ]


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text!r}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bildwerk render",
        description="Render files with the server's own pipeline.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inputs", metavar="INPUT", nargs="+", help="pictures")
    parser.add_argument("output", metavar="OUTPUT", help="a file for one input; a folder, made if missing, for several")
    parser.add_argument(
        "--options", default="", metavar="TEXT", help="processing options as in a URL, for instance rs:fit:300:300/q:80"
    )
    parser.add_argument("--format", default="", metavar="NAME", help="format of the results: jpeg, webp, avif, ...")
    parser.add_argument("--force", action="store_true", help="overwrite existing results (never an input)")
    parser.add_argument(
        "--jobs",
        type=_positive,
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="pictures at the same time (default: one for each CPU)",
    )
    parser.add_argument("--progress", action="store_true", help="show a progress bar even if stderr is no terminal")
    return parser
