"""The stack as it was synthesised, created in an emulator of AWS, and walked through as its users do; IAM is enforced.

What only this proves: that CloudFormation's references fit together, that each function finds what it works on, that
each role may do what it has to and that it needs what it may. It proves wiring, not AWS: what the emulator does not act
on is in `emulator/template.py`, what only an account can show in `infra/smoke`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import pyvips
from aiohttp import web

from renderer.cache.tags import original_tag
from scripts.synth.variants import VARIANTS
from tests.infra.emulator.code import own_code
from tests.infra.emulator.deployment import deployed, synthesised
from tests.infra.emulator.grants import FORMS_SENT, PROOFS, RESULTS_KEPT, SECRETS_READ, UNPROVEN
from tests.infra.emulator.ministack import running
from tests.infra.emulator.roles import Roles
from tests.infra.emulator.seen import until
from tests.infra.emulator.server import instead, serving
from tests.infra.emulator.steps import PICTURE, keeps_a_result, refused_secrets
from tests.infra.emulator.template import for_the_emulator
from tests.infra.emulator.walk import CHROME, Walk, json_of, new_key, new_token
from tests.servers.web import serving as answering

pytestmark = pytest.mark.timeout(300)
"""The first test creates the stack: half a minute on two busy cores."""

DIRECT_BYTES = 4_194_304
"""The most that goes through API Gateway to a function (docs/api.md)."""


def jpeg(width: int, height: int, quality: int = 80) -> bytes:
    """Noise, of which no two are equal."""
    noise: bytes = pyvips.Image.gaussnoise(width, height).cast("uchar").jpegsave_buffer(Q=quality)
    return noise


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, stub_packages: Path) -> Iterator[Walk]:
    """A walk through the production stage, with a token for everything."""
    folder = tmp_path_factory.mktemp("walk")
    assembly = synthesised(VARIANTS["production"], packages=stub_packages, into=folder / "cdk.out")
    with running(folder) as emulator:
        deployment = deployed(emulator, assembly, code=own_code(folder))
        token, entry = new_token("upload", "delete")
        reader, its_entry = new_token(name="reader")
        secret = deployment.id_of("Secrets/ApiTokens", "AWS::SecretsManager::Secret")
        emulator.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps([entry, its_entry]))
        log = folder / "server.log"
        with serving(deployment, log) as environment:
            yield Walk(deployment=deployment, server=environment, server_log=log, token=token, reader=reader)


def test_who_may_use_the_api(walk: Walk) -> None:
    """No token and an unknown one are 401, a token without the scope is 403, each as a problem document."""
    key, picture = new_key(), jpeg(800, 600)

    refused = {
        "no token": (401, walk.uploaded(key, picture, token="")),
        "unknown": (401, walk.uploaded(key, picture, token="bw_unknown")),
        "no scope": (403, walk.uploaded(key, picture, token=walk.reader)),
    }

    for what, (status, answer) in refused.items():
        assert answer.status == status, f"{what}: {answer}"
        assert answer.headers["content-type"] == "application/problem+json", what
        assert json_of(answer)["status"] == status, what
    assert walk.api("GET", f"/images/{key}").status == 404
    stored = walk.uploaded(key, picture)
    assert stored.status == 201, stored
    assert json_of(stored)["bucket"] == walk.originals
    assert walk.api("GET", f"/images/{key}", token=walk.reader).status == 200


def test_pictures_come_through_cloudfront_alone(walk: Walk) -> None:
    """In the format that the browser takes, with the original's tag; not past CloudFront, and not without TLS."""
    key = new_key()
    tag = json_of(walk.uploaded(key, jpeg(800, 600)))["cache_tag"]

    seen = walk.picture(key)

    assert (seen.status, seen.headers["content-type"]) == (200, "image/avif"), seen
    assert seen.headers["cache-tag"].split(",")[0] == tag == original_tag(f"s3://{walk.originals}/{key}")
    assert walk.picture(key, accept="image/webp,*/*").headers["content-type"] == "image/webp"
    assert walk.picture(key, accept="text/html").headers["content-type"] == "image/jpeg"
    assert "s-maxage=31536000" in seen.headers["cache-control"]
    assert seen.headers["strict-transport-security"].startswith("max-age=31536000")
    plain = walk.picture(key, scheme="http")
    assert (plain.status, plain.headers["location"][:8]) == (301, "https://")
    for headers in ({}, {"X-Bildwerk-Origin": "guessed"}, {"X-Bildwerk-Origin": ""}):
        assert walk.at_the_load_balancer(key, {"Accept": CHROME, **headers}).status == 403, headers


async def test_what_the_server_gets_of_a_request(walk: Walk) -> None:
    """The path, the canonical `Accept` that CloudFront's function makes, the secret; no cookie and no query."""
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response(text="seen")

    asked = {"Accept": CHROME, "Cookie": "session=1", "X-Request-ID": "walk-1", "Referer": "https://example.com/"}
    async with answering(answer) as port:
        with instead(walk.deployment, port):
            path = walk.path_of("a.jpg")
            got = await asyncio.to_thread(walk.through_cloudfront, f"{path}?utm_source=mail", asked)

    (request,) = seen
    assert (got.status, got.body, request.raw_path) == (200, b"seen", path)
    assert (request.headers["Accept"], request.headers["X-Request-ID"]) == ("image/avif,image/webp,*/*", "walk-1")
    assert len(request.headers["X-Bildwerk-Origin"]) == 64
    assert {"Cookie", "Referer"}.isdisjoint(request.headers)


