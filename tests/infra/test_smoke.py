"""The smoke test that an operator runs after a deployment: what it passes, what it fails, and what it leaves behind.

Its steps of visitors and editors run against the demonstration's processes; those that ask AWS against answers that
botocore holds against AWS's own models. That AWS answers so is what only an account shows.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from infra.smoke import picture_steps
from infra.smoke.__main__ import STEPS, main
from infra.smoke.asking import Shortfall
from infra.smoke.stack import Client, read_stage
from infra.smoke.steps import Step, run
from scripts.demo import programs
from scripts.ports import free_port
from tests.api import queued
from tests.infra.programs import ended
from tests.infra.smoke_demo import Demo, running_demo
from tests.infra.smoke_stage import NOW, ROW, queries, stage_of, stubbed, visit_of
from tests.servers.process import started

pytestmark = pytest.mark.timeout(240)

BY_NAME: Mapping[str, Step] = {step.name: step for step in STEPS}
WITHOUT_ACCOUNT = {step.name for step in STEPS if not step.needs}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The platform's own processes."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


def smoke(*options: str, environment: Mapping[str, str]) -> tuple[int, dict[str, dict[str, Any]]]:
    """The command as an operator types it: its status, and the outcomes by name."""
    done = ended("infra.smoke", "--json", *options, environment=environment, seconds=200)
    assert done.stdout, done.stderr
    return done.returncode, {step["name"]: step for step in json.loads(done.stdout)["steps"]}


def failed(outcomes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Why steps failed, by name."""
    return {name: outcome["text"] for name, outcome in outcomes.items() if outcome["state"] == "FAIL"}


def test_every_step_that_needs_no_account_passes_against_the_demonstration(demo: Demo) -> None:
    """And is measured; what needs AWS or TLS is left out with the reason; nothing that was uploaded stays."""
    status, outcomes = smoke(*demo.options("--patience", "30"), environment=demo.environment)

    assert (status, failed(outcomes)) == (0, {})
    assert {name for name, outcome in outcomes.items() if outcome["state"] == "pass"} == {*WITHOUT_ACCOUNT, "clear-up"}
    assert {outcome["text"] for outcome in outcomes.values() if outcome["state"] == "left out"} == {
        "no stage was named: AWS is not asked",
        "pictures do not come by https",
    }
    assert {"avif_cold_ms", "webp_cold_ms", "jpeg_cold_ms", "warm_ms", "warm_hits"} <= set(
        outcomes["formats"]["figures"]
    )
    assert outcomes["delete"]["figures"]["seconds"] < 30
    assert left_behind(demo) == []


def test_a_cdn_that_is_told_of_nothing_fails_the_steps_of_purging_alone(demo: Demo) -> None:
    """The others go on and pass, and what was uploaded is cleared up all the same."""
    names = ("formats", "headers", "appear", "replace", "delete")
    only = [word for name in names for word in ("--only", name)]
    options = demo.options("--patience", "3", *only, "--pictures-url", demo.deaf_cdn)

    status, outcomes = smoke(*options, environment=demo.environment)

    assert status == 1
    assert set(failed(outcomes)) == {"appear", "replace", "delete"}
    assert "the edge still shows 200 image/avif (X-Cache: Hit from demo), for 3 s" in outcomes["delete"]["text"]
    assert left_behind(demo) == []


def test_a_wrong_key_fails_what_a_visitor_does_and_no_upload(demo: Demo) -> None:
    only = [word for name in ("headers", "signature", "access") for word in ("--only", name)]

    status, outcomes = smoke(*demo.options(*only), environment={**demo.environment, "IMGPROXY_KEY": "00" * 32})

    assert status == 1
    assert failed(outcomes) == {
        "headers": "403 text/plain (X-Cache: Miss from demo)",
        "signature": "signed with key 1 of 1 it was answered 403 text/plain (X-Cache: Miss from demo)",
    }


def test_a_server_that_says_yes_to_everything_fails_every_step_of_a_visitor(demo: Demo) -> None:
    """Wrong signatures, POST, what is not there, and the same bytes for every client."""
    only = [word for step in picture_steps.STEPS if not step.needs for word in ("--only", step.name)]
    with saying_yes() as url:
        options = demo.options("--patience", "1", *only, "--pictures-url", url)
        status, outcomes = smoke(*options, environment=demo.environment)

    assert status == 1
    assert set(failed(outcomes)) == {step.name for step in picture_steps.STEPS if not step.needs}
    assert failed(outcomes)["signature"].startswith("the signature '")
    assert failed(outcomes)["methods"].startswith("POST was answered 200")
    assert failed(outcomes)["missing"].startswith("a picture that is not there was answered 200")


