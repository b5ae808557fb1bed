"""The store of originals in S3, or in a server that speaks its language.

What it calls, and so what a role has to allow: HeadObject (`s3:GetObject`), PutObject, DeleteObject, and for all
versions of an object `s3:ListBucketVersions` and `s3:DeleteObjectVersion`. Without `s3:ListBucket` S3 answers 403 for
an object that is not there, as for one that is forbidden. That is StoreUnavailable here, because to say "there is none"
of what only could not be seen would be wrong; so the role needs `s3:ListBucket`.

S3 writes an object whole or not at all, and of two writers the later one wins. Facts, media type and the checksum by
which S3 refuses a body that broke on its way are in the same call.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from api.problems import InvalidKey, PreconditionFailed, Problem
from api.settings import StoreSettings
from api.stores.aws import Clients, code_of, retries_of, status_of, store_errors
from api.stores.facts import Facts, facts_of
from api.stores.originals import ANY, Condition, Original
from api.stores.s3_versions import delete_versions
from renderer.formats import NAMES

_TRIES: Final = 3
"""Another writer may come between the look and the write each time."""

_CONFLICT: Final = "ConditionalRequestConflict"
_IMPOSSIBLE_KEYS: Final = {
    "KeyTooLongError": "The store has no names as long as this key, or as one of its parts.",
    # Of servers whose objects are files.
    "ObjectParentIsFile": "A part of the key is the name of a picture, and cannot be a folder as well.",
    "ExistingObjectIsDirectory": "There are pictures below this key, so that it cannot be one itself.",
}


class S3Originals:
    """The objects of the bucket that the settings name.

    Args:
        settings: of the store.
        clients: to share; else they are made from the settings.
    """

    def __init__(self, settings: StoreSettings, clients: Clients | None = None) -> None:
        self._bucket = settings.bucket
        self._clients = clients or Clients(settings)

    def source_url(self, key: str) -> str:
        """How processing URLs name an original."""
        return f"s3://{self._bucket}/{key}"

    def head(self, key: str) -> Original | None:
        """What is known of an object, None if there is none.

        Raises:
            StoreUnavailable: S3 does not tell.
            InvalidKey: the store can have no such key.
        """
        s3 = self._clients.s3
        with store_errors():
            try:
                answer = s3.head_object(Bucket=self._bucket, Key=key)
            except s3.exceptions.ClientError as error:
                if status_of(error) == 404:
                    return None
                if status_of(error) == 400:
                    self._explain(key)
                raise
        return Original(
            key=key,
            size=answer["ContentLength"],
            content_type=answer.get("ContentType", ""),
            etag=answer.get("ETag", ""),
            modified_at=answer["LastModified"].timestamp(),
            facts=facts_of(answer.get("Metadata", {})),
        )

    def put(self, key: str, data: bytes, facts: Facts, condition: Condition = ANY) -> Original:
        """Writes an object with its facts and its format's media type, at once or not at all.

        Raises:
            PreconditionFailed: the condition does not hold, or another writer was quicker.
            StoreUnavailable: S3 did not say that it has it.
            InvalidKey: the store can have no such key.
        """
        if condition.etag == "*":
            return self._put_over(key, data, facts)
        return self._put(key, data, facts, _conditions(condition))

    def delete(self, key: str, *, all_versions: bool = False) -> bool:
        """Takes an object away; whether there was one. With `all_versions` those before it go too.

        S3 itself never tells. Of two that delete an object at the same time both may hear that there was one. Where
        there is none, none is deleted: in a bucket with versions that would leave a mark for nothing.
        """
        is_there = self.head(key) is not None
        with store_errors():
            if is_there:
                self._clients.s3.delete_object(Bucket=self._bucket, Key=key)
            if all_versions:
                delete_versions(self._clients.s3, self._bucket, key)
        return is_there

    def _put_over(self, key: str, data: bytes, facts: Facts) -> Original:
        """Writes over what is there, whatever it is; S3 itself knows `If-Match` with an entity tag only."""
        for _ in range(_TRIES):
            there = self.head(key)
            if there is None:
                raise PreconditionFailed("There is no picture under this key.")
            try:
                return self._put(key, data, facts, {"IfMatch": there.etag})
            except PreconditionFailed:
                continue
        raise PreconditionFailed("Others write the same key all the time.")

    def _put(self, key: str, data: bytes, facts: Facts, conditions: Mapping[str, str]) -> Original:
        content_type = NAMES[facts.format].mime
        request = {
            "Bucket": self._bucket,
            "Key": key,
            "Body": data,
            "ContentType": content_type,
            "Metadata": facts.metadata(),
            "ChecksumSHA256": base64.b64encode(bytes.fromhex(facts.sha256)).decode(),
            **conditions,
        }
        with store_errors():
            try:
                answer = self._sent(request)
            except self._clients.s3.exceptions.ClientError as error:
                if (own := self._own(error, request)) is not None:
                    return own
                if (problem := _problem(error, is_conditional=bool(conditions))) is not None:
                    raise problem from error
                raise
        return Original(
            key=key,
            size=len(data),
            content_type=content_type,
            etag=answer["ETag"],
            modified_at=_answered_at(answer),
            facts=facts,
        )

    def _sent(self, request: Mapping[str, Any]) -> Any:  # noqa: ANN401  the SDK has no types
        s3 = self._clients.s3
        try:
            return s3.put_object(**request)
        except s3.exceptions.ClientError as error:
            # Another write of the key was under way; S3 says that one is to ask again.
            if code_of(error) != _CONFLICT:
                raise
            return s3.put_object(**request)

    def _own(self, error: Exception, request: Mapping[str, Any]) -> Original | None:
        """What is there, if a first try wrote it whose answer was lost, so that the condition refuses the second."""
        if status_of(error) != 412 or not retries_of(error):
            return None
        there = self.head(request["Key"])
        is_own = there is not None and there.facts == facts_of(request["Metadata"])
        return there if is_own else None

    def _explain(self, key: str) -> None:
        """Raises InvalidKey if a HEAD was refused for its key: its answers have no body that says so."""
        s3 = self._clients.s3
        try:
            s3.get_object(Bucket=self._bucket, Key=key, Range="bytes=0-0")["Body"].close()
        except s3.exceptions.ClientError as error:
            if (problem := _problem(error)) is not None:
                raise problem from error


def _conditions(condition: Condition) -> dict[str, str]:
    if condition.is_absent:
        return {"IfNoneMatch": "*"}
    return {} if condition.etag is None else {"IfMatch": condition.etag}


def _problem(error: Exception, *, is_conditional: bool = False) -> Problem | None:
    """What a refusal means for the client; None if it is no word on the client's request."""
    code = code_of(error)
    if code in _IMPOSSIBLE_KEYS:
        return InvalidKey(_IMPOSSIBLE_KEYS[code])
    # `If-Match` for an object that is not there is 404; so is a missing bucket, under another code.
    if status_of(error) == 412 or code == _CONFLICT or (is_conditional and code == "NoSuchKey"):
        return PreconditionFailed("What is under this key is not what the condition says, or it is being written.")
    return None


def _answered_at(answer: Mapping[str, Any]) -> float:
    """The store's time of an answer: S3 does not say when it takes a write to have been."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return time.time()
