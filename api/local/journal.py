"""A durable queue on one machine, in a SQLite file: orders to purge, events of the store, and what they never became.

Every write is on the disk before anybody is told of it. A message is hidden while it is worked on and comes back if it
was not done; after `MOST_RECEIVES` it is a dead letter. Before the store is changed an intent is written, and the
intents that a killed process leaves become events when the file is opened again (an outbox).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from api.local.lock import held_alone
from api.problems import PurgeNotQueued, StoreUnavailable
from api.purges.orders import PurgeOrder
from renderer.errors import ConfigurationError

Kind = Literal["purge", "change", "arrival"]

MOST_MESSAGES: Final = 100_000
"""What the file holds; more is refused. As many orders take about 40 MB."""

MOST_RECEIVES: Final = 5
"""How often a message is tried, as the stack's queue has it."""

MOST_DEAD: Final = 10_000
"""Dead letters; older ones are forgotten."""

_MOST_DELAY_SECONDS: Final = 900
"""As SQS has it."""

_VERSION: Final = 1
_SETUP: Final = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS messages (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, body TEXT NOT NULL, sent_at REAL NOT NULL,
  due_at REAL NOT NULL, hidden_until REAL NOT NULL DEFAULT 0, received INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS messages_due ON messages (kind, due_at);
CREATE TABLE IF NOT EXISTS intents (number INTEGER PRIMARY KEY, event TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS dead (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, died_at REAL NOT NULL
) STRICT;
PRAGMA user_version = {_VERSION};
COMMIT;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something to be done; `received` counts how often it was taken, this time included."""

    id: str
    kind: Kind
    body: str
    sent_at: float = 0.0
    received: int = 0


class Journal:
    """The queue in one file, which one process has at a time. Any thread may call it.

    Attributes:
        on_change: called when there may be something to do.

    Raises:
        ConfigurationError: the file cannot be used, or another process has it.
    """

    def __init__(
        self,
        path: Path,
        *,
        most: int = MOST_MESSAGES,
        most_dead: int = MOST_DEAD,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._most = most
        self._most_dead = most_dead
        self._clock = clock
        self._mutex = threading.Lock()
        self.on_change: Callable[[], None] = lambda: None
        with ExitStack() as undone:
            self._held = held_alone(path)
            undone.callback(os.close, self._held)
            try:
                # One connection: writers of one file wait for each other in any case.
                self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
                undone.callback(self._file.close)
                self._set_up(path)
            except sqlite3.Error as error:
                raise ConfigurationError([f"BILDWERK_API_STATE: {path} cannot be used as a queue ({error})"]) from error
            undone.pop_all()

    def close(self) -> None:
        """Closes the file; what is in it stays."""
        with self._mutex:
            self._file.close()
            os.close(self._held)

    def send(self, orders: Sequence[PurgeOrder], *, delay_seconds: int = 0) -> list[str]:
        """Queues orders, all or none; answers their ids.

        Raises:
            PurgeNotQueued: the queue is full, or cannot be written.
        """
        bodies = [order.model_dump_json() for order in orders]
        ids = [str(uuid.uuid4()) for _ in bodies]
        try:
            with self._writing():
                if self._count() + len(bodies) > self._most:
                    raise PurgeNotQueued("The queue of purges is full.")
                for id, body in zip(ids, bodies, strict=True):
                    self._insert(id, "purge", body, delay_seconds)
        except sqlite3.Error as error:
            raise PurgeNotQueued("The queue of purges cannot be written.") from error
        self.on_change()
        return ids

    def post(self, kind: Kind, body: str, *, id: str) -> bool:
        """Queues an event unless one of that id is there; whether it was queued, which a full queue does not."""
        with self._writing():
            is_new = self._count() < self._most and self._insert(id, kind, body, 0)
        if is_new:
            self.on_change()
        return is_new

    def intend(self, event: str) -> int:
        """Notes that the store is about to be changed, by the event that is then to follow; answers its number.

        Raises:
            StoreUnavailable: that cannot be noted, so nothing must be changed.
        """
        try:
            with self._writing():
                if self._count() >= self._most:
                    raise StoreUnavailable("Too much waits to be purged.")
                return self._file.execute("INSERT INTO intents (event) VALUES (?)", (event,)).lastrowid or 0
        except sqlite3.Error as error:
            raise StoreUnavailable("What is to be changed cannot be noted.") from error

    def settle(self, intent: int, *, is_changed: bool) -> None:
        """Makes an intent an event, or forgets it if nothing was changed."""
        with self._writing():
            if is_changed:
                self._realize(intent)
            self._file.execute("DELETE FROM intents WHERE number = ?", (intent,))
        if is_changed:
            self.on_change()

    def receive(self, kind: Kind, most: int, hidden_seconds: float) -> list[Message]:
        """What is due, the oldest first; nobody else gets it for so long, unless the file is opened anew."""
        now = self._clock()
        with self._writing():
            rows = self._file.execute(
                "SELECT number, id, body, sent_at, received + 1 FROM messages"
                " WHERE kind = ? AND due_at <= ? AND hidden_until <= ? ORDER BY due_at, number LIMIT ?",
                (kind, now, now, most),
            ).fetchall()
            self._file.executemany(
                "UPDATE messages SET received = received + 1, hidden_until = ? WHERE number = ?",
                [(now + hidden_seconds, row[0]) for row in rows],
            )
        return [Message(id=row[1], kind=kind, body=row[2], sent_at=row[3], received=row[4]) for row in rows]

    def done(self, messages: Iterable[Message]) -> None:
        """Forgets messages."""
        with self._writing():
            self._file.executemany("DELETE FROM messages WHERE id = ?", [(message.id,) for message in messages])

    def failed(self, message: Message, *, again_in_seconds: float) -> bool:
        """Lets a message come again, or makes it a dead letter if it has come often enough; whether it is dead."""
        is_dead = message.received >= MOST_RECEIVES
        with self._writing():
            if is_dead:
                self._bury("id = ?", (message.id,))
            else:
                self._file.execute(
                    "UPDATE messages SET hidden_until = 0, due_at = ? WHERE id = ?",
                    (self._clock() + again_in_seconds, message.id),
                )
        return is_dead

    def put_back(self, message: Message, *, in_seconds: float) -> None:
        """Lets a message come again that did not fail, as if it had not been taken."""
        with self._writing():
            self._file.execute(
                "UPDATE messages SET hidden_until = 0, received = 0, due_at = ? WHERE id = ?",
                (self._clock() + in_seconds, message.id),
            )

    def seconds_until_due(self) -> float | None:
        """When something is due next; None if nothing waits."""
        with self._mutex:
            (due_at,) = self._file.execute("SELECT min(max(due_at, hidden_until)) FROM messages").fetchone()
        return None if due_at is None else max(0.0, due_at - self._clock())

    def waiting(self) -> int:
        """How many messages there are, due or not."""
        with self._mutex:
            return self._count()

    def dead(self) -> list[Message]:
        """The dead letters, the oldest first."""
        with self._mutex:
            rows = self._file.execute("SELECT id, kind, body FROM dead ORDER BY number").fetchall()
        return [Message(id=id, kind=kind, body=body) for id, kind, body in rows]

    def revive(self) -> int:
        """Queues all dead letters again, as new ones; how many."""
        with self._writing():
            rows = self._file.execute("SELECT id, kind, body FROM dead ORDER BY number").fetchall()
            for id, kind, body in rows:
                self._insert(id, kind, body, 0)
            self._file.execute("DELETE FROM dead")
        self.on_change()
        return len(rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, on the disk when the block has ended."""
        with self._mutex:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._file.execute("COMMIT")
            except BaseException:
                if self._file.in_transaction:
                    self._file.execute("ROLLBACK")
                raise

    def _set_up(self, path: Path) -> None:
        (version,) = self._file.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise ConfigurationError([f"BILDWERK_API_STATE: {path} was written by another version of this program"])
        self._file.executescript(_SETUP)
        with self._writing():
            for (intent,) in self._file.execute("SELECT number FROM intents ORDER BY number").fetchall():
                self._realize(intent)
            self._file.execute("DELETE FROM intents")
            # Whoever worked on these is gone; what was being worked on at each of its deaths may be the cause.
            self._bury("received >= ?", (MOST_RECEIVES,))
            # A clock that was put back must not put anything off.
            self._file.execute(
                "UPDATE messages SET hidden_until = 0, due_at = min(due_at, ?)", (self._clock() + _MOST_DELAY_SECONDS,)
            )

    def _insert(self, id: str, kind: str, body: str, delay_seconds: float) -> bool:
        now = self._clock()
        rows = self._file.execute(
            "INSERT OR IGNORE INTO messages (id, kind, body, sent_at, due_at) VALUES (?, ?, ?, ?, ?)",
            (id, kind, body, now, now + min(delay_seconds, _MOST_DELAY_SECONDS)),
        )
        return rows.rowcount > 0

    def _realize(self, intent: int) -> None:
        (event,) = self._file.execute("SELECT event FROM intents WHERE number = ?", (intent,)).fetchone()
        self._insert(str(uuid.uuid4()), "change", event, 0)

    def _bury(self, which: str, values: tuple[object, ...]) -> None:
        self._file.execute(
            "INSERT INTO dead (id, kind, body, died_at)"  # noqa: S608  the condition is written in this file
            f" SELECT id, kind, body, ? FROM messages WHERE {which}",
            (self._clock(), *values),
        )
        self._file.execute(f"DELETE FROM messages WHERE {which}", values)  # noqa: S608  likewise
        self._file.execute("DELETE FROM dead WHERE number <= (SELECT max(number) FROM dead) - ?", (self._most_dead,))

    def _count(self) -> int:
        count: int
        (count,) = self._file.execute(
            "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM intents)"
        ).fetchone()
        return count
