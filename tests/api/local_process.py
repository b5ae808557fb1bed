"""A local API as a process of its own, over a folder, that hangs where it is told to: `local_process.py FOLDER HANGS`.

HANGS is `nowhere`, or one of these: `store`, when the file is deleted and the store has not said so; `function`, when
the store has said so and nothing is queued; `purge`, when the order is being worked on. It writes the tags that were
purged into FOLDER/purged, and FOLDER/hanging when it hangs.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from api.local.events import WatchedOriginals
from api.local.gateway import Gateway
from api.local.journal import Journal
from api.local.pump import Pump
from api.local.server import serve
from api.purges.changes import change
from api.purges.orders import PurgeOrder
from api.stores.facts import Facts
from api.stores.originals import ANY, Condition, Original
from renderer.cache.tags import original_tag
from renderer.server.listener import open_listener, shown_address
from tests.api.local_functions import FakeFunctions, answered

PURGE_SECONDS = 0.2


class Folder:
    """A store that can hang."""

    def __init__(self, folder: Path, hang: Any) -> None:
        self._folder = folder
        self._hang = hang

    def source_url(self, key: str) -> str:
        """A folder's."""
        return f"local:///{key}"

    def head(self, key: str) -> Original | None:
        """Nobody asks."""
        raise NotImplementedError

    def put(self, key: str, data: bytes, facts: Facts, condition: Condition = ANY) -> Original:
        """Nobody writes."""
        raise NotImplementedError

    def delete(self, key: str, *, all_versions: bool = False) -> bool:  # noqa: ARG002  it has none
        """Deletes, and may hang."""
        (self._folder / key).unlink()
        self._hang("store")
        return True


class Functions(FakeFunctions):
    """Deleting and purging as the API does it."""

    def __init__(self, folder: Path, journal: Journal, hangs: str) -> None:
        super().__init__()
        self._folder = folder
        self._journal = journal
        self._hangs = hangs
        self._originals = WatchedOriginals(Folder(folder, self._hang), journal, bucket="")

    def delete(self, event: Mapping[str, Any], context: object) -> object:  # noqa: ARG002  Lambda's signature
        """Deletes first, then orders the purge."""
        key = event["pathParameters"]["key"]
        self._originals.delete(key)
        self._hang("function")
        url = self._originals.source_url(key)
        (id,) = self._journal.send([PurgeOrder(tag=original_tag(url), source_url=url, reason="deleted")])
        return answered({"purge": id}, 202)

    def change(self, event: Mapping[str, Any], context: object) -> object:  # noqa: ARG002  Lambda's signature
        """The real one."""
        if self._hangs == "function":
            self._hang("function")
        return change(event, bucket="", queue=self._journal)

    def purge(self, event: Mapping[str, Any], context: object) -> object:  # noqa: ARG002  Lambda's signature
        """Writes down the tags."""
        self._hang("purge")
        time.sleep(PURGE_SECONDS)  # as a CDN takes its time
        with (self._folder / "purged").open("a") as file:
            for record in event["Records"]:
                print(json.loads(record["body"])["tag"], file=file)
        return {"batchItemFailures": []}

    def _hang(self, where: str) -> None:
        if where == self._hangs:
            (self._folder / "hanging").touch()
            threading.Event().wait()


def main() -> None:
    """Serves until it is told to end, or killed."""
    folder, hangs = Path(sys.argv[1]), sys.argv[2]
    journal = Journal(folder / "journal")
    functions = Functions(folder, journal, hangs)
    listener = open_listener("127.0.0.1:0", name="bind")
    asyncio.run(
        serve(
            Gateway(functions),
            Pump(functions, journal),
            listener,
            ready=lambda: print(shown_address(listener), flush=True),  # noqa: T201  for the test
        )
    )


if __name__ == "__main__":
    main()
