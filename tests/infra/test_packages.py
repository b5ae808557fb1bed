"""The packages of the Lambda functions: nothing is missing, nothing is left that none of them needs.

They are built for the Python and the machine that the tests run on, and started with nothing else: `make packages` does
the same for Lambda's, and `--prove` tries those under an emulator.
"""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from scripts.image.slim import AWS_SERVICES
from scripts.image.targets import DEFAULT_EXTRAS, Target, without_wheels
from scripts.packages.__main__ import main
from scripts.packages.building import MAX_UNZIPPED_BYTES, Recipe, add_byte_code, build, found_compiler, unzipped_bytes
from scripts.packages.contents import DECODERS, FUNCTIONS, NOWHERE, OWN, PACKAGES, is_loaded
from scripts.packages.proof import Invoker, Outcome, authorizer_event, native
from tests.api.fakes import proxied
from tests.api.pictures import every_format, further_kinds
from tests.api.queued import aws, client, event, failed, invalidated, new_distribution, order

ROOT = Path(__file__).parents[2]
HERE = Target(machine=platform.machine(), python=f"{sys.version_info.major}.{sys.version_info.minor}")
LAMBDAS = Target(machine="aarch64")
RECIPE = Recipe(target=HERE, extras=DEFAULT_EXTRAS, compiler=sys.executable)
TOKEN = "bw_token-of-the-tests-0123456789abcdef"
OCTETS = {"Content-Type": "application/octet-stream"}
MODULES = {"pillow": "PIL", "pi-heif": "_pi_heif", "pyvips-binary": "_libvips", "cffi": "_cffi_backend"}
"""Names of modules that are not those of their packages."""

pytestmark = pytest.mark.timeout(600)  # the first run in an environment builds: half a minute of a processor


def module_of(name: str) -> str:
    """What a locked package is imported as."""
    return MODULES.get(name, name.replace("-", "_"))


@dataclass(kw_only=True)
class Cloud:
    """AWS as moto has it, and functions over it.

    Attributes:
        invoker: of the packages.
        variables: of the functions, as the stack sets them.
        s3: a client, and so on.
        distribution: the CDN's id.
    """

    invoker: Invoker
    variables: Mapping[str, str]
    s3: Any
    sqs: Any
    cloudfront: Any
    distribution: str

    def outcome(self, function: str, *events: object) -> Outcome:
        """What comes of one start of a function."""
        return self.invoker.outcome(function, events, self.variables)


@pytest.fixture(scope="module")
def packages() -> Path:
    """Both packages, in the environment that the tests run in: built by its first run."""
    folder = Path(sys.prefix) / "packages"
    build(RECIPE, folder)
    return folder


@pytest.fixture(scope="module")
def cloud(packages: Path) -> Iterator[Cloud]:
    """Everything that the functions ask."""
    with aws() as endpoint, ExitStack() as stack:
        s3, sqs, cloudfront, secrets = (
            stack.enter_context(client(service, endpoint)) for service in ("s3", "sqs", "cloudfront", "secretsmanager")
        )
        for bucket in ("pictures", "results"):
            s3.create_bucket(Bucket=bucket)
        token = {"name": "tests", "token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "scopes": ["upload"]}
        secrets.create_secret(Name="tokens", SecretString=json.dumps([token]))
        distribution = new_distribution(cloudfront)
        variables = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_ENDPOINT_URL": endpoint,
            "BILDWERK_BUCKET": "pictures",
            "BILDWERK_S3_ENDPOINT": endpoint,
            "BILDWERK_CLOUDFRONT_ENDPOINT": endpoint,
            "BILDWERK_DISTRIBUTION_ID": distribution,
            "BILDWERK_PURGE_QUEUE_URL": sqs.create_queue(QueueName="purges")["QueueUrl"],
            "BILDWERK_API_TOKENS_SECRET": "tokens",
            "BILDWERK_UPLOAD_ALLOW_HTTP": "true",
            "BILDWERK_UPLOAD_ALLOW_ADDRESSES": "loopback",
            "IMGPROXY_CACHE_USE": "s3",
            "IMGPROXY_CACHE_BUCKET": "results",
            "IMGPROXY_CACHE_S3_ENDPOINT": endpoint,
            "IMGPROXY_CACHE_S3_REGION": "us-east-1",
        }
        invoker = native(packages, sys.executable)
        yield Cloud(
            invoker=invoker, variables=variables, s3=s3, sqs=sqs, cloudfront=cloudfront, distribution=distribution
        )


def test_the_authorizer_knows_a_token_of_the_secret(cloud: Cloud) -> None:
    """The plain package speaks with Secrets Manager."""
    outcome = cloud.outcome("authorize", authorizer_event(TOKEN), authorizer_event("another-one"))

    allowed, refused = outcome.answers
    assert {statement["Effect"] for statement in allowed["policyDocument"]["Statement"]} == {"Allow"}
    assert refused["errorMessage"] == "Unauthorized"
    _assert_complete(outcome, "authorize")


