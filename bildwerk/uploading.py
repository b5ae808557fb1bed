"""One upload: what is there already is not sent, small files go in a request, large ones by a form of their own."""

from __future__ import annotations

import asyncio
import hashlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import aiohttp

from api.models import ImageStored
from api.settings import DIRECT_BYTES
from bildwerk.api_client import ApiClient
from bildwerk.api_requests import Again, Refused, Tell, TokenRefused, Unreachable
from bildwerk.upload_plan import Upload
from renderer.formats import SNIFF_BYTES, ImageFormat, detect

CHECKED_SECONDS: Final = 300.0
"""How long a large file may take from its arrival until it has been inspected."""

_FIRST_LOOK_SECONDS: Final = 0.25
_LOOK_SECONDS: Final = 5.0

State = Literal["stored", "replaced", "unchanged", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an upload.

    Attributes:
        image: what is in the store; None if it was refused.
        name: of the problem, as the API calls it; `local` for one that was found here.
        detail: the problem in words.
        sent: bytes of the file that went out for this.
    """

    upload: Upload
    state: State
    image: ImageStored | None = None
    name: str = ""
    detail: str = ""
    sent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file that was read: `data` is all of it if that fits into a request."""

    path: Path
    name: str
    size: int
    sha256: str
    format: ImageFormat | None
    data: bytes | None

    @property
    def content_type(self) -> str:
        """Of what the content shows, whatever the name says."""
        return self.format.mime if self.format else "application/octet-stream"

    @property
    def content_key(self) -> str | None:
        """The key that the API gives to such content; an SVG that it makes harmless gets another one."""
        return f"{self.sha256[:2]}/{self.sha256}{self.format.extension}" if self.format else None


async def uploaded(client: ApiClient, upload: Upload, tell: Tell) -> Outcome:
    """Uploads one picture, whatever becomes of it.

    Raises:
        TokenRefused: the API does not know the token, so nothing can be uploaded.
    """
    if upload.problem:
        return Outcome(upload=upload, state="refused", name="local", detail=upload.problem)
    try:
        if upload.path is None:
            image, is_new = await client.post_url(upload.source, upload.key)
            return Outcome(upload=upload, state=_state(upload, is_new=is_new), image=image)
        return await _file_uploaded(client, upload, await asyncio.to_thread(_examined, upload.path), tell)
    except TokenRefused:
        raise
    except Refused as error:
        return Outcome(upload=upload, state="refused", name=error.name or f"status-{error.status}", detail=str(error))
    except Unreachable as error:
        return Outcome(upload=upload, state="refused", name="unreachable", detail=str(error))
    except OSError as error:
        return Outcome(upload=upload, state="refused", name="local", detail=error.strerror or str(error))


async def _file_uploaded(client: ApiClient, upload: Upload, file: _File, tell: Tell) -> Outcome:
    key = upload.key or file.content_key
    known = await client.look_up(key) if key else None
    if known and known.sha256 == file.sha256:
        return Outcome(upload=upload, state="unchanged", image=known)
    if file.data is not None:
        try:
            image, is_new = await _sent_directly(client, upload, file, tell)
        except Refused as error:
            # Its limit for requests may be lower than the one that the gateway sets.
            if error.status != 413 or not file.format:
                raise
        else:
            return Outcome(upload=upload, state=_state(upload, is_new=is_new), image=image, sent=file.size)
    image = await _sent_by_form(client, upload, file, tell)
    return Outcome(upload=upload, state="replaced" if known else "stored", image=image, sent=file.size)


def _state(upload: Upload, *, is_new: bool) -> State:
    """What a good answer means: without a given key nothing is ever replaced."""
    if is_new:
        return "stored"
    return "replaced" if upload.key else "unchanged"


async def _sent_directly(client: ApiClient, upload: Upload, file: _File, tell: Tell) -> tuple[ImageStored, bool]:
    data = file.data or b""
    if upload.key is not None:
        return await client.put(upload.key, lambda: io.BytesIO(data), {"Content-Type": file.content_type}, tell)
    # A form, because it has room for the file's own name.
    return await client.post(_form({}, lambda: io.BytesIO(data), file), tell)


async def _sent_by_form(client: ApiClient, upload: Upload, file: _File, tell: Tell) -> ImageStored:
    """Sends a file straight to the store, from the disk, and waits until it has been inspected.

    Raises:
        Refused: before or after the file was sent, or it was not inspected in time.
    """
    if file.format is None:
        raise Refused(415, "local", "is no picture of a known format")
    attempt = 0
    while True:
        attempt += 1
        ticket = await client.announce(file.content_type, file.size, upload.key)
        try:
            with file.path.open("rb") as stream:
                await client.send_form(ticket.url, _form(ticket.fields, partial(_same, stream), file), file.size, tell)
            return await _inspected(client, ticket.id)
        except Again as failure:
            await client.connection.again(attempt, failure)


async def _inspected(client: ApiClient, id: str) -> ImageStored:
    deadline = time.monotonic() + CHECKED_SECONDS
    pause = _FIRST_LOOK_SECONDS
    while time.monotonic() < deadline:
        status = await client.outcome(id)
        if status.state == "stored" and status.image:
            return status.image
        if status.state == "refused":
            problem = status.problem or {}
            name, detail = str(problem.get("type", "")).rpartition(":")[2], problem.get("detail", "it was refused")
            raise Refused(int(problem.get("status", 422)), name, str(detail), document=problem)
        await client.connection.sleep(pause)
        pause = min(pause * 1.5, _LOOK_SECONDS)
    detail = f"it has arrived, and after {CHECKED_SECONDS:.0f} s it is not inspected yet: GET /uploads/{id} tells more"
    raise Refused(504, "timeout", detail)


def _form(fields: dict[str, str], open_file: Callable[[], Any], file: _File) -> Callable[[], aiohttp.MultipartWriter]:
    """Makes a form of fields and, as S3 wants it, the file as the last one.

    Fields have no type of their own, as in a browser's form: aiohttp's `FormData` gives them one, and versitygw 1.8
    counts those bytes as the file's, whose size is announced and may not be exceeded.
    """

    def make() -> aiohttp.MultipartWriter:
        form = aiohttp.MultipartWriter("form-data")
        for name, value in fields.items():
            field = form.append(value)
            field.set_content_disposition("form-data", quote_fields=False, name=name)
            field.headers.popall("Content-Type")
        sent = form.append(open_file(), {"Content-Type": file.content_type})
        sent.set_content_disposition("form-data", quote_fields=False, name="file", filename=file.name)
        return form

    return make


def _same(stream: BinaryIO) -> BinaryIO:
    return stream


def _examined(path: Path) -> _File:
    """Reads a file once, through a small window if it is large."""
    with path.open("rb") as stream:
        data = stream.read(DIRECT_BYTES + 1)
        is_small = len(data) <= DIRECT_BYTES
        digest = hashlib.sha256(data)
        head, size = data[:SNIFF_BYTES], len(data)
        if not is_small:
            data = b""
            while chunk := stream.read(1_048_576):
                digest.update(chunk)
                size += len(chunk)
    name = "".join(letter if letter.isprintable() else "_" for letter in path.name)
    return _File(
        path=path,
        name=name,
        size=size,
        sha256=digest.hexdigest(),
        format=detect(head),
        data=data if is_small else None,
    )
