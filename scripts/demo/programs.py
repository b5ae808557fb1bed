"""Which processes a demonstration has: their commands and environments, the same settings as in compose.yaml."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scripts import servers
from scripts.demo.processes import Program
from scripts.demo.setup import ACCESS_KEY, DISTRIBUTION, HOST, ORIGINALS, RESULTS, Setup
from scripts.demo.store import REGION

ROOT: Final = Path(__file__).parents[2]
SCRAPE_SECONDS: Final = 2

BROWSER_SECONDS: Final = 0
"""Browsers ask the CDN each time, so that a reload shows what a deletion has done."""

_DROPPED: Final = ("IMGPROXY_", "BILDWERK_", "AWS_", "OTEL_", "GF_", "VGW_", "ROOT_")
"""Variables of this shell's that would alter a process."""


def inherited(environment: Mapping[str, str], setup: Setup) -> dict[str, str]:
    """The variables of this process that the others may have: no settings, and no proxy on the way to this machine.

    Whatever they leave behind when they are killed is removed with the folder.
    """
    kept = {name: value for name, value in environment.items() if not name.startswith(_DROPPED)}
    kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy") and name != "PORT"}
    return {**kept, "PYTHONPATH": str(ROOT), "TMPDIR": str(setup.folder / "temporary")}


def s3_server(setup: Setup, executable: Path, environment: Mapping[str, str]) -> Program:
    """An S3 server over folders; metadata is in files, since not every file system has extended attributes."""
    objects, metadata = setup.folder / "objects", setup.folder / "metadata"
    for folder in (objects, metadata):
        folder.mkdir(exist_ok=True)
    options = ["--port", f"{HOST}:{setup.ports.s3}", "--region", REGION, "--keep-alive", "--quiet"]
    return Program(
        name="s3",
        command=(str(executable), *options, "posix", "--sidecar", str(metadata), str(objects)),
        environment={**environment, "ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": setup.s3_secret},
        ready=setup.url("s3", "/"),
    )


def renderer(setup: Setup, environment: Mapping[str, str]) -> Program:
    """`bildwerk serve`."""
    settings = {
        "IMGPROXY_BIND": f"{HOST}:{setup.ports.renderer}",
        "IMGPROXY_PROMETHEUS_BIND": f"{HOST}:{setup.ports.metrics}",
        "IMGPROXY_KEY": setup.key,
        "IMGPROXY_SALT": setup.salt,
        "IMGPROXY_USE_S3": "true",
        "IMGPROXY_S3_REGION": REGION,
        "IMGPROXY_S3_ENDPOINT": setup.url("s3"),
        "IMGPROXY_S3_ALLOWED_BUCKETS": ORIGINALS,
        "IMGPROXY_AUTO_AVIF": "true",
        "IMGPROXY_AUTO_WEBP": "true",
        "BILDWERK_BROWSER_TTL": str(BROWSER_SECONDS),
    }
    return Program(
        name="renderer",
        command=(sys.executable, "-m", "bildwerk.main", "serve"),
        environment={**environment, **_store(setup), **settings},
        ready=setup.url("renderer", "/health"),
    )


def api(setup: Setup, environment: Mapping[str, str]) -> Program:
    """`bildwerk api`, which tells the CDN of deletions."""
    tokens = [{"name": "demo", "token": setup.token, "scopes": ["upload", "delete"]}]
    settings = {
        "BILDWERK_API_BIND": f"{HOST}:{setup.ports.api}",
        "BILDWERK_API_STATE": str(setup.folder / "queue.sqlite3"),
        "BILDWERK_API_TOKENS": json.dumps(tokens),
        "BILDWERK_BUCKET": ORIGINALS,
        "BILDWERK_S3_ENDPOINT": setup.url("s3"),
        "BILDWERK_CLOUDFRONT_ENDPOINT": setup.url("cloudfront"),
        "BILDWERK_DISTRIBUTION_ID": DISTRIBUTION,
    }
    return Program(
        name="api",
        command=(sys.executable, "-m", "bildwerk.main", "api"),
        environment={**environment, **_store(setup), **settings},
        ready=setup.url("api", "/openapi.json"),
    )


def cdn(setup: Setup, environment: Mapping[str, str]) -> Program:
    """Our own stand-in; what it says of invalidations is shown."""
    ports = ("--port", str(setup.ports.cdn), "--api-port", str(setup.ports.cloudfront))
    options = (*ports, "--origin", setup.url("renderer"), "--distribution", DISTRIBUTION)
    return Program(
        name="cdn",
        command=(sys.executable, "-m", "scripts.demo.cdn", *options),
        environment=environment,
        ready=setup.url("cdn", "/health"),
        speaks=True,
    )


def prometheus(setup: Setup, executable: Path, environment: Mapping[str, str]) -> Program:
    """Reads the renderer's metrics; compose/prometheus.yml with this machine's ports, and more often."""
    text = (ROOT / "compose" / "prometheus.yml").read_text(encoding="utf-8")
    text = text.replace("renderer:8081", f"{HOST}:{setup.ports.metrics}").replace("10s", f"{SCRAPE_SECONDS}s")
    configuration = setup.folder / "prometheus.yml"
    configuration.write_text(text, encoding="utf-8")
    listen = f"--web.listen-address={HOST}:{setup.ports.prometheus}"
    options = (f"--config.file={configuration}", f"--storage.tsdb.path={setup.folder / 'metrics'}", listen)
    return Program(
        name="prometheus",
        command=(str(executable), *options, "--log.level=warn"),
        environment=environment,
        ready=setup.url("prometheus", "/-/ready"),
    )


def found_prometheus() -> Path | None:
    """On PATH, or where .ci/run unpacks Debian's."""
    unpacked = servers.FOLDER / "prometheus" / "usr" / "bin" / "prometheus"
    found = shutil.which("prometheus") or (str(unpacked) if unpacked.is_file() else None)
    return Path(found) if found else None


def _store(setup: Setup) -> dict[str, str]:
    """What both of our programs need of S3."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": setup.s3_secret,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(setup.folder / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(setup.folder / "no-credentials"),
        "IMGPROXY_CACHE_USE": "s3",
        "IMGPROXY_CACHE_BUCKET": RESULTS,
        "IMGPROXY_CACHE_S3_ENDPOINT": setup.url("s3"),
    }
