"""What is to be uploaded, and under which keys, decided before anything is sent."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from api.keys import checked_key
from api.problems import InvalidKey
from bildwerk.file_plan import format_of_name

_URL: Final = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One picture that is to be uploaded.

    Attributes:
        source: as it was given: a path or a URL.
        path: of a file; None for a URL.
        key: None where it follows from the content.
        size: of a file, in bytes.
        problem: why it cannot be uploaded; blank if it can.
    """

    source: str
    path: Path | None = None
    key: str | None = None
    size: int = 0
    problem: str = ""


@dataclass(slots=True, kw_only=True)
class Plan:
    """All uploads; `hidden` and `others` count the files in folders that are passed over, the latter no pictures."""

    uploads: list[Upload] = field(default_factory=list)
    hidden: int = 0
    others: int = 0


def planned(sources: Sequence[str], *, prefix: str = "", key: str = "") -> Plan:
    """The uploads, in the order of the sources; within a folder in the order of names.

    A file in a folder gets a key of the prefix and its path in that folder, another file or a URL one of the prefix
    and its name. Without a prefix the latter are named after their content.

    Raises:
        ValueError: a key for more than one source.
    """
    if key and (len(sources) != 1 or Path(sources[0]).is_dir()):
        raise ValueError("--key names one picture; for several there is --prefix")
    plan = Plan()
    for source in sources:
        if _URL.match(source):
            plan.uploads.append(_checked(Upload(source=source, key=key or _prefixed(prefix, _name_in_url(source)))))
        elif Path(source).is_dir():
            plan.uploads += _in_folder(Path(source), prefix, plan)
        else:
            plan.uploads.append(_of_file(Path(source), key or _prefixed(prefix, Path(source).name)))
    plan.uploads = [*_without_doubles(plan.uploads)]
    return plan


def _prefixed(prefix: str, name: str) -> str | None:
    """A key, in Unicode's form NFC: some file systems hand out names in another one."""
    return unicodedata.normalize("NFC", prefix + name) if prefix else None


def _name_in_url(url: str) -> str:
    return unquote(urlsplit(url).path).rpartition("/")[2]


def _in_folder(folder: Path, prefix: str, plan: Plan) -> Iterator[Upload]:
    """The pictures in a folder and its folders; links to folders are not followed, they may lead around in circles."""
    problems: list[OSError] = []
    for place, folders, names in os.walk(folder, onerror=problems.append):
        plan.hidden += sum(name.startswith(".") for name in (*folders, *names))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(place, name)
            if format_of_name(path) is None:
                plan.others += 1
                continue
            relative = path.relative_to(folder).as_posix()
            yield _of_file(path, unicodedata.normalize("NFC", prefix + relative))
    yield from (Upload(source=str(error.filename), problem=error.strerror or str(error)) for error in problems)


def _of_file(path: Path, key: str | None) -> Upload:
    upload = Upload(source=str(path), path=path, key=key)
    try:
        size = path.stat().st_size
    except OSError as error:
        return replace(upload, problem=error.strerror or str(error))
    if not path.is_file():
        return replace(upload, problem="is no file")
    return _checked(replace(upload, size=size))


def _checked(upload: Upload) -> Upload:
    try:
        if upload.key is not None:
            checked_key(upload.key)
    except InvalidKey as error:
        return replace(upload, problem=error.detail)
    return upload


def _without_doubles(uploads: Sequence[Upload]) -> Iterator[Upload]:
    """The uploads; the second one with a key is refused, or it would take the place of the first."""
    seen: dict[str, str] = {}
    for upload in uploads:
        if upload.key is None or upload.problem or seen.setdefault(upload.key, upload.source) == upload.source:
            yield upload
        else:
            yield replace(upload, problem=f"would get the key of {seen[upload.key]}: {upload.key}")
