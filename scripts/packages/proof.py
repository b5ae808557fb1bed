"""Tries packages as Lambda would start them: a token, and pictures of all kinds over a folder.

On this machine's architecture by the Python that compiled them; for arm64 by Debian's under qemu's user emulation. That
is not Amazon Linux: what is proven is that nothing is missing and that the machine code runs.
"""

from __future__ import annotations

import base64
import json
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from scripts.image.arm64 import EMULATOR, make_root, python_in
from scripts.image.proof import Finding, add_heic
from scripts.packages.contents import FUNCTIONS, PACKAGES

INVOKED: Final = Path(__file__).with_name("invoked.py")
MOST_SECONDS: Final = 600
"""For a start and all events; under qemu it takes a minute."""
MOST_BYTES: Final = 4_194_304
"""Of a file in a request."""

REGION: Final = "us-east-1"
LAMBDA: Final[Mapping[str, str]] = {
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
    "AWS_LAMBDA_FUNCTION_NAME": "bildwerk",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LANG": "en_US.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TZ": ":UTC",
    "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
}
"""AWS Lambda Developer Guide, "Defined runtime environment variables"; traced, as the stack's functions are."""

_TOKEN: Final = "a-token-for-this-proof-alone"  # noqa: S105  of functions that live for seconds
_QUEUE: Final = "http://127.0.0.1:9/123456789012/purges"
"""Nobody's: a new picture without a key orders no purge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a start of a function.

    Attributes:
        answers: to the events, in their order.
        seconds: of the start, imports and all.
        loaded: first parts of the paths, in the package, of modules and libraries.
        missed: modules that were looked for and are not there.
        log: what it printed.
    """

    answers: list[Any]
    seconds: float
    loaded: list[str]
    missed: list[str]
    log: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoker:
    """Starts functions of packages.

    Attributes:
        python: the command that starts a Python; options may follow.
        folder: of the packages, as that Python sees it.
        script: `invoked.py`, as that Python sees it.
    """

    python: Sequence[str]
    folder: str
    script: str = str(INVOKED)

    def outcome(self, function: str, events: Sequence[object], variables: Mapping[str, str]) -> Outcome:
        """What comes of a start of a function with nothing but its package; RuntimeError when it does not start."""
        place = f"{self.folder}/{FUNCTIONS[function]}"
        asked = {"folder": place, "function": function, "variables": {**LAMBDA, **variables}, "events": list(events)}
        command = [*self.python, "-I", "-S", "-B", self.script]
        try:
            answer = subprocess.run(  # noqa: S603  ours
                command, input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=MOST_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"{function} does not end within {MOST_SECONDS} s") from error
        if answer.returncode:
            raise RuntimeError(f"{function} does not start: {answer.stderr[-2000:]}")
        return Outcome(**json.loads(answer.stdout), log=answer.stderr)


def native(packages: Path, python: str) -> Invoker:
    """Of this machine's own architecture."""
    return Invoker(python=(python,), folder=str(packages))


def emulated(packages: Path, root: Path, *, emulator: str) -> Invoker:
    """Of arm64: in a root of its own, which has the packages too."""
    make_root(root, emulator=emulator)
    for package in PACKAGES:
        shutil.copytree(packages / package, root / "var" / package)
    shutil.copy2(INVOKED, root / "var" / INVOKED.name)
    return Invoker(python=python_in(root, {}), folder="/var", script=f"/var/{INVOKED.name}")


def proven(packages: Path, folder: Path, samples: Path, *, python: str | None, machine: str) -> Iterator[Finding]:
    """Findings on packages.

    Args:
        packages: the folder with both.
        folder: for what is made on the way.
        samples: pictures.
        python: of the packages' version, on this machine.
        machine: that the packages are for.
    """
    pictures, stored = add_heic(samples, folder), folder / "stored"
    if machine == platform.machine() and python is not None:
        stored.mkdir()
        yield from _findings(native(packages, python), pictures, str(stored))
    elif machine == "aarch64" and (emulator := shutil.which(EMULATOR)):
        invoker = emulated(packages, folder / "root", emulator=emulator)
        (folder / "root" / "stored").mkdir()
        yield from _findings(invoker, pictures, "/stored")
    else:
        found = f"not tried: neither a Python of its version nor {EMULATOR} here"
        yield Finding(what=machine, found=found, holds=True)


def _findings(invoker: Invoker, pictures: Path, stored: str) -> Iterator[Finding]:
    tokens = json.dumps([{"name": "proof", "token": _TOKEN, "scopes": ["upload"]}])
    variables = {
        "BILDWERK_API_FOLDER": stored,
        "BILDWERK_API_TOKENS": tokens,
        "BILDWERK_PURGE_QUEUE_URL": _QUEUE,
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    asked = invoker.outcome("authorize", [authorizer_event(_TOKEN)], variables)
    yield Finding(what="plain", found=f"starts in {asked.seconds:.2f} s", holds=True)
    (policy,) = asked.answers
    effects = {statement["Effect"] for statement in policy.get("policyDocument", {}).get("Statement", ())}
    yield Finding(what="a token", found=", ".join(sorted(effects)) or str(policy), holds=effects == {"Allow"})
    files = [
        path
        for path in sorted(pictures.iterdir())
        if not path.name.startswith(".") and path.stat().st_size <= MOST_BYTES
    ]
    events = [upload_event(path.read_bytes(), policy.get("context", {})) for path in files]
    looked = invoker.outcome("upload", events, variables)
    yield Finding(what="pictures", found=f"starts in {looked.seconds:.2f} s", holds=True)
    for path, answer in zip(files, looked.answers, strict=True):
        status, told = answer.get("statusCode"), str(answer.get("body", answer))
        found = f"{status}" if status == 201 else f"{status}: {told[:300]}"
        yield Finding(what=f"upload of {path.name}", found=found, holds=status == 201)


def authorizer_event(token: str) -> dict[str, Any]:
    """What API Gateway asks a REQUEST authorizer about an upload."""
    return {
        "type": "REQUEST",
        "methodArn": f"arn:aws:execute-api:{REGION}:123456789012:abcdef/prod/POST/images",
        "resource": "/images",
        "path": "/images",
        "httpMethod": "POST",
        "headers": {"Authorization": f"Bearer {token}"},
        "requestContext": {"stage": "prod"},
    }


def upload_event(data: bytes, context: Mapping[str, object]) -> dict[str, Any]:
    """A REST proxy event of an upload, with what the authorizer said."""
    headers = {"Content-Type": "application/octet-stream"}
    return {
        "httpMethod": "POST",
        "path": "/images",
        "resource": "/images",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "requestContext": {"authorizer": dict(context)},
        "body": base64.b64encode(data).decode(),
        "isBase64Encoded": True,
    }
