"""The stack in the emulator: assets published as the CDK's manifest says, the template created, its parts found.

What `cdk deploy` would do with the bootstrap stack's roles, root does here. Images are not published: the render server
runs as a process of this machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aws_cdk import App
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # the SDK has no types

from infra.app import add_stacks
from infra.config import StageConfig
from tests.infra.emulator.ministack import ACCOUNT, REGION, Emulator
from tests.infra.emulator.template import for_the_emulator

STACK: Final = "walk"
CREATE_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.1
_BOOTSTRAP_VERSION: Final = "/cdk-bootstrap/hnb659fds/version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A stack that is up.

    Attributes:
        emulator: where.
        template: as it was created.
        outputs: by name.
    """

    emulator: Emulator
    template: Mapping[str, Any]
    outputs: Mapping[str, str]
    _physical: Mapping[str, str] = field(repr=False)

    def id_of(self, path: str, kind: str) -> str:
        """The physical id of the one resource of a type under a construct: `Functions/upload`, `AWS::IAM::Role`."""
        found = list(self.ids_of(path, kind))
        assert len(found) == 1, f"{len(found)} of {kind} under {path}: {found}"
        return found[0]

    def of_type(self, kind: str) -> Iterator[tuple[str, str]]:
        """The construct path and the physical id of all resources of a type."""
        for name, resource in self.template["Resources"].items():
            if resource["Type"] == kind:
                yield self._path(name), self._physical[name]

    def construct_names(self) -> list[tuple[str, str]]:
        """The ends of physical ids with their constructs, the longest first: one may be the beginning of another."""
        ends = {name: physical.rpartition("/")[2] for name, physical in self._physical.items()}
        names = [(ends[name], self._path(name).removesuffix("/Resource")) for name in self.template["Resources"]]
        return sorted(names, key=lambda pair: (-len(pair[0]), pair))

    def _path(self, name: str) -> str:
        """Of a resource's construct, without the stack."""
        path: str = self.template["Resources"][name].get("Metadata", {}).get("aws:cdk:path", "")
        return path.partition("/")[2]

    def ids_of(self, path: str, kind: str) -> Iterator[str]:
        """The physical ids of all resources of a type under a construct."""
        for inside, physical in self.of_type(kind):
            if f"{inside}/".startswith(f"{path}/"):
                yield physical


def synthesised(config: StageConfig, *, packages: Path, into: Path) -> Path:
    """The cloud assembly of a stage, with paths of constructs in its template and assets where they are."""
    context = {"aws:cdk:enable-path-metadata": True, "aws:cdk:disable-asset-staging": True}
    app = App(outdir=str(into), analytics_reporting=False, context=context)
    add_stacks(app, config, packages=packages)
    app.synth()
    return into


def deployed(emulator: Emulator, assembly: Path, *, code: Path) -> Deployment:
    """Creates the one stack of an assembly, with an archive as the code of its functions.

    Raises:
        AssertionError: the emulator refuses the template, or a resource failed; with what it says.
    """
    (manifest,) = assembly.glob("*.assets.json")
    _publish(emulator, json.loads(manifest.read_text(encoding="utf-8")), assembly, code)
    (written,) = assembly.glob("*.template.json")
    template = for_the_emulator(json.loads(written.read_text(encoding="utf-8")))
    emulator.client("ssm").put_parameter(Name=_BOOTSTRAP_VERSION, Value="30", Type="String")
    text = _uploaded(emulator, json.dumps(template).encode())
    cloudformation = emulator.client("cloudformation")
    try:
        cloudformation.create_stack(StackName=STACK, TemplateURL=text, Capabilities=["CAPABILITY_NAMED_IAM"])
    except ClientError as error:
        raise AssertionError(
            f"the emulator refuses the template; what it cannot take is in template.py: {error}"
        ) from error
    stack = _created(cloudformation)
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    return Deployment(
        emulator=emulator,
        template=template,
        outputs={output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        _physical={resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources},
    )


def _bucket(name: str) -> str:
    """A name of the manifest for the emulator's account and region."""
    for placeholder, value in {"AccountId": ACCOUNT, "Region": REGION, "Partition": "aws"}.items():
        name = name.replace(f"${{AWS::{placeholder}}}", value)
    return name


def _publish(emulator: Emulator, manifest: Mapping[str, Any], assembly: Path, code: Path) -> None:
    """Puts each file where the template looks for it; what is to be zipped are the functions' packages, all of them."""
    s3 = emulator.client("s3")
    for asset in manifest["files"].values():
        source = code if asset["source"]["packaging"] == "zip" else assembly / asset["source"]["path"]
        for place in asset["destinations"].values():
            s3.create_bucket(Bucket=_bucket(place["bucketName"]))
            s3.upload_file(str(source), _bucket(place["bucketName"]), place["objectKey"])


def _uploaded(emulator: Emulator, template: bytes) -> str:
    """By its address: the request itself holds no more than 51,200 bytes (AWS CloudFormation quotas)."""
    s3, bucket = emulator.client("s3"), f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
    s3.put_object(Bucket=bucket, Key="walk.template.json", Body=template)
    return f"{emulator.url}/{bucket}/walk.template.json"


def _created(cloudformation: Any) -> dict[str, Any]:
    deadline = time.monotonic() + CREATE_SECONDS
    while True:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return stack
        if stack["StackStatus"] != "CREATE_IN_PROGRESS" or time.monotonic() > deadline:
            events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
            failed = [
                f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason')}"
                for event in events
                if event["ResourceStatus"].endswith("FAILED")
            ]
            raise AssertionError("\n".join([stack["StackStatus"], *failed]))
        time.sleep(_POLL_SECONDS)