def test_a_deleted_picture_is_purged(walk: Walk) -> None:
    """The object, its stored results and what CloudFront has of it go; the order comes again after the last render."""
    key = new_key()
    tag = json_of(walk.uploaded(key, jpeg(800, 600)))["cache_tag"]
    seen = walk.kept_picture(key).headers["cache-tag"].split(",")

    mark = walk.mark("Purge")

    deleted = walk.deleted(key)

    assert (deleted.status, json_of(deleted)["cache_tag"]) == (202, tag), deleted
    assert walk.keys(walk.originals, key) == []
    assert walk.invalidation_for(json_of(deleted)["purge"]["id"], mark) == (f"#{seen[0]}",)
    assert walk.kept_results(tag) == []
    assert walk.orders_to_come() > 0
    gone = walk.picture(key, options="rs:fit:120:0")
    assert (gone.status, gone.headers["cache-tag"].split(",")[0]) == (404, tag), gone
    # What a task has in memory it may serve until the second purge.
    until(lambda: walk.picture(key).status == 404 or None, "end of what was in memory")
    assert walk.deleted(key).status == 404


def test_a_change_in_the_bucket_itself_is_purged(walk: Walk) -> None:
    """Whoever writes or deletes past the API: S3, EventBridge, a function, the queue, a function, CloudFront."""
    key = new_key()
    tag = original_tag(f"s3://{walk.originals}/{key}")

    walk.s3.put_object(Bucket=walk.originals, Key=key, Body=jpeg(800, 600), ContentType="image/jpeg")
    assert walk.picture(key).status == 200
    assert walk.invalidations_of(tag, count=1) == [(f"#{tag}",)]
    walk.s3.delete_object(Bucket=walk.originals, Key=key)

    assert walk.invalidations_of(tag, count=2) == [(f"#{tag}",)] * 2


def test_row_19_a_large_file_goes_to_s3_and_not_a_byte_more_than_announced(walk: Walk) -> None:
    """By a form that S3 checks; what arrives is inspected and stored. The emulator's refusals, not S3's own."""
    key, picture = new_key(), jpeg(3600, 2400, 90)
    assert len(picture) > DIRECT_BYTES
    direct = walk.uploaded(key, picture)
    assert (direct.status, b"/uploads" in direct.body) == (413, True), direct
    ticket = json_of(walk.ticket(key, len(picture)))

    larger, smaller = walk.posted(ticket, picture + b"x"), walk.posted(ticket, picture[:-1])
    elsewhere = walk.posted({**ticket, "fields": {**ticket["fields"], "key": key}}, picture)

    assert (larger.status, b"EntityTooLarge" in larger.body) == (400, True), larger
    assert (smaller.status, b"EntityTooSmall" in smaller.body) == (400, True), smaller
    assert elsewhere.status == 403, elsewhere
    assert walk.keys(walk.originals, key) == []
    assert walk.posted(ticket, picture).status == 204
    status = until(lambda: _settled(walk, ticket["id"]), "end of the arrival")
    assert (status["state"], status["image"]["key"], status["image"]["bytes"]) == ("stored", key, len(picture)), status
    assert walk.picture(key).status == 200
    until(
        lambda: not walk.keys(walk.originals, f"incoming/{ticket['id']}/file") or None, "end of the file that arrived"
    )


def test_row_04_every_right_is_proven_or_its_absence_explained(walk: Walk) -> None:
    """A right that nobody can say a use of is not given."""
    rights = Roles(walk.deployment).rights()
    proven = {*PROOFS, RESULTS_KEPT, *SECRETS_READ}

    explained = {pattern: {right for right in rights if fnmatchcase(str(right), pattern)} for pattern in UNPROVEN}

    assert [str(right) for right in proven - rights] == [], "proofs of rights that no role has"
    assert [pattern for pattern, found in explained.items() if not found] == [], "patterns that nothing matches"
    unproven = set().union(*explained.values())
    assert sorted(map(str, rights - proven - unproven)) == [], "rights without a proof or a reason"
    assert sorted(map(str, proven & unproven)) == [], "rights with both"


def test_row_04_what_a_role_may_not_is_refused_and_every_right_is_needed(walk: Walk) -> None:
    """Each right is taken away once, by IAM's own API, and the step that needs it is refused for want of it."""
    roles, picture = Roles(walk.deployment), jpeg(400, 300)
    unseen: list[str] = []
    with walk.without_events():
        for right, proof in PROOFS.items():
            proof.prepare(walk, picture)
            with roles.without(right):
                mark = walk.mark(proof.log)
                proof.step(walk, picture)
                if not walk.says(proof.log, proof.says, mark):
                    unseen.append(f"{right}: {walk.logged(proof.log, mark)[-1500:]}")
        assert not unseen, "\n".join(unseen)
        ticket = json_of(walk.ticket(PICTURE, len(picture)))
        with roles.without(FORMS_SENT):
            assert walk.posted(ticket, picture).status == 403, "a form reaches further than the function that signed it"
        with roles.without(RESULTS_KEPT):
            assert not keeps_a_result(walk, seconds=2)
        assert keeps_a_result(walk, seconds=20)
        for right in SECRETS_READ:
            with roles.without(right):
                assert "AccessDenied" in refused_secrets(walk)
        assert refused_secrets(walk) == ""


def test_a_change_for_the_emulator_that_nothing_needs_is_told() -> None:
    """The table of differences does not outlive their reasons."""
    with pytest.raises(AssertionError, match="changes that the template does not need: .*AWS::EC2::FlowLog"):
        for_the_emulator({"Resources": {}})


def _settled(walk: Walk, id: str) -> dict[str, Any] | None:
    """What became of a large upload, when it is no longer waited for."""
    status = json_of(walk.api("GET", f"/uploads/{id}"))
    return None if status["state"] == "waiting" else status
