"""The environment from elsewhere: the file on this machine, and the order of the places."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from renderer.environment import MAX_FILE_BYTES, load_environment
from renderer.errors import ConfigurationError
from renderer.settings.load import unknown_names

FILE = "IMGPROXY_ENV_LOCAL_FILE_PATH"


def test_without_a_place_nothing_changes() -> None:
    """Blank is unset; the result is a copy."""
    environment = {"A": "1", FILE: "  ", "IMGPROXY_ENV_AWS_SECRET_ID": "", "IMGPROXY_QUALITY": "not looked at"}

    loaded = load_environment(environment)

    assert loaded == environment
    assert loaded is not environment


def test_a_file_overwrites_and_sees_what_was_there(tmp_path: Path) -> None:
    """Again and again: nothing is remembered."""
    file = tmp_path / "settings.env"
    environment = {FILE: str(file), "HOST": "h", "IMGPROXY_TTL": "5"}
    for ttl in ("6", "7"):
        file.write_bytes(b"IMGPROXY_TTL=%s\nIMGPROXY_BASE_URL=http://$HOST/\nRAW=\xff\r\n" % ttl.encode())

        assert load_environment(environment) == {
            **environment,
            "IMGPROXY_TTL": ttl,
            "IMGPROXY_BASE_URL": "http://h/",
            "RAW": "\udcff",
        }


@pytest.mark.parametrize("name", ["none.env", ".", "file/none.env"])
def test_a_path_that_is_no_file_is_ignored(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With a warning (spec 03 section 1.0)."""
    (tmp_path / "file").touch()
    environment = {FILE: str(tmp_path / name)}

    assert load_environment(environment) == environment
    assert f"{FILE}: there is no file at" in caplog.text


def test_a_file_that_does_not_read_stops_the_start(tmp_path: Path) -> None:
    """The line is numbered, its text is not told."""
    (tmp_path / "a.env").write_text("A=1\ntopsecret\n")

    with pytest.raises(ConfigurationError, match=f"^{FILE}: expected an env file .line 2 is not") as refused:
        load_environment({FILE: str(tmp_path / "a.env")})

    assert "topsecret" not in str(refused.value)


@pytest.mark.parametrize("path", ["/dev/zero", "a\0b", "a" * 5000])
def test_a_path_that_cannot_be_read_stops_the_start(path: str) -> None:
    """Also one whose bytes never end."""
    with pytest.raises(ConfigurationError, match=f"^{FILE}: expected"):
        load_environment({FILE: path})


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    """To the byte."""
    (tmp_path / "a.env").write_bytes(b"A=1".ljust(MAX_FILE_BYTES, b"\n"))

    assert load_environment({FILE: str(tmp_path / "a.env")})["A"] == "1"


def test_the_file_wins_over_aws(aws: Callable[..., Any], tmp_path: Path) -> None:
    """It is asked last, and may be named by a secret."""
    name = f"test-{uuid.uuid4().hex}"
    secret = f"A=secret\nB=secret\nC=secret\n{FILE}={tmp_path / 'a.env'}"
    aws("secretsmanager").create_secret(Name=name, SecretString=secret)
    for variable in ("B", "C"):
        aws("ssm").put_parameter(Name=f"/{name}/{variable}", Value="parameter", Type="String")
    (tmp_path / "a.env").write_text("C=file $B")
    environment = {"IMGPROXY_ENV_AWS_SECRET_ID": name, "IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH": f"/{name}"}

    loaded = load_environment(environment)

    assert [loaded[variable] for variable in "ABC"] == ["secret", "parameter", "file parameter"]


def test_the_variables_of_this_step_are_known_names() -> None:
    """A misspelled one is told the right one."""
    known = ["AWS_SECRET_ID", "AWS_SECRET_VERSION_ID", "AWS_SECRET_VERSION_STAGE", "AWS_SECRET_REGION"]
    known += ["AWS_SSM_PARAMETERS_PATH", "AWS_SSM_PARAMETERS_REGION", "LOCAL_FILE_PATH", "GCP_KEY"]
    known += ["GCP_SECRET_ID", "GCP_SECRET_VERSION_ID", "GCP_SECRET_PROJECT_ID"]

    assert unknown_names(f"IMGPROXY_ENV_{name}" for name in known) == []
    assert unknown_names(["IMGPROXY_ENV_LOCAL_FILEPATH"]) == [("IMGPROXY_ENV_LOCAL_FILEPATH", FILE)]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command, with these settings only."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMGPROXY_")}
    command = [sys.executable, "-m", "bildwerk.main", *arguments]
    return subprocess.run(command, env=environment | variables, capture_output=True, text=True, timeout=60, check=False)


def test_commands_begin_with_it(tmp_path: Path) -> None:
    """A path is signed with keys out of a file."""
    (tmp_path / "a.env").write_text("IMGPROXY_KEY=aa\nIMGPROXY_SALT=bb\nIMGPROXY_PATH_PREFIX=/img\n")
    direct = run("sign", "w:1/plain/x", IMGPROXY_KEY="aa", IMGPROXY_SALT="bb", IMGPROXY_PATH_PREFIX="/img")

    result = run("sign", "w:1/plain/x", **{FILE: str(tmp_path / "a.env")})

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == direct.stdout


def test_commands_tell_what_is_wrong_with_it(tmp_path: Path) -> None:
    """As with every bad setting."""
    (tmp_path / "a.env").write_text("IMGPROXY_KEY")

    result = run("serve", **{FILE: str(tmp_path / "a.env")})

    assert result.returncode == 1
    assert result.stderr == (
        f"These settings cannot be used:\n  {FILE}: expected an env file (line 1 is not KEY=VALUE)\n"
    )


def test_health_sees_the_real_environment_only(tmp_path: Path) -> None:
    """As imgproxy's (spec 03 section 1.13)."""
    (tmp_path / "a.env").write_text("IMGPROXY_BIND=127.0.0.1:2")

    result = run("health", IMGPROXY_BIND="127.0.0.1:1", **{FILE: str(tmp_path / "a.env")})

    assert result.stderr.startswith("http://127.0.0.1:1/")


def test_what_came_from_elsewhere_reaches_the_process_environment(tmp_path: Path) -> None:
    """Libraries look there: AWS_*, OTEL_*."""
    (tmp_path / "a.env").write_text("OTEL_SERVICE_NAME=pictures\nPORT=81")
    code = (
        "import os; from bildwerk.environment import load_everything as load;"
        "print(load()['IMGPROXY_BIND'], os.environ['OTEL_SERVICE_NAME'], 'IMGPROXY_BIND' in os.environ)"
    )
    environment = {**os.environ, FILE: str(tmp_path / "a.env")}

    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )

    assert result.stdout == ":81 pictures False\n"
