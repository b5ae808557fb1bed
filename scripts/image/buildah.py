"""Images made by buildah under chroot isolation, in a store of their own: no daemon, no registry, nothing outside."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

BASE: Final = "localhost/bildwerk-base:trixie"
IMAGE: Final = "localhost/bildwerk:latest"

_SUITE: Final = "trixie"
_CERTIFICATE: Final = "/run/ca.crt"
_PIP_KEYS: Final = ("index-url", "extra-index-url", "trusted-host", "timeout")
_SLIM: Final = ("path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/doc/*")
"""What Debian's own slim images leave out; licenses stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buildah:
    """buildah over one folder.

    Attributes:
        folder: of the store, and of what is made on the way.
        driver: how layers lie on the disk: `overlay`, or `vfs` where the kernel has none.
    """

    folder: Path
    driver: str = "overlay"

    def has_base(self) -> bool:
        """Whether the base is there from an earlier run."""
        return bool(self._said("images", "--quiet", "--filter", f"reference={BASE}"))

    def make_base(self) -> None:
        """An image of Debian's packages, of the same release and kind as the base that the Dockerfile names."""
        archive = self.folder / "base.tar"
        options = [f"--dpkgopt={option}" for option in (*_SLIM, "path-include=/usr/share/doc/*/copyright")]
        run("mmdebstrap", "--quiet", "--variant=minbase", *options, _SUITE, str(archive))
        container = self._said("from", "scratch")
        self._run("add", "--quiet", container, str(archive), "/")
        self._run("commit", "--quiet", "--rm", container, BASE)
        archive.unlink()

    def build(self, context: Path, *, extras: str) -> None:
        """Builds the Dockerfile of a folder on the base from Debian's packages."""
        # The settings may name an index with a password: nobody else reads them, and they are gone after the build.
        with tempfile.TemporaryDirectory() as private:
            self._run(
                *("build", "--isolation", "chroot", "--layers", "--force-rm", "--format", "docker", "--tag", IMAGE),
                *("--build-arg", f"BASE={BASE}", "--build-arg", f"EXTRAS={extras}"),
                *_secrets(Path(private)),
                str(context),
            )

    def close(self) -> None:
        """Lets go of the folder, on which the overlay driver leaves a mount of its own."""
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
        for place in reversed([mount for mount in mounts if Path(mount).is_relative_to(self.folder)]):
            run("umount", place)

    def config(self) -> dict[str, Any]:
        """The image's own words on how it is run: `User`, `Env`, `Entrypoint`, `Cmd`, `Healthcheck`, ..."""
        found: dict[str, Any] = json.loads(self._said("inspect", "--type", "image", IMAGE))["Docker"]["config"]
        return found

    def compressed_bytes(self) -> int:
        """What a registry would send: all layers as gzip."""
        layout = self.folder / "layout"
        run("rm", "-rf", str(layout))
        self._run("push", "--quiet", "--format", "oci", IMAGE, f"oci:{layout}")
        (manifest,) = json.loads((layout / "index.json").read_text(encoding="utf-8"))["manifests"]
        algorithm, _, digest = manifest["digest"].partition(":")
        layers = json.loads((layout / "blobs" / algorithm / digest).read_text(encoding="utf-8"))["layers"]
        run("rm", "-rf", str(layout))
        return sum(layer["size"] for layer in layers)

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """The root of a container of the image."""
        container = self._said("from", IMAGE)
        try:
            yield Path(self._said("mount", container))
        finally:
            self._run("umount", container, quiet=True)
            self._run("rm", container, quiet=True)

    def _command(self, *arguments: str) -> list[str]:
        store = ("--root", str(self.folder / "store"), "--runroot", str(self.folder / "run"))
        return ["buildah", *store, "--storage-driver", self.driver, *arguments]

    def _run(self, *arguments: str, quiet: bool = False) -> None:
        run(*self._command(*arguments), quiet=quiet)

    def _said(self, *arguments: str) -> str:
        command = self._command(*arguments)
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()  # noqa: S603  ours


def _secrets(folder: Path) -> list[str]:
    """The pip settings of this machine, as the secrets that the build may read and does not keep."""
    settings = pip_settings()
    lines = [f"{key} = {settings[key]}" for key in _PIP_KEYS if key in settings]
    secrets = []
    if "cert" in settings:
        lines.append(f"cert = {_CERTIFICATE}")
        secrets += ["--secret", f"id=ca,src={settings['cert']}"]
    configuration = folder / "pip.conf"
    configuration.write_text("\n".join(["[global]", *lines, ""]), encoding="utf-8")
    return [*secrets, "--secret", f"id=pip,src={configuration}"]


def pip_settings() -> dict[str, str]:
    """What pip is told on this machine, by its files and its environment, by name."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603  pip
    found = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        # `global.cert='...'` of a file, then `:env:.cert='...'` of the environment, which counts more.
        found[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    return found


def run(*command: str, quiet: bool = False) -> None:
    """Runs a program with low priority; CalledProcessError when it fails."""
    output = subprocess.DEVNULL if quiet else None
    subprocess.run(["nice", *command], check=True, stdout=output)  # noqa: S603, S607  our own words
