"""`bildwerk render`: the server's own pipeline on files."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bildwerk.environment import load_or_complain, read_environment
from bildwerk.terminal import fail, visible

if TYPE_CHECKING:
    from renderer.request.parse import Grammar
    from renderer.settings.load import Settings
    from renderer.vips.picture import Renderer

_EXAMPLES = """\
examples:
  bildwerk render photo.jpg thumb.webp --options rs:fill:300:300/g:sm
  bildwerk render *.jpg thumbs/ --options rs:fit:800:800 --format avif

With several inputs OUTPUT is a folder. Settings come from the environment, as for the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file to render; without an output the folder gets it under the result's extension."""

    source: Path
    output: Path
    is_folder: bool


def run(arguments: list[str]) -> int:
    """Renders the files; 1 when one of them failed."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    settings = load_or_complain(read_environment())
    if settings is None:
        return 1
    from renderer.errors import BildwerkError, ConfigurationError
    from renderer.request.parse import parse_request

    jobs = _jobs([Path(name) for name in chosen.inputs], Path(chosen.output))
    try:
        extension = chosen.format or _extension(jobs)
        path = _path(chosen.options, extension)
        renderer, grammar = _build(settings)
        parse_request(path, grammar)
    except (BildwerkError, ConfigurationError) as error:
        return fail("render", str(error))
    problem = _collision(jobs) or (None if chosen.force else _existing(jobs))
    if problem:
        return fail("render", problem)
    failures = _render_all(jobs, (renderer, grammar, path), chosen)
    for source, text in failures:
        print(f"{visible(str(source))}: {visible(text)}", file=sys.stderr)
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bildwerk render",
        description="Render files with the server's own pipeline.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT")
    parser.add_argument("output", metavar="OUTPUT", help="a file, or a folder for several inputs")
    parser.add_argument("--options", default="", help="as in a URL, for instance rs:fill:300:300/q:80")
    parser.add_argument("--format", default="", help="the results' format; else OUTPUT's extension")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N", help="files at once")
    parser.add_argument("--force", action="store_true", help="replace outputs that exist")
    parser.add_argument("--progress", action="store_true", help="show the progress bar even without a terminal")
    return parser


def _jobs(inputs: list[Path], output: Path) -> list[Job]:
    is_folder = len(inputs) > 1 or output.is_dir() or str(output).endswith(os.sep)
    return [
        Job(source=source, output=output / source.name if is_folder else output, is_folder=is_folder)
        for source in inputs
    ]


def _extension(jobs: list[Job]) -> str:
    """The format that the output's name asks for; a folder asks for none."""
    if jobs[0].is_folder:
        return ""
    suffix = jobs[0].output.suffix.lstrip(".").lower()
    return {"tif": "tiff"}.get(suffix, suffix)


def _path(options: str, extension: str) -> str:
    # An option `format` in the options wins over the name of the file.
    segments = [f"f:{extension}"] if extension else []
    segments += [options.strip("/")] if options.strip("/") else []
    return "/".join([*segments, "plain/file"])


def _build(settings: Settings) -> tuple[Renderer, Grammar]:
    import asyncio

    from renderer.app import make_grammar

    return asyncio.run(_renderer(settings)), make_grammar(settings)


async def _renderer(settings: Settings) -> Renderer:
    from renderer.app import build_renderer, usable_formats
    from renderer.sources.registry import open_sources
    from renderer.vips import runtime

    formats = usable_formats(settings.formats, runtime.start().savable)
    settings = dataclasses.replace(settings, formats=formats)
    # Only the watermark may come from a URL, and the allow-list is about visitors' pictures (spec 03 section 4.1).
    sources = open_sources(settings.sources, check_source=lambda _url: None)
    try:
        return await build_renderer(settings, sources)
    finally:
        await sources.close()


def _collision(jobs: list[Job]) -> str | None:
    """Two inputs that would be written to one place, or an input that would be overwritten."""
    sources = {job.source.resolve() for job in jobs}
    seen: dict[Path, Path] = {}
    for job in jobs:
        place = job.output.with_suffix("") if job.is_folder else job.output
        if place in seen:
            return f"{job.source} and {seen[place]} would both be written to {place}"
        seen[place] = job.source
        if job.output.resolve() in sources:
            return f"{job.output} is an input and is not overwritten"
    return None


def _existing(jobs: list[Job]) -> str | None:
    for job in jobs:
        if not job.is_folder and job.output.exists():
            return f"{job.output} exists; --force replaces it"
    return None


def _render_all(
    jobs: list[Job], work: tuple[Renderer, Grammar, str], chosen: argparse.Namespace
) -> list[tuple[Path, str]]:
    from tqdm import tqdm

    from renderer.errors import BildwerkError

    failures: list[tuple[Path, str]] = []
    is_hidden = len(jobs) < 2 or not (chosen.progress or sys.stderr.isatty())
    with ThreadPoolExecutor(max(1, chosen.jobs)) as pool, tqdm(total=len(jobs), unit="file", disable=is_hidden) as bar:
        futures = [(job, pool.submit(_render, job, work, is_forced=chosen.force)) for job in jobs]
        for job, future in futures:
            try:
                line = future.result()
            except (BildwerkError, OSError) as error:
                failures.append((job.source, str(error)))
            else:
                if len(jobs) == 1:
                    print(line)
            bar.update()
    return failures


def _render(job: Job, work: tuple[Renderer, Grammar, str], *, is_forced: bool) -> str:
    from renderer.errors import UnknownSourceType
    from renderer.formats import detect
    from renderer.request.parse import parse_request
    from renderer.vips.picture import SourceImage
    from renderer.vips.runtime import Deadline

    renderer, grammar, path = work
    data = job.source.read_bytes()
    format = detect(data, extension=job.source.suffix.lstrip("."))
    if format is None:
        raise UnknownSourceType("this is no picture")
    result = renderer.render(SourceImage(data=data, format=format), parse_request(path, grammar), Deadline())
    output = job.output.with_suffix(result.format.extension) if job.is_folder else job.output
    if output.resolve() == job.source.resolve():
        raise FileExistsError(f"{output} is the input and is not overwritten")
    if output.exists() and not is_forced:
        raise FileExistsError(f"{output} exists; --force replaces it")
    _write(output, result.data)
    size = result.result
    return f"{visible(str(output))}  {result.format.value}  {size.width} x {size.height}  {len(result.data):,} bytes"


def _write(output: Path, data: bytes) -> None:
    """Writes a file whole or not at all."""
    output.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        temporary.chmod(0o644)
        temporary.replace(output)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