def test_an_api_that_is_not_there_fails_what_needs_it(demo: Demo) -> None:
    """A step that breaks is a failure with its reason, and the next one is taken."""
    only = [word for name in ("access", "methods") for word in ("--only", name)]
    options = demo.options(*only, "--api-url", f"http://127.0.0.1:{free_port()}")

    status, outcomes = smoke(*options, environment=demo.environment)

    assert status == 1
    assert "ConnectionRefusedError" in outcomes["access"]["text"]
    assert outcomes["methods"]["state"] == "pass"


def test_a_stage_gives_addresses_keys_and_a_token_for_the_run(demo: Demo) -> None:
    """The token is let in, works, reaches its own prefix alone, and is out of the list at the end."""
    mine = {"name": "cms", "token_sha256": "ab" * 32, "scopes": ["upload"]}
    texts = {"SigningKey": demo.setup.key, "SigningSalt": demo.setup.salt, "ApiTokens": json.dumps([mine])}
    with ExitStack() as stack:
        aws = stack.enter_context(moto())
        secrets = aws("secretsmanager", "us-east-1")
        for name, text in texts.items():
            secrets.create_secret(Name=name, SecretString=text)
        api_url = stack.enter_context(secret_api(demo, aws))
        queues = {name: aws("sqs", "us-east-1").create_queue(QueueName=name)["QueueUrl"] for name in ("Dead", "Failed")}
        client = with_stack(
            aws,
            outputs={"PicturesUrl": demo.setup.url("cdn"), "ApiUrl": f"{api_url}/", "OriginalsBucket": "originals"},
            resources={
                "SecretsSigningKey1": ("AWS::SecretsManager::Secret", "SigningKey"),
                "SecretsSigningSalt2": ("AWS::SecretsManager::Secret", "SigningSalt"),
                "SecretsApiTokens3": ("AWS::SecretsManager::Secret", "ApiTokens"),
                "PurgesDeadLetters4": ("AWS::SQS::Queue", queues["Dead"]),
                "FunctionsFailures5": ("AWS::SQS::Queue", queues["Failed"]),
            },
        )
        environment = programs.inherited(os.environ, demo.setup)
        only = [word for name in ("stacks", "queues", "headers", "delete") for word in ("--only", name)]

        status = main(["--stage", "dev", "--patience", "40", *only], environment, client)

        entries = json.loads(secrets.get_secret_value(SecretId="ApiTokens")["SecretString"])
        aws("sqs", "us-east-1").send_message(QueueUrl=queues["Dead"], MessageBody="a purge")
        again = main(["--stage", "dev", "--patience", "40", "--only", "queues"], environment, client)
    assert (status, entries) == (0, [mine])
    assert again == 1
    assert left_behind(demo) == []


def test_a_stage_that_is_not_there_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def client(service: str, region: str) -> Any:
        made, stubber = stubbed(service, region)
        stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id Bildwerk-dev does not exist")
        return made

    assert main(["--stage", "dev"], {}, client) == 1
    assert main([], {}, client) == 1
    told = capsys.readouterr().err
    assert "smoke: there is no stack Bildwerk-dev in us-east-1: name the stage and the region" in told
    assert "smoke: name a --stage, or --pictures-url, --api-url, --bucket" in told


