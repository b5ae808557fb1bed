"""A client of the upload API: one method for each of its requests."""

from __future__ import annotations

import json
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from api.models import ImageDeleted, ImageStored, UploadStatus, UploadTicket
from bildwerk.api_requests import Answer, Connection, MakeBody, Refused, Request, Tell

Model = TypeVar("Model", bound=BaseModel)


class ApiClient:
    """The API; every method raises Refused where it says no, and Unreachable where it says nothing."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def look_up(self, key: str) -> ImageStored | None:
        """What lies under a key; None if nothing does, or if the token may not know."""
        try:
            answer = await self.connection.ask("GET", f"/images/{quote(key)}")
        except Refused as error:
            if error.status in (403, 404):
                return None
            raise
        return _read(ImageStored, answer)

    async def put(self, key: str, body: MakeBody, headers: dict[str, str], tell: Tell) -> tuple[ImageStored, bool]:
        """Stores a picture under a key; whether there was none before."""
        answer = await self.connection.ask("PUT", f"/images/{quote(key)}", body, headers=headers, tell=tell)
        return _read(ImageStored, answer), answer.status == 201

    async def post(self, body: MakeBody, tell: Tell) -> tuple[ImageStored, bool]:
        """Stores a picture that a form holds, under a key that follows from its content; whether it is new."""
        answer = await self.connection.ask("POST", "/images", body, tell=tell)
        return _read(ImageStored, answer), answer.status == 201

    async def post_url(self, url: str, key: str | None) -> tuple[ImageStored, bool]:
        """Has the API fetch a picture; whether there was none before."""
        asked = {"url": url} if key is None else {"url": url, "key": key}
        answer = await self.connection.ask("POST", "/images", **_json(asked))
        return _read(ImageStored, answer), answer.status == 201

    async def announce(self, content_type: str, size: int, key: str | None) -> UploadTicket:
        """A place for a large file."""
        asked = {"content_type": content_type, "bytes": size} | ({} if key is None else {"key": key})
        return _read(UploadTicket, await self.connection.ask("POST", "/uploads", **_json(asked)))

    async def outcome(self, id: str) -> UploadStatus:
        """What became of a large file."""
        return _read(UploadStatus, await self.connection.ask("GET", f"/uploads/{quote(id, safe='')}"))

    async def delete(self, key: str, *, all_versions: bool) -> tuple[ImageDeleted, bool]:
        """Deletes what lies under a key, and has its renditions purged; whether there was anything."""
        query = "?versions=all" if all_versions else ""
        try:
            answer = await self.connection.ask("DELETE", f"/images/{quote(key)}{query}")
        except Refused as error:
            if error.name != "not-found" or "purge" not in error.document:
                raise
            # A first attempt whose answer was lost may have been the one that deleted it.
            return ImageDeleted.model_validate(error.document), error.attempts > 1
        return _read(ImageDeleted, answer), True

    async def send_form(self, url: str, body: MakeBody, size: int, tell: Tell) -> None:
        """Sends a large file to its place, once: another attempt needs another ticket.

        Raises:
            Again: it did not get there.
            Refused: the store does not take it.
        """
        request = Request(method="POST", url=url, body=body, size=size, tell=tell)
        answer = await self.connection.send(request)
        if answer.status >= 300:
            # A store tells in XML, which is not read: what the API thinks of the file it has told already.
            raise Refused(answer.status, "store-refused", f"the store refused the file with status {answer.status}")


def _json(asked: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(asked).encode()
    return {"body": lambda: text, "headers": {"Content-Type": "application/json"}}


def _read(model: type[Model], answer: Answer) -> Model:
    try:
        return model.model_validate_json(answer.body)
    except ValidationError as error:
        raise Refused(answer.status, "", "the answer is not understood: is this the API's address?") from error
