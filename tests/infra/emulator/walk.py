"""What users do with a deployment: requests to its hosts."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from renderer.cache.tags import original_tag
from renderer.security.signature import sign
from tests.infra.emulator.ministack import ANSWER_SECONDS, Answer
from tests.infra.emulator.seen import Seen, until

CHROME: Final = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
"""For a picture (`tests/infra/accept/headers.json`)."""
_LOAD_BALANCER: Final = "AWS::ElasticLoadBalancingV2::LoadBalancer"
_FORM_BOUNDARY: Final = "walk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk(Seen):
    """One through a deployment.

    Attributes:
        server: the environment of the render server.
        token: may upload and delete.
        reader: a token that may only look up.
    """

    server: Mapping[str, str]
    token: str = field(repr=False)
    reader: str = field(repr=False)

    def api(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: bytes = b"",
        content_type: str = "application/octet-stream",
    ) -> Answer:
        """A request to the upload API at its own host; an empty token sends none."""
        shown = self.token if token is None else token
        headers = {"Content-Type": content_type} if body else {}
        if shown:
            headers["Authorization"] = f"Bearer {shown}"
        api = self.deployment.id_of("Api", "AWS::ApiGateway::RestApi")
        stage = self.deployment.id_of("Api", "AWS::ApiGateway::Stage")
        host = f"{api}.execute-api.localhost:{self.deployment.emulator.port}"
        return self.deployment.emulator.ask(host, method, f"/{stage}{path}", body=body, headers=headers)

    def uploaded(self, key: str, data: bytes, *, token: str | None = None) -> Answer:
        """`PUT /images/{key}`."""
        return self.api("PUT", f"/images/{key}", body=data, content_type="image/jpeg", token=token)

    def deleted(self, key: str) -> Answer:
        """`DELETE /images/{key}`."""
        return self.api("DELETE", f"/images/{key}")

    def ticket(self, key: str, size: int) -> Answer:
        """`POST /uploads` for a JPEG."""
        wanted = {"key": key, "content_type": "image/jpeg", "bytes": size}
        return self.api("POST", "/uploads", body=json.dumps(wanted).encode(), content_type="application/json")

    def posted(self, ticket: Mapping[str, Any], data: bytes) -> Answer:
        """The form of a ticket, sent to S3 with a file."""
        host, _, path = str(ticket["url"]).partition("://")[2].partition("/")
        body = b"".join([*_form(ticket["fields"]), b"\r\n", data, f"\r\n--{_FORM_BOUNDARY}--\r\n".encode()])
        headers = {"Content-Type": f"multipart/form-data; boundary={_FORM_BOUNDARY}"}
        return self.deployment.emulator.ask(host, "POST", f"/{path}", body=body, headers=headers)

    def path_of(self, key: str, options: str = "rs:fit:300:200") -> str:
        """The signed path of a rendition."""
        unsigned = f"{options}/plain/s3://{self.originals}/{key}"
        key_of, salt = (bytes.fromhex(self.server[name]) for name in ("IMGPROXY_KEY", "IMGPROXY_SALT"))
        return f"/{sign(unsigned, key_of, salt)}/{unsigned}"

    def picture(
        self, key: str, *, scheme: str = "https", accept: str = CHROME, options: str = "rs:fit:300:200"
    ) -> Answer:
        """A rendition through CloudFront, as a browser asks for it."""
        return self.through_cloudfront(self.path_of(key, options), {"Accept": accept}, scheme=scheme)

    def through_cloudfront(self, path: str, headers: Mapping[str, str], *, scheme: str = "https") -> Answer:
        """A request to the distribution's own host."""
        host = self.deployment.outputs["PicturesUrl"].partition("://")[2]
        # The emulator is told by this header what a viewer's connection is.
        shown = {"User-Agent": "walk", "X-Forwarded-Proto": scheme, **headers}
        return self.deployment.emulator.ask(host, "GET", path, headers=shown)

    def kept_picture(self, key: str) -> Answer:
        """A rendition, asked for until it is in the store of results: a purge under way may take it away again."""
        tag = original_tag(f"s3://{self.originals}/{key}")

        def kept() -> Answer | None:
            answer = self.picture(key)
            return answer if self.kept_results(tag) else None

        return until(kept, "stored result")

    def at_the_load_balancer(self, key: str, headers: Mapping[str, str]) -> Answer:
        """The same rendition, asked for past CloudFront."""
        balancer = self.deployment.id_of("LoadBalancer", _LOAD_BALANCER)
        described = self.deployment.emulator.client("elbv2").describe_load_balancers(LoadBalancerArns=[balancer])
        host = described["LoadBalancers"][0]["DNSName"]
        return self.deployment.emulator.ask(host, "GET", self.path_of(key), headers=headers)


def json_of(answer: Answer) -> dict[str, Any]:
    """The object in an answer."""
    found: dict[str, Any] = json.loads(answer.body)
    return found


def new_token(*scopes: str, name: str = "walk") -> tuple[str, dict[str, Any]]:
    """A token that `bildwerk token` makes, and its entry for the list."""
    program = Path(sys.prefix) / "bin" / "bildwerk"
    options = [word for scope in scopes for word in ("--scope", scope)]
    done = subprocess.run(
        [program, "token", name, *options], capture_output=True, text=True, check=True, timeout=ANSWER_SECONDS
    )
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    return lines["token"], json.loads(lines["entry"])


def new_key() -> str:
    """Of an original that no other step uses."""
    return f"walk/{secrets.token_hex(6)}.jpg"


def _form(fields: Mapping[str, str]) -> Iterator[bytes]:
    for name, value in fields.items():
        yield f'--{_FORM_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    yield (
        f'--{_FORM_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n'
        "Content-Type: application/octet-stream\r\n"
    ).encode()