def test_pictures_of_every_format_are_taken(cloud: Cloud) -> None:
    """Also those that libvips' wheel does not decode, and one by its URL."""
    files = {**every_format(), **further_kinds()}
    events = [proxied("POST", "/images", data, headers=OCTETS) for data in files.values()]
    with _origin(files["png"]) as origin:
        asked = json.dumps({"url": f"{origin}/1.png", "key": "by-url.png"})
        by_url = proxied("POST", "/images", asked, headers={"Content-Type": "application/json"})
        outcome = cloud.outcome("upload", *events, by_url)

    statuses = dict(zip([*files, "by url"], [answer["statusCode"] for answer in outcome.answers], strict=True))
    assert statuses == dict.fromkeys(statuses, 201)
    assert cloud.s3.get_object(Bucket="pictures", Key="by-url.png")["Body"].read() == files["png"]
    _assert_complete(outcome, "upload")


def test_a_large_file_arrives_and_its_uploader_learns_of_it(cloud: Cloud) -> None:
    """A form from one package, the file looked at by the other."""
    data = every_format()["jpeg"]
    wanted = json.dumps({"content_type": "image/jpeg", "bytes": len(data), "key": "large.jpg"})
    given = cloud.outcome("presign", proxied("POST", "/uploads", wanted, headers={"Content-Type": "application/json"}))
    ticket = json.loads(given.answers[0]["body"])
    metadata = {
        name.removeprefix("x-amz-meta-"): text
        for name, text in ticket["fields"].items()
        if name.startswith("x-amz-meta-")
    }
    key = ticket["fields"]["key"]
    cloud.s3.put_object(Bucket="pictures", Key=key, Body=data, ContentType="image/jpeg", Metadata=metadata)

    arrived = cloud.outcome("arrival", _changed(key))
    told = cloud.outcome("presign", proxied("GET", ticket["status"]))

    assert list(arrived.answers[0]["uploads"].values()) == ["stored"]
    assert json.loads(told.answers[0]["body"])["state"] == "stored"
    _assert_complete(given, "presign")
    _assert_complete(arrived, "arrival")


def test_originals_are_told_of_changed_and_deleted(cloud: Cloud) -> None:
    """Each orders a purge of what is rendered, in SQS."""
    cloud.s3.put_object(Bucket="pictures", Key="shoes/1.png", Body=every_format()["png"])
    read = cloud.outcome("read", proxied("GET", "/images/shoes/1.png"), proxied("GET", "/openapi.json"))
    change = cloud.outcome("change", _changed("shoes/1.png"))
    delete = cloud.outcome("delete", proxied("DELETE", "/images/shoes/1.png"))

    assert [answer["statusCode"] for answer in read.answers] == [200, 200]
    assert len(change.answers[0]["purges"]) == 1
    assert delete.answers[0]["statusCode"] == 202
    for outcome, function in ((read, "read"), (change, "change"), (delete, "delete")):
        _assert_complete(outcome, function)


def test_the_queue_is_purged_in_the_cdn_and_in_the_results(cloud: Cloud) -> None:
    """Both SDKs are there: one for CloudFront, the asynchronous one for the store of results."""
    outcome = cloud.outcome("purge", event([order(1)]))

    assert failed(outcome.answers[0]) == []
    assert [f"#{order(1).tag}"] in [paths for _, paths in invalidated(cloud.cloudfront, cloud.distribution).values()]
    _assert_complete(outcome, "purge")


def test_a_batch_of_the_queue_is_purged_while_it_is_traced(cloud: Cloud) -> None:
    """Originals of one batch are purged at the same time."""
    (answer,) = cloud.outcome("purge", event([order(number) for number in range(2, 6)])).answers

    assert answer.get("errorMessage") is None
    assert failed(answer) == []


def test_packages_fit_into_a_function(packages: Path) -> None:
    """Their sizes leave room for what grows."""
    plain, pictures = (unzipped_bytes(packages / package) for package in PACKAGES)

    assert plain < pictures / 2
    assert pictures < 0.7 * MAX_UNZIPPED_BYTES


