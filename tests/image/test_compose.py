"""`compose.yaml`: valid, without secrets, and with settings that both programs take."""

from __future__ import annotations

import importlib.resources
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from api.settings import TABLES, load_api_settings
from renderer.settings.load import load_settings, unknown_settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("buckets", "renderer", "api")


def variables(service: str) -> dict[str, str]:
    """The environment of a service, with a value of hex digits for every secret."""
    given = SERVICES[service]["environment"]
    return {name: re.sub(r"\$\{[^}]*\}", "ab" * 32, str(value)) for name, value in given.items()}


def test_it_is_what_the_compose_specification_allows() -> None:
    """The schema is the one that comes with check-jsonschema."""
    if importlib.util.find_spec("check_jsonschema") is None:
        pytest.skip("no check-jsonschema here, which brings the schema of the Compose specification")
    vendored = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(vendored.read_text(encoding="utf-8"))

    errors = [
        f"{error.instance_path}: {error.message}" for error in jsonschema_rs.validator_for(schema).iter_errors(COMPOSE)
    ]

    assert errors == []


def test_it_has_everything_from_the_store_to_the_dashboard() -> None:
    """The processes that the platform has, on one machine."""
    assert set(SERVICES) == {"s3", "buckets", "renderer", "api", "cdn", "prometheus", "grafana"}


@pytest.mark.parametrize("service", OURS)
def test_our_services_run_one_image_on_a_read_only_root_without_rights(service: str) -> None:
    """As on the platform: no capability, nothing to gain, nothing to write but memory."""
    found = SERVICES[service]

    assert (found["image"], found["read_only"], found["cap_drop"]) == ("bildwerk", True, ["ALL"])
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert [mount.partition(":")[0] for mount in found["tmpfs"]] == ["/tmp"]  # noqa: S108  in the container
    assert "user" not in found
    assert "privileged" not in found


@pytest.mark.parametrize("service", sorted(set(SERVICES) - set(OURS)))
def test_other_images_are_named_with_a_version(service: str) -> None:
    """`latest` would be another program tomorrow."""
    assert re.fullmatch(r"docker\.io/[a-z-]+/[a-z-]+:v?[0-9]+\.[0-9.]+(-alpine)?", SERVICES[service]["image"])


def test_no_secret_stands_in_it() -> None:
    """Whatever is a secret is named, and the start stops where it is not set."""
    secret = re.compile(r"(SECRET|KEY|SALT|PASSWORD|TOKEN)")
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if secret.search(variable) and not variable.endswith(("ACCESS_KEY_ID", "ROOT_ACCESS_KEY")):
                assert re.search(r"\$\{[A-Z0-9_]+:\?", value), f"{name}: {variable}"


def test_only_this_machine_can_reach_it() -> None:
    """Every published port is one of the loopback interface."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_file_that_is_mounted_is_there_and_read_only() -> None:
    """A file that is missing would become an empty folder."""
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", ()) if mount.startswith("./")]

    assert len(mounts) == 5
    assert [mount for mount in mounts if not mount.endswith(":ro")] == []
    assert [mount for mount in mounts if not (ROOT / mount.partition(":")[0]).is_file()] == []


def test_every_volume_that_is_used_is_declared() -> None:
    """And every one that is declared is used."""
    mounts = [mount.partition(":")[0] for service in SERVICES.values() for mount in service.get("volumes", ())]

    assert {mount for mount in mounts if not mount.startswith("./")} == set(COMPOSE["volumes"])


def test_the_renderer_takes_its_settings() -> None:
    """They are known and can be used, so that the container starts."""
    settings = load_settings(variables("renderer"))

    assert settings.metrics.prometheus_bind == ":8081"
    assert unknown_settings(variables("renderer"), TABLES.values()) == []


def test_the_api_takes_its_settings() -> None:
    """They are known and can be used, and the queue lies on a volume."""
    settings = load_api_settings(variables("api"))

    assert unknown_settings(variables("api"), TABLES.values()) == []
    assert settings.store.bucket == "originals"
    assert Path(str(settings.access.state)).parent.as_posix() in [
        mount.split(":")[1] for mount in SERVICES["api"]["volumes"]
    ]


def test_renderer_and_api_share_the_results_that_a_deletion_purges() -> None:
    """Otherwise a deleted picture would live on in the store of results."""
    shared = [{name: value for name, value in variables(service).items() if "CACHE" in name} for service in OURS[1:]]

    assert shared[0] == shared[1] != {}


def test_prometheus_asks_where_the_renderer_answers() -> None:
    """The port is the one of IMGPROXY_PROMETHEUS_BIND."""
    configuration = yaml.safe_load((ROOT / "compose" / "prometheus.yml").read_text(encoding="utf-8"))

    (target,) = configuration["scrape_configs"][0]["static_configs"][0]["targets"]
    assert target == f"renderer{variables('renderer')['IMGPROXY_PROMETHEUS_BIND']}"