def test_whoever_has_no_credentials_is_told_so(tmp_path: Path) -> None:
    """In one line, and before anything was made."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}

    done = ended("infra.smoke", "--stage", "dev", environment=environment)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "smoke: AWS does not tell about the stage: Unable to locate credentials\n"


def test_outside_of_us_east_1_the_further_stacks_are_missed() -> None:
    """Without the watch stack pictures are delivered, and nobody sees how."""
    calls: list[str] = []

    def client(service: str, region: str) -> Any:
        made, stubber = stubbed(service, region)
        calls.append(region)
        if len(calls) == 3:
            stubber.add_client_error("describe_stacks", "ValidationError", "does not exist")
        else:
            stubber.add_response("describe_stacks", described(f"Bildwerk-{len(calls)}", {}))
            stubber.add_response("list_stack_resources", {"StackResourceSummaries": []})
        return made

    stage = read_stage("production", "eu-central-1", client)

    assert calls == ["eu-central-1", "us-east-1", "us-east-1"]
    assert list(stage.statuses) == ["Bildwerk-production", "Bildwerk-production-edge", "Bildwerk-production-watch"]
    with pytest.raises(Shortfall, match="there is no stack Bildwerk-production-watch: deploy with --all"):
        BY_NAME["stacks"].look(visit_of(stage, Path()))


@pytest.mark.parametrize(
    ("found", "state", "text"),
    [([], "pass", "the token is in none of"), ([ROW], "FAIL", "the token is in functions")],
)
def test_a_token_in_a_log_is_found(
    demo: Demo, found: list[Any], state: str, text: str, templates: Mapping[str, Template], tmp_path: Path
) -> None:
    """Only after a line of the same upload was found, so that an empty answer says something."""
    stage = stage_of({"logs": queries([ROW], found)}, (templates["production"], "us-east-1"))
    visit = visit_of(stage, tmp_path, demo=demo)

    (outcome,) = run([BY_NAME["secrets-in-logs"]], visit)
    visit.commands.deleted(visit.keys)

    assert (outcome.state, text in outcome.text) == (state, True), outcome.text


def test_a_log_that_stays_empty_fails(demo: Demo, templates: Mapping[str, Template], tmp_path: Path) -> None:
    """After the time that the run has patience for, and not never."""
    for name in ("server-log", "viewer-log", "firewall-log"):
        stage = stage_of({"logs": queries([])}, (templates["production"], "us-east-1"))
        visit = visit_of(stage, tmp_path, demo=demo, patience_seconds=-1)

        (outcome,) = run([BY_NAME[name]], visit)

        assert outcome.state == "FAIL"
        assert "no line in id-of-" in outcome.text


@contextmanager
def saying_yes() -> Iterator[str]:
    """A server whose every answer is the same; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Yes) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class Yes(BaseHTTPRequestHandler):
    """200, whatever is asked."""

    def do_GET(self) -> None:
        """The one answer."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "image/avif")
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"yes")

    do_POST = do_GET  # noqa: N815 - the name that the base class looks for

    def log_message(self, *_: object) -> None:
        """Nothing."""


def left_behind(demo: Demo) -> list[str]:
    """Originals of smoke tests that are still there."""
    folder = demo.setup.folder / "objects" / "originals" / "smoke"
    return [str(path) for path in folder.rglob("*") if path.is_file()]


def described(name: str, outputs: Mapping[str, str]) -> dict[str, Any]:
    """DescribeStacks' answer."""
    told = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    stack = {"StackName": name, "StackStatus": "UPDATE_COMPLETE", "CreationTime": NOW, "Outputs": told}
    return {"Stacks": [stack]}


def with_stack(aws: Client, *, outputs: Mapping[str, str], resources: Mapping[str, tuple[str, str]]) -> Client:
    """The services with a CloudFormation that knows one stack."""
    listed = [
        {
            "LogicalResourceId": logical,
            "PhysicalResourceId": physical,
            "ResourceType": kind,
            "LastUpdatedTimestamp": NOW,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        for logical, (kind, physical) in resources.items()
    ]

    def client(service: str, region: str) -> Any:
        if service != "cloudformation":
            return aws(service, region)
        made, stubber = stubbed(service, region)
        stubber.add_response("describe_stacks", described("Bildwerk-dev", outputs))
        stubber.add_response("list_stack_resources", {"StackResourceSummaries": listed})
        return made

    return client


@contextmanager
def moto() -> Iterator[Client]:
    """Secrets Manager and SQS on this machine."""
    with queued.aws() as address, ExitStack() as stack:
        yield lambda service, _region: stack.enter_context(queued.client(service, address))


@contextmanager
def secret_api(demo: Demo, aws: Client) -> Iterator[str]:
    """A second upload API before the same store, whose tokens are in Secrets Manager; its address."""
    port = free_port()
    program = programs.api(demo.setup, programs.inherited(os.environ, demo.setup))
    environment = {
        **program.environment,
        "BILDWERK_API_BIND": f"127.0.0.1:{port}",
        "BILDWERK_API_STATE": str(demo.setup.folder / "second-queue.sqlite3"),
        "BILDWERK_API_TOKENS_SECRET": "ApiTokens",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": aws("secretsmanager", "us-east-1").meta.endpoint_url,
    }
    del environment["BILDWERK_API_TOKENS"]
    with started([program.command], [port], environment):
        yield f"http://127.0.0.1:{port}"
