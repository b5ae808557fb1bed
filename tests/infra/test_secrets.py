"""Secrets: made by AWS at deployment, named in the template, written in none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from aws_cdk.assertions import Template

from infra.config import DeliveryConfig, StageConfig
from infra.stages import development, production
from tests.infra.renderer_parts import renderer_stack
from tests.infra.template_reading import as_text, container, properties, resources

STAGES = ("dev", "production", "europe", "http_sources", "canary_iam", "edge")
SECRET = "AWS::SecretsManager::Secret"
REFERENCE = re.compile(r"\{\{resolve:secretsmanager:")
RANDOM = re.compile(r"(?<![0-9A-Za-z/_-])(?:[0-9a-f]{32,}|[A-Za-z0-9+/]{40,}={0,2})(?![0-9A-Za-z/_-])")
"""What a key looks like: hexadecimal digits or base64 in one piece, with a few digits in it."""
DIGITS_AT_LEAST = 4
MADE_UP = re.compile(r"[0-9A-F]{8}$")
"""The end of a name that the CDK makes up: such a name is letters before it."""
REFERENCES = frozenset({"Ref", "Fn::GetAtt", "DependsOn"})
"""What stands there are names of resources."""
CONTENT_HASH = re.compile(r"(?:[0-9a-f]{64}\.zip|container-assets-\S*:[0-9a-f]{64}|@sha256:[0-9a-f]{64})")


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, str(name)))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    elif isinstance(value, str):
        yield path, value


def _random_texts(template: Mapping[str, Any]) -> list[str]:
    return [
        f"{'/'.join(path)}: {text}"
        for path, text in _leaves(template)
        if path[-1] not in REFERENCES
        for piece in RANDOM.findall(CONTENT_HASH.sub("", text))
        if sum(map(str.isdigit, MADE_UP.sub("", piece))) >= DIGITS_AT_LEAST
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_row_07_no_template_holds_a_secret(templates: Mapping[str, Template], stage: str) -> None:
    """Row 7: every secret is generated or an empty list, and nothing in the template looks like one."""
    template = templates[stage]

    for secret in properties(template, SECRET):
        assert "GenerateSecretString" in secret or secret["SecretString"] == "[]"
    assert _random_texts({"Resources": template.to_json()["Resources"]}) == []


def test_the_search_for_secrets_finds_one() -> None:
    """A search that never finds anything proves nothing."""
    key = "0123456789abcdef" * 8

    assert _random_texts({"Environment": [{"Name": "IMGPROXY_KEY", "Value": key}]}) != []
    assert _random_texts({"Header": {"Value": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA=="}}) != []
    assert _random_texts({"S3Key": f"{'0123456789abcdef' * 4}.zip"}) == []


@pytest.mark.parametrize("stage", STAGES[:-1])
def test_row_07_the_server_gets_its_keys_from_secrets_manager(templates: Mapping[str, Template], stage: str) -> None:
    """ECS puts them into the environment at start; the task definition names where they are."""
    server = container(templates[stage])
    given = {one["Name"]: as_text(one["ValueFrom"]) for one in server["Secrets"]}

    assert list(given) == ["IMGPROXY_KEY", "IMGPROXY_SALT"]
    assert given["IMGPROXY_KEY"].startswith("<SecretsSigningKey")
    assert given["IMGPROXY_SALT"].startswith("<SecretsSigningSalt")
    assert not {"IMGPROXY_KEY", "IMGPROXY_SALT"} & {one["Name"] for one in server["Environment"]}


@pytest.mark.parametrize("stage", STAGES[:-1])
def test_row_07_cloudfront_and_the_load_balancer_name_the_same_secret(
    templates: Mapping[str, Template], stage: str
) -> None:
    """By dynamic references, in both places; CloudFormation alone resolves them."""
    text = json.dumps(templates[stage].to_json()["Resources"])
    (origin,) = properties(templates[stage], "AWS::CloudFront::Distribution")[0]["DistributionConfig"]["Origins"]

    assert len(REFERENCE.findall(text)) == 2
    assert all(REFERENCE.match(as_text(one["HeaderValue"])) for one in origin["OriginCustomHeaders"])


def test_keys_are_hexadecimal_and_long() -> None:
    """The server reads hexadecimal; 128 digits are 64 bytes."""
    for name, secret in resources(renderer_stack(production()).template, SECRET).items():
        made = secret["Properties"].get("GenerateSecretString")
        if made is None:
            assert name.startswith("SecretsApiTokens")
            continue
        left = set("0123456789abcdefghijklmnopqrstuvwxyz") - set(made["ExcludeCharacters"])
        assert left == set("0123456789abcdef")
        assert made["ExcludeUppercase"]
        assert made["ExcludePunctuation"]
        assert not made["IncludeSpace"]
        assert not made["RequireEachIncludedType"]
        assert made["PasswordLength"] == (64 if "OriginHeader" in name else 128)


@pytest.mark.parametrize(("config", "kept"), [(production(), "Retain"), (development(), "Delete")])
def test_row_21_the_keys_that_sites_sign_with_outlive_a_retained_stack(config: StageConfig, kept: str) -> None:
    """A site has millions of signed URLs in its pages: without the key all of them are refused."""
    found = resources(renderer_stack(config).template, SECRET)
    policies = {name: one["DeletionPolicy"] for name, one in found.items() if "OriginHeader" not in name}

    assert len(policies) == 3
    assert set(policies.values()) == {kept}


def test_a_secret_of_a_generation_stays_itself_when_the_next_one_comes() -> None:
    """Raising the number must not change the value that CloudFront still shows."""
    first = _origin_headers(DeliveryConfig(origin_header_generation=1))
    second = _origin_headers(DeliveryConfig(origin_header_generation=2))
    third = _origin_headers(DeliveryConfig(origin_header_generation=3))

    assert first < second
    assert len(second & third) == 1
    assert not first & third


def _origin_headers(delivery: DeliveryConfig) -> set[str]:
    config = StageConfig(name="dev", region="us-east-1", retain=False, delivery=delivery)
    return {name for name in resources(renderer_stack(config).template, SECRET) if "OriginHeader" in name}