@pytest.mark.parametrize("package", PACKAGES)
def test_all_of_a_package_can_be_read_and_is_compiled(packages: Path, package: str) -> None:
    """By whatever user Lambda has, into a folder where nothing can be written."""
    files = [path for path in (packages / package).rglob("*") if path.is_file()]
    compiled = {path.parents[1] / f"{path.name.partition('.')[0]}.py" for path in files if path.suffix == ".pyc"}

    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}
    assert {path for path in files if path.suffix == ".py"} == compiled


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_that_no_function_loads_is_in_a_package(packages: Path, package: str) -> None:
    """None of the kept-out packages, no tests, no commands, and no AWS service that nobody asks."""
    parts = {path.name.partition(".")[0] for path in (packages / package).iterdir()}
    services = {path.name for path in (packages / package / "botocore" / "data").iterdir() if path.is_dir()}

    assert parts & {module_of(name) for name in NOWHERE} == set()
    assert parts & {"bildwerk", "benchmarks", "scripts", "tests", "bin"} == set()
    assert (parts >= {module_of(name) for name in DECODERS}) is (package == "pictures")
    assert (parts & {module_of(name) for name in DECODERS} == set()) is (package == "plain")
    assert services == AWS_SERVICES


def test_each_function_has_a_package() -> None:
    """Those of `api.functions`."""
    module = ast.parse((ROOT / "api" / "functions.py").read_text(encoding="utf-8"))
    functions = {
        node.name for node in module.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }

    assert functions == set(FUNCTIONS)


def test_what_stays_out_is_in_the_lock() -> None:
    """A name that is not there any more would keep nothing out."""
    entries = (*LAMBDAS.locked(ROOT, extras=DEFAULT_EXTRAS), *without_wheels(ROOT))
    found = {entry.partition("==")[0] for entry in entries}

    assert set(NOWHERE) | DECODERS <= found
    assert {entry.partition("==")[0] for entry in entries if is_loaded(entry)} == found - set(NOWHERE)


def test_byte_code_is_the_same_wherever_it_is_compiled(tmp_path: Path) -> None:
    """Else CDK would deploy all functions anew after each build."""
    compiled = []
    for folder in (tmp_path / "one", tmp_path / "a folder" / "elsewhere"):
        for name in OWN:
            (folder / name).mkdir(parents=True)
            for path in sorted((ROOT / name).glob("*.py")):
                (folder / name / path.name).write_bytes(path.read_bytes())
        add_byte_code(folder, sys.executable)
        compiled.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.pyc")})

    assert compiled[0] == compiled[1]
    assert len(compiled[0]) > 30


def test_packages_are_built_anew_when_their_digest_is_another(packages: Path) -> None:
    """Another machine, other formats, other byte code."""
    others = [
        RECIPE,
        replace(RECIPE, target=Target(machine="riscv64", python=HERE.python)),
        replace(RECIPE, extras=""),
        replace(RECIPE, compiler=None),
    ]

    assert not build(RECIPE, packages)
    assert len({recipe.digest() for recipe in others}) == len(others)
    assert RECIPE.digest() != RECIPE.digest(*OWN)


def test_what_cannot_be_built_leaves_what_was_there(tmp_path: Path) -> None:
    """There are no wheels for such a machine, and a function that runs is not taken away for that."""
    before = tmp_path / "plain" / "before.py"
    before.parent.mkdir()
    before.touch()

    with pytest.raises(subprocess.CalledProcessError):
        build(replace(RECIPE, target=Target(machine="pdp11", python=HERE.python)), tmp_path)

    assert before.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "plain"]


def test_an_extra_that_there_is_not_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, before anything is built."""
    assert main(["--into", str(tmp_path / "none"), "--extras", "heic"]) == 2
    assert "no extra is called heic; there are " in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_the_command_tells_sizes_and_functions(packages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each package."""
    options = ("--architecture", platform.machine().replace("aarch64", "arm64"), "--python", HERE.python)

    assert main(["--into", str(packages), *options]) == 0

    plain, pictures, told = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"plain +[0-9.]+ MB \(at most 262\), zipped +[0-9.]+ MB: .*", plain)
    assert plain.endswith(": authorize, presign, read, delete, change, purge")
    assert pictures.endswith(": upload, arrival")
    assert told == f"as they were, for Python {HERE.python} on {HERE.machine}"


def test_a_compiler_is_of_the_version_that_is_asked_for() -> None:
    """Byte code of another one would not be read; where there is none, there is no byte code."""
    assert found_compiler(HERE) == sys.executable
    assert found_compiler(Target(machine="x86_64", python="3.4")) is None


def _assert_complete(outcome: Outcome, function: str) -> None:
    """Nothing that stays out was looked for in vain."""
    # Whether Pillow is there, for renders, is asked by the renderer's start.
    out = set(NOWHERE) - {"pillow"} | (DECODERS if FUNCTIONS[function] == "plain" else set())
    assert {module_of(name) for name in out} & {name.partition(".")[0] for name in outcome.missed} == set()
    assert "No module named" not in outcome.log


def _changed(key: str) -> dict[str, Any]:
    """S3's event of a new object."""
    record = {"eventName": "ObjectCreated:Post", "s3": {"bucket": {"name": "pictures"}, "object": {"key": key}}}
    return {"Records": [record]}


@contextmanager
def _origin(data: bytes) -> Iterator[str]:
    """A web server that has one file under any path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
