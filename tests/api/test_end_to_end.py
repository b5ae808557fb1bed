"""The whole life of a picture: a real S3 server, `bildwerk api` and `bildwerk serve`, and a CDN that notes down.

Uploaded in each of the four ways, rendered in three sizes, replaced, rendered anew, deleted, gone: from the store, from
the results, and from the CDN under exactly the tag that the server has sent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import pyvips

from benchmarks.load.s3 import S3Server, writer
from scripts.ports import free_port
from tests.api.fakes import picture
from tests.api.processes import TOKEN, TOKENS, Reply, ask, eventually, sent_by_form, state_of
from tests.api.queued import aws, client, invalidated, new_distribution
from tests.servers.process import started
from tests.servers.s3 import aws_credentials, shared_s3

__all__ = ["aws_credentials", "shared_s3"]

BUCKET = "end-to-end"
SIZES = ("rs:fit:30:30", "rs:fill:20:20", "rs:fit:10:10/f:webp")
JPEG = picture("jpg", width=64, height=48)
OTHER = picture("jpg", width=64, height=48, shade=250)


@dataclass
class System:
    """The processes and what stands around them."""

    api: int
    renderer: int
    results: Path
    cloudfront: Any
    distribution: str
    origin: str
    s3: Any

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """Asks the API, with the token."""
        return ask(self.api, method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def rendered(self, image: Mapping[str, Any]) -> list[Reply]:
        """The picture in every size."""
        return [ask(self.renderer, "GET", f"/_/{size}/{image['source_encoded']}", token="") for size in SIZES]

    def kept(self) -> list[Path]:
        """The files of stored results."""
        return [path for path in (self.results / "results").rglob("*") if path.is_file()]

    def invalidated(self) -> list[list[str]]:
        """The paths of every invalidation."""
        return [paths for _, paths in invalidated(self.cloudfront, self.distribution).values()]


@contextmanager
def invalidating(system: System) -> Iterator[None]:
    """Ends when the CDN has been told to drop something after the block has begun."""
    count = len(system.invalidated())
    yield
    eventually(lambda: len(system.invalidated()) > count, "an invalidation")


@pytest.fixture
def system(shared_s3: S3Server, aws_credentials: None, tmp_path: Path) -> Iterator[System]:  # noqa: ARG001  it prepares the environment
    """Everything, started for one test."""
    print(f"S3 is {shared_s3.name}, CloudFront is moto")  # noqa: T201  the run says which
    s3 = writer(shared_s3)
    if BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=BUCKET)
    with aws() as endpoint, client("cloudfront", endpoint) as cloudfront, _origin() as origin, closing(s3):
        distribution = new_distribution(cloudfront)
        api, renderer = free_port(), free_port()
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "AWS_REGION": "us-east-1",
            "BILDWERK_API_BIND": f"127.0.0.1:{api}",
            "BILDWERK_API_STATE": str(tmp_path / "api.sqlite"),
            "BILDWERK_API_TOKENS": TOKENS,
            "BILDWERK_BUCKET": BUCKET,
            "BILDWERK_S3_ENDPOINT": f"http://127.0.0.1:{shared_s3.port}",
            "BILDWERK_CLOUDFRONT_ENDPOINT": endpoint,
            "BILDWERK_DISTRIBUTION_ID": distribution,
            "BILDWERK_UPLOAD_ALLOW_HTTP": "true",
            "BILDWERK_UPLOAD_ALLOW_ADDRESSES": "loopback",
            "BILDWERK_PURGE_AGAIN_SECONDS": "0",
            "IMGPROXY_BIND": f"127.0.0.1:{renderer}",
            "IMGPROXY_USE_S3": "true",
            "IMGPROXY_S3_ENDPOINT": f"http://127.0.0.1:{shared_s3.port}",
            "IMGPROXY_S3_REGION": "us-east-1",
            "IMGPROXY_CACHE_USE": "fs",
            "IMGPROXY_CACHE_FS_ROOT": str(tmp_path / "results"),
            "IMGPROXY_LOG_LEVEL": "error",
            "BILDWERK_PROCESSES": "1",
        }
        program = [sys.executable, "-m", "bildwerk.main"]
        with started([[*program, "api"], [*program, "serve"]], [api, renderer], environment):
            yield System(
                api=api,
                renderer=renderer,
                results=tmp_path / "results",
                cloudfront=cloudfront,
                distribution=distribution,
                origin=origin,
                s3=s3,
            )


def test_a_picture_lives_in_every_size_and_is_gone_from_everywhere(system: System) -> None:
    """Upload, three renditions, replace, three others, delete, none."""
    # A cache may have a 404 of the time before.
    with invalidating(system):
        created = system.call("PUT", "/images/shoes/1.jpg", JPEG, Content_Type="image/jpeg")
    image = created.json
    assert (created.status, image["width"], image["height"]) == (201, 64, 48)
    before = _settled(system, image)

    with invalidating(system):
        replaced = system.call("PUT", "/images/shoes/1.jpg", OTHER, Content_Type="image/jpeg")
        # Gone before the answer, whenever the queue comes to it.
        assert (replaced.status, system.kept()) == (200, [])
    after = _settled(system, image)
    assert [one.body for one in before] != [one.body for one in after]

    tag = image["cache_tag"]
    with invalidating(system):
        deleted = system.call("DELETE", "/images/shoes/1.jpg")
        assert (deleted.status, deleted.json["cache_tag"], system.kept()) == (202, tag, [])
    gone = system.rendered(image)
    assert [one.status for one in gone] == [404] * len(SIZES)

    sent = {one.headers["cache-tag"].split(",")[0] for one in (*before, *after, *gone)}
    assert sent == {tag}
    # Each write orders a purge, and so does the store's event of it: no purge depends on one of them.
    assert {tuple(paths) for paths in system.invalidated()} == {(f"#{tag}",)}
    assert system.call("GET", "/images/shoes/1.jpg").status == 404


def test_a_picture_comes_by_form_by_url_and_by_ticket(system: System) -> None:
    """The same file, so without a key the same original; by ticket under a key of its own."""
    form = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="shoe.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n--b--\r\n"
    )
    by_form = system.call("POST", "/images", form, Content_Type="multipart/form-data; boundary=b")
    asked = json.dumps({"url": f"{system.origin}/shoe.jpg"}).encode()
    by_url = system.call("POST", "/images", asked, Content_Type="application/json")
    assert (by_form.status, by_url.status) == (201, 200)
    assert by_form.json["key"] == by_url.json["key"]
    assert by_form.json["file_name"] == "shoe.jpg"

    wanted = {"content_type": "image/jpeg", "bytes": len(JPEG), "key": "large/1.jpg"}
    ticket = system.call("POST", "/uploads", json.dumps(wanted).encode(), Content_Type="application/json").json
    assert system.call("GET", ticket["status"]).json["state"] == "waiting"
    assert sent_by_form(ticket, JPEG) in (200, 201, 204)
    eventually(lambda: state_of(system.call("GET", ticket["status"])) != "waiting", "the file's inspection")
    status = system.call("GET", ticket["status"]).json
    assert (status["state"], status["image"]["key"], status["image"]["sha256"]) == (
        "stored",
        "large/1.jpg",
        by_form.json["sha256"],
    )
    assert [one.status for one in system.rendered(status["image"])] == [200] * len(SIZES)
    tag = status["image"]["cache_tag"]
    eventually(lambda: {tuple(paths) for paths in system.invalidated()} == {(f"#{tag}",)}, "the invalidation")
    listed = system.s3.list_objects_v2(Bucket=BUCKET, Prefix="incoming/").get("Contents", ())
    assert [item["Key"] for item in listed if item["Key"].endswith("/file")] == []


def test_a_large_file_that_is_no_picture_is_refused_after_its_arrival(system: System) -> None:
    """The uploader learns why, and nothing stays behind."""
    text = b"<html>" * 100
    wanted = {"content_type": "image/jpeg", "bytes": len(text), "key": "large/2.jpg"}
    ticket = system.call("POST", "/uploads", json.dumps(wanted).encode(), Content_Type="application/json").json
    assert sent_by_form(ticket, text) in (200, 201, 204)
    eventually(lambda: state_of(system.call("GET", ticket["status"])) != "waiting", "the file's inspection")
    status = system.call("GET", ticket["status"]).json

    assert (status["state"], status["problem"]["type"]) == ("refused", "urn:bildwerk:problem:not-an-image")
    assert system.call("GET", "/images/large/2.jpg").status == 404


def test_the_command_brings_a_large_file_to_the_store(system: System, tmp_path: Path) -> None:
    """Above 4 MiB it goes by form, and the store counts nothing but the file against its announced size."""
    picture = tmp_path / "large.png"
    pyvips.Image.black(1300, 1200, bands=3).copy(interpretation="srgb").pngsave(str(picture), compression=0)
    assert picture.stat().st_size > 4_194_304
    environment = {
        **os.environ,
        "BILDWERK_API_URL": f"http://127.0.0.1:{system.api}",
        "BILDWERK_API_TOKEN": TOKEN,
    }
    command = [sys.executable, "-m", "bildwerk.main", "upload", str(picture), "--key", "large/3.png"]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr
    assert system.call("GET", "/images/large/3.png").json["bytes"] == picture.stat().st_size


def _settled(system: System, image: Mapping[str, Any]) -> list[Reply]:
    """The renditions, once they come from the store of results."""
    answers = system.rendered(image)
    assert [one.status for one in answers] == [200] * len(SIZES)
    # A purge is seen for two seconds as younger than what is rendered after it: those results are not kept.
    eventually(lambda: _are_hits(system.rendered(image)), "results that are kept")
    return answers


def _are_hits(answers: list[Reply]) -> bool:
    return all("hit" in one.headers.get("x-cache", "").lower() for one in answers)


@contextmanager
def _origin() -> Iterator[str]:
    """A web server that has the picture under any path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(JPEG)))
            self.end_headers()
            self.wfile.write(JPEG)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
