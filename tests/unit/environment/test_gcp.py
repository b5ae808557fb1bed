"""Settings out of Google's Secret Manager, asked over HTTP from a server that speaks as much of Google as is needed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from renderer.environment import load_environment
from renderer.environment.gcp import MAX_ANSWER_BYTES
from renderer.errors import ConfigurationError

PAYLOADS = {
    "/v1/projects/p/secrets/s/versions/latest:access": b"IMGPROXY_KEY=aa\nB='\xff'",
    "/v1/projects/p/secrets/s/versions/7:access": b"IMGPROXY_KEY=seven",
    "/v1/projects/p/secrets/a%2Fb/versions/latest:access": b"IMGPROXY_KEY=slash",
    "/v1/projects/p/secrets/broken/versions/latest:access": b"topsecret",
}
BODIES = {
    "/v1/projects/p/secrets/empty/versions/latest:access": b"{}",
    "/v1/projects/p/secrets/html/versions/latest:access": b"<html>",
    "/v1/projects/p/secrets/huge/versions/latest:access": b" " * (MAX_ANSWER_BYTES + 1),
}


class Google(BaseHTTPRequestHandler):
    """A token for a signed assertion or for the metadata header, and secrets for the token."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """The token endpoint of service accounts."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        head, claims, _ = form["assertion"][0].split(".")
        said = json.loads(base64.urlsafe_b64decode(claims + "=="))
        assert json.loads(base64.urlsafe_b64decode(head + "=="))["alg"] == "RS256"
        assert said["scope"] == "https://www.googleapis.com/auth/cloud-platform"
        self._send(200, b'{"access_token": "ya29", "expires_in": 3600}')

    def do_GET(self) -> None:
        """The metadata server's token, and secrets."""
        if self.path.startswith("/computeMetadata/") and self.headers["metadata-flavor"] == "Google":
            self._send(200, b'{"access_token": "ya29", "expires_in": 3600}')
        elif self.headers["Authorization"] != "Bearer ya29":
            self._send(401, b'{"error": {"message": "who are you"}}')
        elif self.path in PAYLOADS:
            data = base64.b64encode(PAYLOADS[self.path]).decode()
            self._send(200, json.dumps({"name": "n", "payload": {"data": data}}).encode())
        elif self.path in BODIES:
            self._send(200, BODIES[self.path])
        else:
            self._send(404, b'{"error": {"message": "Secret not found"}}')

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def google() -> Iterator[str]:
    """The address of the server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Google)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@cache
def private_key() -> str:
    """A service account's, made once: it takes a while."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def account(google: str) -> str:
    """The JSON key of a service account whose tokens come from the server."""
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "a@p.test",
            "private_key": private_key(),
            "token_uri": f"{google}/token",
        }
    )


def places(google: str, **others: str) -> dict[str, str]:
    """The variables that name the secret, with a key."""
    return {
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": f"{google}/",
        "IMGPROXY_ENV_GCP_SECRET_ID": "s",
        "IMGPROXY_ENV_GCP_SECRET_PROJECT_ID": "p",
        "IMGPROXY_ENV_GCP_KEY": account(google),
        **others,
    }


@pytest.mark.parametrize(
    ("others", "key"),
    [
        ({}, "aa"),
        ({"IMGPROXY_ENV_GCP_SECRET_VERSION_ID": "7"}, "seven"),
        ({"IMGPROXY_ENV_GCP_SECRET_ID": "a/b"}, "slash"),
    ],
)
def test_a_secret_is_an_env_file(others: dict[str, str], key: str, google: str) -> None:
    """The latest version, unless another one is named; a name cannot lead elsewhere."""
    environment = places(google, **others)

    loaded = load_environment({**environment, "IMGPROXY_KEY": "old"})

    assert loaded["IMGPROXY_KEY"] == key
    assert environment.items() <= loaded.items()


def test_bytes_that_are_no_text_stay_what_they_are(google: str) -> None:
    """As in the process environment."""
    assert load_environment(places(google))["B"].encode("utf-8", "surrogateescape") == b"\xff"


def test_without_a_key_the_default_credentials_are_used(
    google: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For instance a file that the environment names."""
    (tmp_path / "key.json").write_text(account(google))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))

    assert load_environment(places(google, IMGPROXY_ENV_GCP_KEY=""))["IMGPROXY_KEY"] == "aa"


def test_on_googles_machines_the_metadata_server_gives_the_token(google: str, tmp_path: Path) -> None:
    """In a process of its own, because the library reads the server's address when it is imported."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GOOGLE_")},
        **places(google, IMGPROXY_ENV_GCP_KEY=""),
        "GCE_METADATA_HOST": google.removeprefix("http://"),
        "CLOUDSDK_CONFIG": str(tmp_path),
    }
    code = (
        "import os; from renderer.environment import load_environment as load; print(load(os.environ)['IMGPROXY_KEY'])"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert (result.stdout, result.stderr) == ("aa\n", "")


@pytest.mark.parametrize(
    ("others", "problem"),
    [
        ({"IMGPROXY_ENV_GCP_SECRET_ID": "no"}, r"IMGPROXY_ENV_GCP_SECRET_ID: .*'p/no' .*404 .*Secret not found"),
        ({"IMGPROXY_ENV_GCP_SECRET_ID": "empty"}, "IMGPROXY_ENV_GCP_SECRET_ID: .*holds no payload"),
        ({"IMGPROXY_ENV_GCP_SECRET_ID": "html"}, "IMGPROXY_ENV_GCP_SECRET_ID: "),
        ({"IMGPROXY_ENV_GCP_SECRET_ID": "huge"}, "IMGPROXY_ENV_GCP_SECRET_ID: .*more than 1,048,576 bytes"),
        ({"IMGPROXY_ENV_GCP_SECRET_ID": "broken"}, "IMGPROXY_ENV_GCP_SECRET_ID: expected an env file .line 1 "),
        ({"IMGPROXY_ENV_GCP_SECRET_PROJECT_ID": ""}, "IMGPROXY_ENV_GCP_SECRET_PROJECT_ID: expected"),
        ({"IMGPROXY_ENV_GCP_KEY": "topsecret"}, "IMGPROXY_ENV_GCP_KEY: expected the JSON key"),
        ({"IMGPROXY_ENV_GCP_KEY": '["topsecret"]'}, "IMGPROXY_ENV_GCP_KEY: expected the JSON key"),
        ({"IMGPROXY_ENV_GCP_KEY": '{"type": "authorized_user"}'}, "IMGPROXY_ENV_GCP_KEY: expected the JSON key"),
        (
            {"IMGPROXY_ENV_GCP_KEY": '{"type": "service_account", "private_key": "topsecret"}'},
            "IMGPROXY_ENV_GCP_KEY: expected the JSON key",
        ),
        (
            {"CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": "http://127.0.0.1:1"},
            r"IMGPROXY_ENV_GCP_SECRET_ID: .*127\.0\.0\.1",
        ),
    ],
)
def test_every_failure_stops_the_start_with_its_variable(others: dict[str, str], problem: str, google: str) -> None:
    """And tells nothing secret."""
    with pytest.raises(ConfigurationError, match=f"^{problem}") as refused:
        load_environment(places(google, **others))

    assert "topsecret" not in str(refused.value)


def test_a_missing_library_is_named(google: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the extra that brings it."""
    monkeypatch.setitem(sys.modules, "gcloud.aio.auth", None)

    with pytest.raises(ConfigurationError, match=r"pip install bildwerk\[gcs\]"):
        load_environment(places(google))
