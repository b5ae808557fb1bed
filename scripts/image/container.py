"""A container of the image as an orchestrator would run it: first process, read-only root, no root user.

Namespaces of processes and mounts come from util-linux's `unshare`; the network is this machine's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PICTURES: Final = "/mnt"
"""Where the container finds the folder of pictures."""

_STOP_SECONDS: Final = 20.0
_START_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.005
_MOUNTS: Final = """
set -e
root=$1 pictures=$2 user=$3 group=$4
shift 4
mount --bind "$root" "$root"
mount -t tmpfs -o mode=1777,nosuid,nodev,size=256m tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$pictures" "$root/mnt"
mount -o remount,bind,ro "$root/mnt"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs chroot --userspec="$user:$group" --groups="$group" "$root" "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """How containers of one image are started.

    Attributes:
        root: the mounted files of the image.
        config: of the image: user, environment, entry point.
        pictures: a folder that is mounted, read-only, at `PICTURES`.
    """

    root: Path
    config: Mapping[str, Any]
    pictures: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def ran(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command that ends by itself, behind the image's entry point."""
        return subprocess.run(self._start(command), capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  ours

    @contextmanager
    def running(self, *command: str, log: Path) -> Iterator[Running]:
        """The image's own command, or another; killed at the end if it has not been stopped."""
        with log.open("wb") as output:
            started = time.monotonic()
            process = subprocess.Popen(self._start(command), stdout=output, stderr=subprocess.STDOUT)  # noqa: S603  ours
        try:
            yield Running(container=self, process=process, started=started, log=log)
        finally:
            process.kill()  # `--kill-child`: nothing of it stays
            process.wait()

    def environment(self) -> list[str]:
        """`env` with exactly the variables of the container."""
        given = [f"{name}={value}" for name, value in self.variables.items()]
        return ["/usr/bin/env", "-i", f"--chdir={self.config['WorkingDir']}", *self.config["Env"], *given]

    def user(self) -> tuple[str, str]:
        """The ids of the image's user and group."""
        user, _, group = str(self.config["User"]).partition(":")
        return user, group

    def _start(self, command: Sequence[str]) -> list[str]:
        user, group = self.user()
        inside = [*self.environment(), *(self.config["Entrypoint"] or ()), *(command or self.config["Cmd"])]
        namespaces = ("--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
        arguments = (str(self.root), str(self.pictures), user, group)
        return ["unshare", *namespaces, "sh", "-c", _MOUNTS, "sh", *arguments, *inside]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A container that runs: `started` is the reading of the monotonic clock when it began to."""

    container: Container
    process: subprocess.Popen[bytes]
    started: float
    log: Path

    def first_process(self) -> int:
        """The id, as seen from outside, of the process that is number 1 inside."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        deadline = time.monotonic() + _START_SECONDS
        while not (found := children.read_text(encoding="ascii").split()):
            if time.monotonic() > deadline:
                raise TimeoutError("the container has no process")
            time.sleep(_POLL_SECONDS)
        return int(found[0])

    def status(self) -> dict[str, str]:
        """What the kernel says of the first process."""
        text = Path(f"/proc/{self.first_process()}/status").read_text(encoding="ascii")
        return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}

    def ran_beside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command inside the running container, as its health check is."""
        user, group = self.container.user()
        target = ("--target", str(self.first_process()), "--mount", "--pid", "--root", "--wd")
        entered = ["nsenter", *target, "--setuid", user, "--setgid", group, *self.container.environment(), *command]
        return subprocess.run(entered, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603  ours

    def stopped(self) -> tuple[int, float]:
        """The exit status after SIGTERM, and after how many seconds."""
        begun = time.monotonic()
        os.kill(self.first_process(), signal.SIGTERM)
        return self.process.wait(_STOP_SECONDS), time.monotonic() - begun
