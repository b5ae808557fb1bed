"""Rules of the Dockerfile that can be seen without building it; `make image` builds it and asks the result."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from bildwerk import allocator
from scripts.image.arm64 import PACKAGES
from scripts.image.wheels import requirements_of

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions(text: str) -> list[tuple[str, str]]:
    """Keyword and arguments of every instruction, without comments, one line each."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


ALL = instructions(TEXT)
FINAL = ALL[max(index for index, (word, _) in enumerate(ALL) if word == "FROM") :]


def of(word: str, among: list[tuple[str, str]] = ALL) -> list[str]:
    """The arguments of every instruction of one kind."""
    return [rest for found, rest in among if found == word]


def variables() -> dict[str, str]:
    """The environment of the image."""
    pairs = (pair.partition("=") for rest in of("ENV", FINAL) for pair in rest.split())
    return {name: value for name, _, value in pairs}


def test_the_base_is_an_argument_that_is_pinned_by_digest() -> None:
    """A tag alone may be another image tomorrow."""
    assert re.fullmatch(r"BASE=\S+/debian:trixie-slim@sha256:[0-9a-f]{64}", of("ARG")[0])


def test_every_stage_stands_on_the_base() -> None:
    """No stage brings in an image that is not pinned."""
    stages = set()
    for rest in of("FROM"):
        base, _, name = rest.partition(" AS ")
        assert base == "${BASE}" or base in stages
        stages.add(name)
    assert len(stages) == 3


def test_it_runs_as_a_user_of_its_own() -> None:
    """By number, which is what an orchestrator can tell from root, and imgproxy's."""
    assert of("USER") == ["999:999"]
    assert of("USER", FINAL) == ["999:999"]


def test_nothing_is_run_or_copied_after_the_user_is_set_that_would_need_root() -> None:
    """What follows only says how the image is run."""
    words = [word for word, _ in FINAL]

    assert set(words[words.index("USER") + 1 :]) == {"WORKDIR", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


@pytest.mark.parametrize("word", ["ENTRYPOINT", "CMD"])
def test_commands_are_lists(word: str) -> None:
    """A shell as the first process would keep SIGTERM to itself."""
    (rest,) = of(word, FINAL)

    assert all(isinstance(part, str) for part in json.loads(rest))


def test_the_health_check_is_our_own_command() -> None:
    """The image has no curl."""
    (rest,) = of("HEALTHCHECK", FINAL)

    assert json.loads(rest.partition(" CMD ")[2]) == ["bildwerk", "health"]


def test_malloc_is_as_the_server_would_set_it_itself() -> None:
    """Otherwise it would start itself anew in every container, or run with other figures than those measured."""
    assert variables()[allocator.VARIABLE] == allocator.TUNABLES
    assert variables()["MALLOC_ARENA_MAX"] == "2"


def test_the_default_extras_are_those_of_imgproxys_formats() -> None:
    """HEIC and JPEG XL; the argument takes every extra of pyproject.toml."""
    assert "EXTRAS=heif,jxl" in of("ARG")
    assert len(requirements_of((ROOT / "pyproject.toml").read_text(encoding="utf-8"), ["heif", "jxl"])) == 2


def test_pip_installs_nothing_without_a_hash() -> None:
    """From the index only what the lock has a hash for; wheels made from it come from a folder."""
    installs = [
        step for rest in of("RUN") for step in rest.split(" && ") if re.search(r"\bpip\b.* (install|wheel) ", step)
    ]

    assert len(installs) == 4
    assert [step for step in installs if "--require-hashes" not in step and "--no-index" not in step] == []


def test_no_secret_can_get_into_a_layer() -> None:
    """No argument or variable holds one, and the two files that the build may be given are mounted for one step."""
    names = [part.split("=")[0] for word in ("ARG", "ENV") for rest in of(word) for part in rest.split()]

    assert [name for name in names if re.search(r"SECRET|TOKEN|PASSWORD|KEY|SALT|CREDENTIAL", name)] == []
    assert sorted(re.findall(r"--mount=type=(\w+),id=(\w+)", TEXT)) == [("secret", "ca"), ("secret", "pip")]
    assert of("ADD") == []


def test_no_compiler_and_no_installer_is_in_the_final_stage() -> None:
    """It takes the finished environment of the build stage and installs nothing."""
    assert re.search(r"\b(gcc|g\+\+|build-essential|clang|curl|wget|git)\b", TEXT) is None
    assert [rest for rest in of("RUN", FINAL) if re.search(r"apt-get|\bpip\b", rest)] == []


def test_the_picture_on_arm64_is_made_with_the_packages_of_the_image() -> None:
    """`make image` unpacks the same Debian packages for the other architecture."""
    first = of("RUN")[0]

    assert tuple(re.findall(r"--no-install-recommends ([a-z0-9+ -]+) >", first)[0].split()) == PACKAGES


def test_imgproxys_names_are_commands_of_the_distribution() -> None:
    """Containers that were written for imgproxy start `imgproxy` and ask `imgproxy health`."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]

    assert set(scripts) == {"bildwerk", "imgproxy"}


def test_the_context_is_what_the_dockerfile_copies() -> None:
    """Everything else is kept out: `.env`, `.git`, `.venv`, the tests."""
    patterns = [
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    copied = {source for rest in of("COPY") if "--from" not in rest for source in rest.split()[:-1]}

    def is_sent(path: str) -> bool:
        sent = True
        for pattern in patterns:
            rule = pattern.removeprefix("!")
            if fnmatchcase(path, rule) or path.startswith(f"{rule}/"):
                sent = pattern.startswith("!")
        return sent

    assert patterns[0] == "*"
    assert {path for path in copied if not is_sent(path)} == set()
    kept_out = (
        ".env",
        ".git/config",
        ".venv/pyvenv.cfg",
        "tests/conftest.py",
        "scripts/image/proof.py",
        "compose.yaml",
    )
    assert [path for path in kept_out if is_sent(path)] == []
