"""What calls the functions that no request calls: the bucket's changes, by EventBridge, and where failures go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from aws_cdk.assertions import Template

from infra.config import ApiConfig
from infra.uploads.api_functions import EVENT_FUNCTIONS, SHAPES
from tests.api.fakes import Application, MemoryIncoming, picture
from tests.infra.api_parts import api_template, function_ids, functions, where
from tests.infra.emulator.ministack import running
from tests.infra.template_reading import properties_by_id

NAMES: Final = sorted(SHAPES)


@pytest.fixture(scope="module")
def template(stub_packages: Path) -> Template:
    """With tokens."""
    return api_template(ApiConfig(), stub_packages)


@pytest.mark.parametrize("name", sorted(EVENT_FUNCTIONS))
def test_an_event_that_fails_for_good_is_kept(template: Template, name: str) -> None:
    """Lambda tries for six hours, EventBridge for a day; then it lies in a queue for a fortnight."""
    role = functions(template)[name]
    logical = next(key for key, found in properties_by_id(template, "AWS::Lambda::Function").items() if found == role)
    (invoked,) = [
        found
        for found in properties_by_id(template, "AWS::Lambda::EventInvokeConfig").values()
        if found["FunctionName"] == {"Ref": logical}
    ]
    (target,) = [
        target
        for rule in properties_by_id(template, "AWS::Events::Rule").values()
        for target in rule["Targets"]
        if target["Arn"] == {"Fn::GetAtt": [logical, "Arn"]}
    ]

    assert (invoked["MaximumEventAgeInSeconds"], invoked["MaximumRetryAttempts"]) == (6 * 3600, 2)
    assert where(invoked["DestinationConfig"]["OnFailure"]["Destination"]) == "FunctionsFailures"
    assert where(target["DeadLetterConfig"]["Arn"]) == "FunctionsFailures"


def _event(kind: str, key: str, **detail: str) -> dict[str, Any]:
    """As S3 sends it to EventBridge (S3 user guide, "EventBridge event message structure")."""
    told = {"bucket": {"name": "originals"}, "object": {"key": key, "size": 5}, **detail}
    return {
        "source": "aws.s3",
        "detail-type": kind,
        "id": "1",
        "account": "123456789012",
        "time": "2026-11-27T12:00:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:s3:::originals"],
        "detail": told,
    }


EVENTS: Final = [
    ("a picture is stored", _event("Object Created", "shoes/1.jpg", reason="PutObject"), ["change"]),
    ("a picture is copied", _event("Object Created", "shoes/1.jpg", reason="CopyObject"), ["change"]),
    ("a form's file arrives", _event("Object Created", "incoming/0a/file", reason="POST Object"), ["arrival"]),
    ("what became of it is noted", _event("Object Created", "incoming/0a/outcome.json", reason="PutObject"), []),
    (
        "a picture is deleted",
        _event("Object Deleted", "shoes/1.jpg", reason="DeleteObject", **{"deletion-type": "Delete Marker Created"}),
        ["change"],
    ),
    (
        "somebody deletes the current version, so that an older one shows",
        _event("Object Deleted", "shoes/1.jpg", reason="DeleteObject", **{"deletion-type": "Permanently Deleted"}),
        ["change"],
    ),
    (
        "the time of a picture runs out",
        _event(
            "Object Deleted",
            "shoes/1.jpg",
            reason="Lifecycle Expiration",
            **{"deletion-type": "Delete Marker Created"},
        ),
        ["change"],
    ),
    (
        "the time of an old version runs out",
        _event(
            "Object Deleted", "shoes/1.jpg", reason="Lifecycle Expiration", **{"deletion-type": "Permanently Deleted"}
        ),
        [],
    ),
    (
        "a file on its way runs out",
        _event(
            "Object Deleted",
            "incoming/0a/file",
            reason="Lifecycle Expiration",
            **{"deletion-type": "Delete Marker Created"},
        ),
        [],
    ),
    ("a picture is tagged", _event("Object Tags Added", "shoes/1.jpg"), []),
    ("a picture of another bucket", _event("Object Created", "shoes/1.jpg", reason="PutObject"), []),
]


def test_each_change_of_the_bucket_reaches_the_right_function(template: Template, tmp_path: Path) -> None:
    """By the rules of the template, in an emulator's EventBridge."""
    ids = {json.dumps({"Fn::GetAtt": [logical, "Arn"]}): name for logical, name in function_ids(template).items()}
    patterns = {
        ids[json.dumps(rule["Targets"][0]["Arn"])]: rule["EventPattern"]
        for rule in properties_by_id(template, "AWS::Events::Rule").values()
    }
    found = []
    with running(tmp_path) as emulator:
        events = emulator.client("events")
        for what, event, _ in EVENTS:
            bucket = "another" if "another bucket" in what else "originals"
            text = json.dumps(patterns).replace(json.dumps({"Ref": _bucket(template)}), json.dumps(bucket))
            found.append(
                (
                    what,
                    [
                        name
                        for name, pattern in json.loads(text).items()
                        if events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))[
                            "Result"
                        ]
                    ],
                )
            )

    assert found == [(what, reached) for what, _, reached in EVENTS]


def _bucket(template: Template) -> str:
    return next(name for name in properties_by_id(template, "AWS::S3::Bucket") if name.startswith("StorageOriginals"))


def test_the_bucket_tells_eventbridge_and_no_function_of_cdks_sets_it_up(template: Template) -> None:
    """Such a function could change the notifications of every bucket of the account."""
    bucket = properties_by_id(template, "AWS::S3::Bucket")[_bucket(template)]

    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert sorted(function_ids(template).values()) == NAMES
    assert len(properties_by_id(template, "AWS::Lambda::Function")) == len(NAMES)


def test_the_arrival_function_reads_events_of_eventbridge() -> None:
    """Whose shape is another one than S3's own."""
    incoming = MemoryIncoming()
    application = Application(further={"incoming": incoming})
    announced = json.dumps({"content_type": "image/png", "bytes": len(picture()), "key": "a.png"})
    status, ticket = application.ask("POST", "/uploads", announced, headers={"Content-Type": "application/json"})
    incoming.arrive(ticket["id"], picture())
    event = _event("Object Created", f"incoming/{ticket['id']}/file", reason="POST Object")

    assert status == 201
    assert application.api.arrival(event, None) == {"uploads": {ticket["id"]: "stored"}}
    assert "a.png" in application.originals.objects
