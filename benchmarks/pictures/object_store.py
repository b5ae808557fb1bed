"""The same pictures from a real S3 server instead of a folder: what an object store costs our server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.load import s3
from benchmarks.pictures.bench import Bench, ours
from benchmarks.pictures.rounds import Measured, measure
from benchmarks.pictures.scenarios import Scenario

STORED: Final = "bildwerk, s3://"
_BUCKET: Final = "corpus"


async def measure_s3(bench: Bench, scenario: Scenario, done: Callable[[], object]) -> Measured:
    """Rounds of a scenario over local files and over S3, interleaved, in one server of ours."""
    folder = bench.folder / "s3"
    folder.mkdir()
    with s3.running(folder) as store:
        await asyncio.to_thread(_fill, store, bench.corpus.folder, scenario)
        with bench.running("s3", {**_variables(store.port, folder), **scenario.variables}) as running:
            local, stored = ours(running), ours(running, name=STORED)
            stored.source_prefix = f"s3://{_BUCKET}/"
            over_s3 = replace(scenario, name="s3", title=f"{scenario.title}, from S3")
            measured = await measure(over_s3, [local, stored], bench.effort, done)
    measured.notes.append(f"the S3 server is {store.name}, on this machine; its processor time is not counted")
    return measured


def _fill(store: s3.S3Server, corpus: Path, scenario: Scenario) -> None:
    with contextlib.closing(s3.writer(store)) as client:
        client.create_bucket(Bucket=_BUCKET)
        for path in sorted({shot.picture.path for shot in scenario.shots}):
            client.put_object(Bucket=_BUCKET, Key=path, Body=(corpus / path).read_bytes())


def _variables(port: int, folder: Path) -> dict[str, str]:
    return {
        "IMGPROXY_USE_S3": "true",
        "IMGPROXY_S3_REGION": s3.REGION,
        "IMGPROXY_S3_ENDPOINT": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": s3.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": s3.SECRET_KEY,
        # Nothing of this machine's own account or proxies.
        "AWS_CONFIG_FILE": str(folder / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }
