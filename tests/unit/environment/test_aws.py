"""Settings out of AWS Secrets Manager and SSM, asked over HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from renderer.environment import load_environment
from renderer.environment.aws import parameter_variable
from renderer.errors import ConfigurationError

Client = Callable[..., Any]


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"test-{uuid.uuid4().hex}"


def test_a_secret_is_an_env_file(aws: Client, name: str) -> None:
    """Its values overwrite, and what it does not name stays."""
    aws("secretsmanager").create_secret(Name=name, SecretString="IMGPROXY_KEY=aa\nIMGPROXY_SALT: 'bb' # two\n")
    environment = {"IMGPROXY_ENV_AWS_SECRET_ID": name, "IMGPROXY_KEY": "old", "IMGPROXY_TTL": "5"}

    loaded = load_environment(environment)

    assert loaded == {**environment, "IMGPROXY_KEY": "aa", "IMGPROXY_SALT": "bb"}
    assert environment["IMGPROXY_KEY"] == "old"


def test_versions_and_stages_are_told_apart(aws: Client, name: str) -> None:
    """The version wins over the stage."""
    client = aws("secretsmanager")
    first = client.create_secret(Name=name, SecretString="A=1")["VersionId"]
    client.put_secret_value(SecretId=name, SecretString="A=2")
    base = {"IMGPROXY_ENV_AWS_SECRET_ID": name}
    version = {"IMGPROXY_ENV_AWS_SECRET_VERSION_ID": first}

    def stage(text: str) -> dict[str, str]:
        return {"IMGPROXY_ENV_AWS_SECRET_VERSION_STAGE": text}

    asked = [{}, version, stage("AWSPREVIOUS"), stage("AWSCURRENT"), {**version, **stage("AWSCURRENT")}]
    assert [load_environment({**base, **more})["A"] for more in asked] == ["2", "1", "1", "2", "1"]


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, "us-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-2"),
        ({"AWS_REGION": "eu-west-2", "IMGPROXY_ENV_AWS_SECRET_REGION": "eu-central-1"}, "eu-central-1"),
    ],
)
def test_the_region_is_ours_then_awss_then_a_fixed_one(
    variables: dict[str, str], region: str, aws: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The secret is in one region only."""
    aws("secretsmanager", region).create_secret(Name=name, SecretString="A=1")
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)

    assert load_environment({"IMGPROXY_ENV_AWS_SECRET_ID": name, **variables})["A"] == "1"


def test_a_binary_secret_is_ignored(aws: Client, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """With a warning."""
    aws("secretsmanager").create_secret(Name=name, SecretBinary=b"A=1")

    assert "A" not in load_environment({"IMGPROXY_ENV_AWS_SECRET_ID": name})
    assert "IMGPROXY_ENV_AWS_SECRET_ID: the secret is binary" in caplog.text


@pytest.mark.usefixtures("aws")
def test_a_secret_that_is_not_there_stops_the_start(name: str) -> None:
    """The variable and AWS's reason are told."""
    with pytest.raises(ConfigurationError, match=rf"^IMGPROXY_ENV_AWS_SECRET_ID: .*'{name}'.*ResourceNotFound"):
        load_environment({"IMGPROXY_ENV_AWS_SECRET_ID": name})


def test_a_secret_that_is_no_env_file_stops_the_start(aws: Client, name: str) -> None:
    """For instance JSON, which would be an environment without keys; nothing of it is told."""
    aws("secretsmanager").create_secret(Name=name, SecretString='{"IMGPROXY_KEY": "topsecret"}')

    with pytest.raises(ConfigurationError, match="^IMGPROXY_ENV_AWS_SECRET_ID: expected an env file") as refused:
        load_environment({"IMGPROXY_ENV_AWS_SECRET_ID": name})

    assert "topsecret" not in str(refused.value)


@pytest.mark.usefixtures("aws")
def test_aws_out_of_reach_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens on port 1."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(ConfigurationError, match=r"^IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH: .*127\.0\.0\.1:1"):
        load_environment({"IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH": "/a"})


@pytest.mark.usefixtures("aws")
def test_without_credentials_the_start_stops(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """They are not guessed."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(ConfigurationError, match=r"^IMGPROXY_ENV_AWS_SECRET_ID: .*credentials"):
        load_environment({"IMGPROXY_ENV_AWS_SECRET_ID": name})


def test_parameters_below_a_path_are_variables(aws: Client, name: str) -> None:
    """All of them, over several pages, decrypted, nested ones with `_`; what is no text is left out."""
    client = aws("ssm")
    for number in range(25):
        client.put_parameter(Name=f"/{name}/N{number}", Value=str(number), Type="String")
    client.put_parameter(Name=f"/{name}/IMGPROXY_KEY", Value="aa", Type="SecureString")
    client.put_parameter(Name=f"/{name}/IMGPROXY/SALT", Value="bb", Type="SecureString")
    client.put_parameter(Name=f"/{name}/IMGPROXY/MAX/CLIENTS", Value="7", Type="String")
    client.put_parameter(Name=f"/{name}/LIST", Value="a,b", Type="StringList")
    client.put_parameter(Name=f"/{name}/IMAGE", Value="ami-12345678", Type="String", DataType="aws:ec2:image")
    client.put_parameter(Name=f"/{name}x/OTHER", Value="1", Type="String")
    path = {"IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH": f"/{name}"}

    loaded = load_environment(path)

    assert loaded == {
        **path,
        **{f"N{number}": str(number) for number in range(25)},
        "IMGPROXY_KEY": "aa",
        "IMGPROXY_SALT": "bb",
        "IMGPROXY_MAX_CLIENTS": "7",
        "LIST": "a,b",
    }
    assert load_environment({"IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH": f"/{name}/"}).keys() - path == loaded.keys() - path


def test_of_two_parameters_with_one_variable_the_less_nested_wins(aws: Client, name: str) -> None:
    """It is the one that imgproxy sees."""
    for nested in ("A_B", "A/B"):
        aws("ssm").put_parameter(Name=f"/{name}/{nested}", Value=nested, Type="String")

    assert load_environment({"IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH": f"/{name}"})["A_B"] == "A_B"


def test_parameters_have_a_region_of_their_own(aws: Client, name: str) -> None:
    """And a path with nothing below it is no error."""
    aws("ssm", "eu-west-1").put_parameter(Name=f"/{name}/A", Value="1", Type="String")
    path = {"IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH": f"/{name}"}

    assert "A" not in load_environment(path)
    assert load_environment({**path, "IMGPROXY_ENV_AWS_SSM_PARAMETERS_REGION": "eu-west-1"})["A"] == "1"


def test_a_secret_may_name_the_next_place_and_its_values_are_told_before_it_is_asked(aws: Client, name: str) -> None:
    """The parameter wins over the secret, because it is asked later."""
    secret = f"IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH=/{name}\nA=secret\nB=secret"
    aws("secretsmanager").create_secret(Name=name, SecretString=secret)
    aws("ssm").put_parameter(Name=f"/{name}/B", Value="parameter", Type="String")
    told: list[dict[str, str]] = []

    loaded = load_environment({"IMGPROXY_ENV_AWS_SECRET_ID": name}, publish=lambda values: told.append(dict(values)))

    assert (loaded["A"], loaded["B"]) == ("secret", "parameter")
    assert told == [
        {"IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH": f"/{name}", "A": "secret", "B": "secret"},
        {"B": "parameter"},
    ]


@pytest.mark.parametrize(
    ("path", "parameter", "variable"),
    [
        ("/a", "/a/B", "B"),
        ("/a/", "/a/B", "B"),
        ("/a", "/a/b/C", "b_C"),
        ("/", "/A", "A"),
        ("/", "/a/B", "a_B"),
    ],
)
def test_a_parameters_name_becomes_a_variables(path: str, parameter: str, variable: str) -> None:
    """What is left after the path, slashes as `_`."""
    assert parameter_variable(parameter, path) == variable
