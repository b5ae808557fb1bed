"""What must hold of the image, asked of running containers of it (docs/container.md has the list in words)."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from scripts.image.container import PICTURES, Container, Running
from scripts.ports import free_port

MAX_COMPRESSED_MB: Final = 150
MAX_FIRST_PICTURE_SECONDS: Final = 3.0

_ROOT: Final = Path(__file__).parents[2]
_PATH: Final = "/unsafe/rs:fill:300:200/plain/local:///{source}@{format}"
_STARTS: Final = {"webp": b"RIFF", "avif": b"\0\0\0", "jpg": b"\xff\xd8\xff", "jxl": b"\xff\x0a"}
_WITHOUT_BYTE_CODE: Final = """
import importlib.util, pathlib
files = pathlib.Path("/opt/bildwerk").rglob("*.py")
print(*(file for file in files if not pathlib.Path(importlib.util.cache_from_source(str(file))).exists()))
"""
_INSTALLERS: Final = """
import importlib.util
print(*(name for name in ("pip", "setuptools", "wheel", "ensurepip") if importlib.util.find_spec(name)))
"""
_TOKEN: Final = "a-token-for-this-proof-alone"  # noqa: S105  of a server that lives for two seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that was looked at: what, what was found, and whether that is right."""

    what: str
    found: str
    holds: bool


def still(container: Container) -> Iterator[Finding]:
    """Findings from commands that end by themselves."""
    users = container.ran("id", "-u").stdout.strip(), container.ran("id", "-G").stdout.strip()
    yield Finding(what="user and groups", found=" ".join(users), holds=users == ("999", "999"))
    mounts = [line.split() for line in container.ran("cat", "/proc/mounts").stdout.splitlines()]
    options = next((mount[3] for mount in reversed(mounts) if mount[1] == "/"), "")
    yield Finding(what="root is mounted", found=options.partition(",")[0], holds=options.startswith("ro"))
    absent: Mapping[str, tuple[str, ...]] = {
        "compilers and pip": ("sh", "-c", "for t in cc gcc c++ ld make pip pip3; do command -v $t; done; exit 0"),
        "installers that Python finds": ("python", "-c", _INSTALLERS),
        "modules without byte code": ("python", "-c", _WITHOUT_BYTE_CODE),
        "setuid and setgid programs": ("find", "/", "-xdev", "-type", "f", "-perm", "/6000"),
        "files of the environment that the user may change": ("find", "/opt", "-writable", "-not", "-type", "l"),
        "what the build was told of this machine": ("find", "/etc/pip.conf", "/run/ca.crt", "/build", "-maxdepth", "0"),
    }
    for what, command in absent.items():
        output = container.ran(*command).stdout.strip()
        yield Finding(what=what, found=output[:200] or "none", holds=not output)
    for command in (("imgproxy", "version"), ("bildwerk", "--help")):
        answer = container.ran(*command)
        yield Finding(what=" ".join(command), found=f"exit {answer.returncode}", holds=answer.returncode == 0)


def rendering(container: Container, folder: Path, *, extras: str) -> Iterator[Finding]:
    """Findings from a render server; the first pictures are left in the folder."""
    port = free_port()
    variables = {"IMGPROXY_BIND": f"127.0.0.1:{port}", "IMGPROXY_LOCAL_FILESYSTEM_ROOT": PICTURES}
    log = folder / "serve.log"
    with replace(container, variables=variables).running(log=log) as server:
        picture = _awaited(server, port, _PATH.format(source="landscape.jpg", format="webp"))
        seconds = time.monotonic() - server.started
        (folder / "first.webp").write_bytes(picture)
        yield Finding(
            what="seconds from start to the first picture",
            found=f"{seconds:.2f} (at most {MAX_FIRST_PICTURE_SECONDS:g})",
            holds=seconds <= MAX_FIRST_PICTURE_SECONDS and picture.startswith(_STARTS["webp"]),
        )
        for source, format in _pairs(extras):
            status, body = asked(port, "GET", _PATH.format(source=source, format=format))
            (folder / f"{Path(source).stem}.{format}").write_bytes(body)
            holds = status == 200 and body.startswith(_STARTS[format])
            yield Finding(what=f"{source} as {format}", found=f"{status}, {len(body)} bytes", holds=holds)
        health = server.ran_beside(*container.config["Healthcheck"]["Test"][1:])
        yield Finding(what="health check", found=f"exit {health.returncode}", holds=health.returncode == 0)
        yield from _process(server, "render server")


def uploading(container: Container, folder: Path) -> Iterator[Finding]:
    """Findings from the upload API in the same image, over a folder of its own."""
    port = free_port()
    tokens = [{"name": "proof", "token": _TOKEN, "scopes": ["upload", "delete"]}]
    variables = {
        "BILDWERK_API_BIND": f"127.0.0.1:{port}",
        "BILDWERK_API_FOLDER": "/tmp/pictures",  # noqa: S108  the container's own
        "BILDWERK_API_TOKENS": json.dumps(tokens),
    }
    command = ("sh", "-c", "mkdir /tmp/pictures && exec bildwerk api")
    with replace(container, variables=variables).running(*command, log=folder / "api.log") as server:
        picture = (container.pictures / "landscape.jpg").read_bytes()

        def sent() -> tuple[int, bytes]:
            headers = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "image/jpeg"}
            return asked(port, "PUT", "/images/proof.jpg", body=picture, headers=headers)

        status, _ = _until_it_listens(server, sent)
        yield Finding(what="upload", found=f"{status}", holds=status == 201)
        yield from _process(server, "upload API")


def add_heic(pictures: Path, folder: Path) -> Path:
    """A folder with the samples and a HEIC picture, which nothing here can write."""
    together = folder / "pictures"
    shutil.copytree(pictures, together)
    samples = json.loads((_ROOT / "tests" / "heic.json").read_text(encoding="utf-8"))
    (together / "quarters.heic").write_bytes(base64.b64decode(samples["quarters"]))
    return together


def asked(
    port: int, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Status and body of an answer; OSError when nobody listens."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, body or None, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()


def _pairs(extras: str) -> Iterator[tuple[str, str]]:
    yield "landscape.jpg", "avif"
    yield "drawing.svg", "webp"
    if "heif" in extras:
        yield "quarters.heic", "jpg"
    if "jxl" in extras:
        yield "landscape.jpg", "jxl"


def _process(server: Running, name: str) -> Iterator[Finding]:
    """Who the first process is, and how it takes being stopped."""
    status = server.status()
    yield Finding(
        what=f"{name}: process, user, new privileges",
        found=f"{status['NSpid'].split()[-1]}, {status['Uid'].split()[0]}, {status['NoNewPrivs']} (none)",
        holds=(status["NSpid"].split()[-1], set(status["Uid"].split())) == ("1", {"999"}),
    )
    code, seconds = server.stopped()
    yield Finding(what=f"{name}: SIGTERM", found=f"exit {code} after {seconds:.2f} s", holds=code == 0)


def _awaited(server: Running, port: int, path: str) -> bytes:
    status, body = _until_it_listens(server, lambda: asked(port, "GET", path))
    if status != 200:
        raise RuntimeError(f"{status}: {body[:200]!r}\n{server.log.read_text(encoding='utf-8')}")
    return body


def _until_it_listens(server: Running, ask: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
    deadline = time.monotonic() + 30
    while True:
        try:
            return ask()
        except ConnectionRefusedError:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nobody listens:\n{server.log.read_text(encoding='utf-8')}") from None
            time.sleep(0.005)
