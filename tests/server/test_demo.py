"""`make demo`: everything of compose.yaml as processes of this machine, seen from outside."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pyvips
import yaml

from api.settings import TABLES, load_api_settings
from benchmarks.load.accounting import children, tree
from renderer.settings.load import load_settings, unknown_settings
from scripts import servers
from scripts.demo import programs
from scripts.demo.setup import Ports, Setup
from scripts.ports import free_port
from tests.servers.process import executable

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90
PORTS = [place.name for place in dataclasses.fields(Ports)]
PAGE_ENDS = "Invalidations that reach the CDN"


@dataclasses.dataclass
class Demonstration:
    """A run: its process, its ports, and where it keeps what it writes."""

    process: subprocess.Popen[str]
    ports: dict[str, int]
    temporary: Path

    def page(self) -> str:
        """What it prints until everything runs."""
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith(PAGE_ENDS):
                return "".join(lines)
        raise AssertionError(f"it has ended:\n{''.join(lines)}")

    def ended(self) -> tuple[int, str]:
        """The exit status, and what it has printed since."""
        text, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, text

    def child(self, words: str) -> int:
        """The id of the one process whose command has these words."""
        found = [
            child
            for child in children(self.process.pid)
            if words in Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
        ]
        assert len(found) == 1, found
        return found[0]

    def leaves_nothing(self) -> bool:
        """Whether none of its ports has a listener."""
        return not any(_listens(port) for port in self.ports.values())


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with two pictures, one of them with a name that needs quoting everywhere."""
    folder = tmp_path / "my pictures"
    folder.mkdir()
    image = pyvips.Image.gaussnoise(640, 480, mean=128, sigma=40).cast("uchar").copy(interpretation="b-w")
    image.jpegsave(str(folder / "a.jpg"))
    image.jpegsave(str(folder / "zwei Bäume (1).jpg"))
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def demonstration(tmp_path: Path, pictures: Path) -> Iterator[Callable[..., Demonstration]]:
    """Starts one; whatever it has started is gone after the test."""
    executable(servers.VERSITYGW)  # built by now, or the test is skipped and says so
    begun: list[Demonstration] = []

    def start(*options: str) -> Demonstration:
        ports = {name: free_port() for name in PORTS}
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        flags = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
        process = subprocess.Popen(
            [sys.executable, "-m", "scripts.demo", "--pictures", str(pictures), *flags, *options],
            env={
                **os.environ,
                "TMPDIR": str(temporary),
                "BILDWERK_PROCESSES": "7",
                "AWS_PROFILE": "nosuch",
                "http_proxy": "http://127.0.0.1:9",
            },
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        begun.append(Demonstration(process, ports, temporary))
        return begun[-1]

    yield start
    for one in begun:
        for process in reversed(tree(one.process.pid)) if one.process.poll() is None else ():
            os.kill(process, signal.SIGKILL)
        one.process.communicate()


def test_it_shows_a_picture_made_kept_deleted_and_gone(demonstration: Callable[..., Demonstration]) -> None:
    """As it says itself."""
    run = demonstration("--check")
    status, text = run.ended()
    print(text)  # noqa: T201  the run says whether Prometheus was there

    assert status == 0, text
    told = [line.split(None, 1)[1] for line in text.splitlines() if line.startswith("ok ")]
    assert [line for line in told if "Miss" in line] == [
        "image/avif: first Miss from demo, then Hit from demo",
        "image/webp: first Miss from demo, then Hit from demo",
    ]
    assert len([line for line in told if "404 through the CDN" in line]) == 2
    assert "Prometheus has counted" in text or "left out: Prometheus" in text
    assert re.search(r"cdn: invalidation of #o-[0-9a-f]{32}, kept answers dropped: 2", text)
    assert run.leaves_nothing()
    assert list(run.temporary.iterdir()) == []


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="its page is for bash and curl")
def test_its_page_can_be_pasted(demonstration: Callable[..., Demonstration]) -> None:
    """Line by line; then SIGTERM ends it, and no secret stays in a log."""
    run = demonstration()
    page = run.page()
    lines = [line.strip() for line in page.splitlines() if line.startswith("    ")]
    (shown,) = re.findall(r"^  (http://\S+/plain/\S+)$", page, re.MULTILINE)
    script = "\n".join([*lines, f"curl -sS -D - -o /dev/null '{shown}'"])
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    pasted = subprocess.run(
        ["bash", "-e", "-c", script], cwd=ROOT, env=clean, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    (folder,) = run.temporary.iterdir()
    logs = "".join(path.read_text() for path in (folder / "logs").iterdir())
    run.process.send_signal(signal.SIGTERM)
    status, text = run.ended()

    statuses = re.findall(r"^HTTP/1.1 (\d+) .*?^X-Cache: (\w+)", pasted, re.MULTILINE | re.DOTALL)
    assert statuses == [("200", "Miss"), ("200", "Hit"), ("404", "Miss"), ("200", "Miss")], pasted
    assert pasted.count('"key":"demo/mine.jpg"') == 2
    assert "kept answers dropped: 1" in text
    assert re.search(
        rf"^http://127.0.0.1:{run.ports['cdn']}/[\w-]+/rs:fit:300:300/plain/s3://originals/a.jpg$", pasted, re.MULTILINE
    )
    secrets = re.findall(r"(?:TOKEN|IMGPROXY_KEY|IMGPROXY_SALT)=(\S+)", page)
    assert len(secrets) == 3
    assert [secret for secret in secrets if secret in logs] == []
    assert (status, text.splitlines()[-1]) == (0, "Stopping ...")
    assert run.leaves_nothing()
    assert list(run.temporary.iterdir()) == []


def test_when_one_dies_all_end_and_its_log_is_shown(demonstration: Callable[..., Demonstration]) -> None:
    """A server without its supervisor included."""
    run = demonstration()
    run.page()
    (folder,) = run.temporary.iterdir()
    # Lines of a log are written behind the answers that they tell of.
    _eventually(lambda: "Bildwerk listens" in (folder / "logs/renderer.log").read_text())
    os.kill(run.child("bildwerk.main serve"), signal.SIGKILL)
    status, text = run.ended()

    assert status == 1
    assert "make demo: renderer was ended by SIGKILL; the last lines of its log:" in text
    assert f"Bildwerk listens on http://127.0.0.1:{run.ports['renderer']}" in text
    _eventually(run.leaves_nothing)
    assert list(run.temporary.iterdir()) == []


def test_when_it_is_killed_itself_nothing_goes_on(demonstration: Callable[..., Demonstration]) -> None:
    run = demonstration()
    run.page()
    everything = tree(run.process.pid)
    run.process.kill()
    run.process.wait()
    try:
        _eventually(lambda: not any(_is_alive(process) for process in everything))
    finally:
        for process in filter(_is_alive, everything):
            os.kill(process, signal.SIGKILL)

    assert len(everything) > 5
    assert run.leaves_nothing()


def test_ctrl_c_ends_it_and_a_grafana_that_does_not_start_harms_nobody(
    demonstration: Callable[..., Demonstration], tmp_path: Path
) -> None:
    """The folder that is kept has its pictures, and what Grafana would have shown."""
    grafana = tmp_path / "grafana-server"
    grafana.write_text("#!/bin/sh\necho no database\nexit 3\n")
    grafana.chmod(0o755)
    run = demonstration("--grafana", str(grafana), "--keep", str(tmp_path / "kept"))
    page = run.page()
    run.process.send_signal(signal.SIGINT)
    status, text = run.ended()

    assert status == 0
    assert "grafana has ended with status 3; the last lines of its log:\n  no database\n" in page + text
    source = (tmp_path / "kept/grafana/provisioning/datasources/grafana-datasource.yml").read_text()
    provider = yaml.safe_load((tmp_path / "kept/grafana/provisioning/dashboards/grafana-dashboards.yml").read_text())
    assert f"url: http://127.0.0.1:{run.ports['prometheus']}" in source
    dashboards = Path(provider["providers"][0]["options"]["path"])
    assert (dashboards / "bildwerk.json").read_bytes() == (ROOT / "docs/grafana-dashboard.json").read_bytes()
    assert (tmp_path / "kept/objects/originals/a.jpg").is_file()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--api-port", "{taken}"], "port {taken}, for the upload API, is taken by another program: name another with"),
        (["--cdn-port", "{free}", "--s3-port", "{free}"], "port {free} is both --cdn-port and --s3-port: name another"),
        (["--pictures", "{empty}"], "there are no pictures in {empty}"),
        (["--cdn-port", "80000"], "80000 is no port"),
    ],
)
def test_what_stands_in_its_way_is_a_sentence(options: Sequence[str], sentence: str, tmp_path: Path) -> None:
    defaults = [word for name in PORTS for word in (f"--{name}-port", str(free_port()))]
    with socket.create_server(("127.0.0.1", 0)) as other:
        names = {"taken": other.getsockname()[1], "free": free_port(), "empty": tmp_path}
        given = [word.format(**names) for word in options]
        command = [sys.executable, "-m", "scripts.demo", *defaults, *given]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode in (1, 2)
    assert sentence.format(**names) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_both_programs_take_their_settings_and_have_those_of_compose(tmp_path: Path) -> None:
    """But for one: this CDN is told of deletions, so pictures may be kept longer than a minute."""
    setup = Setup(folder=tmp_path, ports=Ports())
    render, upload = (program(setup, {}).environment for program in (programs.renderer, programs.api))
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]

    assert load_settings(render).s3.allowed_buckets == ("originals",)
    assert load_api_settings(upload).store.distribution_id == "EDEMO"
    assert unknown_settings({**render, **upload}, TABLES.values()) == []
    assert set(services["renderer"]["environment"]) - set(render) == {"IMGPROXY_TTL"}
    assert set(services["api"]["environment"]) - set(upload) == set()


def test_settings_of_the_shell_reach_no_process(tmp_path: Path) -> None:
    given = {"PATH": "/bin", "IMGPROXY_KEY": "00", "AWS_PROFILE": "mine", "https_proxy": "http://proxy", "PORT": "1"}

    assert programs.inherited(given, Setup(folder=tmp_path, ports=Ports())) == {
        "PATH": "/bin",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(tmp_path / "temporary"),
    }


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
