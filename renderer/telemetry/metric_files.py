"""Figures that several processes keep together, in a folder of memory-mapped files.

The files are those of prometheus_client's multiprocess mode; which process writes which is decided here.

A process takes the lowest number that no living process holds and writes the files of that number; the lock on it ends
with the process, however that ends. So counters of the dead stay and are carried on by whoever takes the number next,
gauges of the dead are not shown, and there are never more files than there were processes at once.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Final, Literal

from prometheus_client import Counter, Gauge, Histogram, Metric, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

MAX_PROCESSES: Final = 1024
_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


def prepare(directory: Path) -> None:
    """Makes the folder, or empties one that an earlier run left; once, before any process is started."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for pattern in ("*.db", "*.lock"):
        for file in directory.glob(pattern):
            file.unlink(missing_ok=True)


class MetricFiles:
    """The files of this process; made after the fork, once a process.

    Args:
        directory: the folder that all processes of the instance share, prepared.
        namespace: put before the names of metrics.
    """

    def __init__(self, directory: Path, namespace: str = "") -> None:
        self.directory, self.namespace = directory, namespace
        self.number, self._lock = _claimed(directory)
        for left in directory.glob(f"gauge_*_{self.number}.db"):
            left.unlink()
        # The library finds the folder in the environment, and the kind of value in its module, when a metric is made.
        os.environ[_FOLDER] = str(directory)
        self._values = values.ValueClass = values.MultiProcessValue(lambda: self.number)  # type: ignore[no-untyped-call]  # the library's

    def counter(self, name: str, text: str, labels: Sequence[str] = (), *, is_prefixed: bool = True) -> Counter:
        """A counter; `_total` is added to its name."""
        return Counter(name, text, labels, namespace=self.namespace if is_prefixed else "", registry=None)

    def histogram(self, name: str, text: str, labels: Sequence[str] = (), *, buckets: Sequence[float]) -> Histogram:
        """A histogram."""
        return Histogram(name, text, labels, namespace=self.namespace, registry=None, buckets=buckets)

    def gauge(
        self,
        name: str,
        text: str,
        labels: Sequence[str] = (),
        *,
        mode: Literal["livesum", "livemin"] = "livesum",
        is_prefixed: bool = True,
    ) -> Gauge:
        """A gauge over the living processes: their sum or the least of them."""
        namespace = self.namespace if is_prefixed else ""
        return Gauge(name, text, labels, namespace=namespace, registry=None, multiprocess_mode=mode)

    def labels_of(self, name: str, label: str) -> set[str]:
        """The values of a counter's label that this number's file holds already, from processes before."""
        file = self.directory / f"counter_{self.number}.db"
        if not file.exists() or not file.stat().st_size:
            return set()
        keys = [json.loads(key) for key, *_ in MmapedDict.read_all_values_from_file(str(file))]  # type: ignore[no-untyped-call]  # as above
        full_name = f"{self.namespace}_{name}" if self.namespace else name
        return {labels[label] for metric, _, labels, _ in keys if metric == full_name}

    @property
    def is_closed(self) -> bool:
        """Whether the number is given back."""
        return self._lock.closed

    def close(self) -> None:
        """Gives the number back: this process's gauges are not shown any more. Nothing can be counted after it."""
        self._values.close_all_files()
        self._lock.close()


def merged(directory: Path) -> Iterable[Metric]:
    """The figures of all processes as one: counters and histograms of all that ever were, gauges of the living."""
    living = {number for number in _numbers(directory) if _is_held(directory, number)}
    files = [
        str(file)
        for file in sorted(directory.glob("*.db"))
        # A file is empty for the moment between its making and its first figure.
        if file.stat().st_size and (not file.name.startswith("gauge_") or _number(file) in living)
    ]
    found: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]  # as above
    return found


def _claimed(directory: Path) -> tuple[int, IO[str]]:
    for number in range(MAX_PROCESSES):
        lock = (directory / f"{number}.lock").open("w", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            return number, lock
    raise RuntimeError(f"{MAX_PROCESSES} processes share the metrics already")


def _numbers(directory: Path) -> list[int]:
    return [int(file.stem) for file in directory.glob("*.lock")]


def _number(file: Path) -> int:
    return int(file.stem.rpartition("_")[2])


def _is_held(directory: Path, number: int) -> bool:
    with (directory / f"{number}.lock").open(encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
