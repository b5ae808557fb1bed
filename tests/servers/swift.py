"""OpenStack Swift itself, all in one: proxy with tempauth, account, container and an object server in memory."""

from __future__ import annotations

import base64
import getpass
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from scripts import servers
from scripts.ports import free_port
from tests.servers.process import asked, executable, started

USER: Final = "site:reader"
KEY: Final = "reader-key"

_COMMON: Final = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
workers = 0
user = {user}
"""

_STORAGE: Final = """
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{app}
"""

_PROXY: Final = """
[pipeline:main]
pipeline = catch_errors tempauth slo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:tempauth]
use = egg:swift#tempauth
user_site_reader = {key} .admin
active_fernet_key_id = one
fernet_key_one = {fernet_key}
[filter:slo]
use = egg:swift#slo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""

_RINGS: Final = """
import sys
from array import array
from swift.common.ring import RingData
folder, *ports = sys.argv[1:]
for name, port in zip(("account", "container", "object"), ports):
    device = dict(id=0, region=1, zone=1, ip="127.0.0.1", port=int(port), device="d", weight=1.0, meta="",
                  replication_ip="127.0.0.1", replication_port=int(port))
    RingData([array("H", [0])], [device], 32).save(f"{folder}/{name}.ring.gz")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swift:
    """A running Swift."""

    auth_url: str
    port: int
    storage_url: str
    token: str

    def put(self, path: str, body: bytes = b"", **headers: str) -> None:
        """Makes a container or an object; underscores in the names of headers are dashes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | {"X-Auth-Token": self.token}
        asked("PUT", self.port, f"{urlsplit(self.storage_url).path}/{quote(path)}", body, sent)


@contextmanager
def running(folder: Path) -> Iterator[Swift]:
    """A started Swift over an empty folder."""
    commands = executable(servers.SWIFT).parent
    environment = {**os.environ, "PYTHONPATH": str(commands.parent), "PYTHONWARNINGS": "ignore"}
    names = ("account", "container", "object", "proxy")
    ports = {name: free_port() for name in names}
    (folder / "devices" / "d").mkdir(parents=True)
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\n")
    rings = [sys.executable, "-c", _RINGS, folder, *(str(ports[name]) for name in names[:3])]
    subprocess.run(rings, env=environment, check=True, timeout=60)
    with started([_command(commands, folder, name, ports[name]) for name in names], ports.values(), environment):
        yield _entered(ports["proxy"])


def _command(commands: Path, folder: Path, name: str, port: int) -> Sequence[str]:
    app = {"object": "mem_object"}.get(name, name)
    special = _PROXY if name == "proxy" else _STORAGE
    values = {"name": name, "app": app, "port": port, "folder": folder, "user": getpass.getuser(), "key": KEY}
    values["fernet_key"] = base64.urlsafe_b64encode(bytes(32)).decode()
    configuration = folder / f"{name}.conf"
    configuration.write_text((_COMMON + special).format_map(values))
    return [sys.executable, str(commands / f"swift-{name}-server"), str(configuration)]


def _entered(port: int) -> Swift:
    headers, _ = asked("GET", port, "/auth/v1.0", headers={"X-Auth-User": USER, "X-Auth-Key": KEY})
    return Swift(
        auth_url=f"http://127.0.0.1:{port}/auth/v1.0",
        port=port,
        storage_url=headers["X-Storage-Url"],
        token=headers["X-Auth-Token"],
    )
