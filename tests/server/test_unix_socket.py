"""A server on a unix socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path


def asked(path: Path) -> subprocess.CompletedProcess[str]:
    """What `bildwerk health` says."""
    command = [sys.executable, "-m", "bildwerk.main", "health"]
    environment = {**os.environ, "IMGPROXY_NETWORK": "unix", "IMGPROXY_BIND": str(path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_it_is_served_asked_for_its_health_and_removed_at_the_end(tmp_path: Path) -> None:
    """A file that a killed server left behind is in nobody's way."""
    path = tmp_path / "bildwerk.sock"
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(path))
    environment = {**os.environ, "IMGPROXY_NETWORK": "unix", "IMGPROXY_BIND": str(path)}
    command = [sys.executable, "-m", "bildwerk.main", "serve"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as server:
        end = time.monotonic() + 60
        while (health := asked(path)).returncode != 0 and time.monotonic() < end:
            assert server.poll() is None
        server.send_signal(signal.SIGTERM)
        server.wait()

    assert health.returncode == 0, health.stderr
    assert health.stderr == "imgproxy is running\n"
    assert server.returncode == 0
    assert not path.exists()


def test_a_socket_that_is_in_use_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "bildwerk.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        environment = {**os.environ, "IMGPROXY_NETWORK": "unix", "IMGPROXY_BIND": str(path)}
        command = [sys.executable, "-m", "bildwerk.main", "serve"]
        server = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert server.returncode == 1
    assert "IMGPROXY_BIND: expected the path of a unix socket" in server.stderr
