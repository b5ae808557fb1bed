"""What the image leaves out must be nothing that a request needs."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.image.slim import AWS_SERVICES, main, superfluous

ROOT = Path(__file__).parents[2]
_CLIENT = re.compile(r"""(?:client|_client)\(\s*["']([a-z0-9-]+)["']""")
_BOTH_WAYS = """
import imagecodecs, numpy
samples = numpy.arange(64 * 64 * 3, dtype=numpy.uint8).reshape(64, 64, 3)
assert (imagecodecs.jpegxl_decode(imagecodecs.jpegxl_encode(samples, lossless=True)) == samples).all()
print(imagecodecs.__file__)
"""


def made(folder: Path, *files: str) -> Path:
    """An environment with empty files; its `site-packages`."""
    packages = folder / "lib" / "python3.13" / "site-packages"
    for name in files:
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return packages


def test_every_aws_service_that_code_has_a_client_of_is_kept() -> None:
    """A missing one would be an error of the first request that needs it."""
    sources = [path for package in ("renderer", "api", "bildwerk") for path in (ROOT / package).rglob("*.py")]
    asked = {name for path in sources for name in _CLIENT.findall(path.read_text(encoding="utf-8"))}

    assert {"s3", "sqs", "cloudfront", "secretsmanager", "ssm"} <= asked
    assert asked - AWS_SERVICES == set()


def test_services_tests_and_sources_go(tmp_path: Path) -> None:
    """And what is read at run time stays."""
    kept = ("botocore/data/s3/service-2.json.gz", "botocore/data/endpoints.json", "numpy/_core/numeric.py")
    gone = (
        "botocore/data/ec2/service-2.json.gz",
        "numpy/lib/tests/test_io.py",
        "lxml/etree.pyx",
        "lxml/includes/x.txt",
    )
    packages = made(tmp_path, *kept, *gone)
    (tmp_path / "bin").mkdir()
    for command in ("bildwerk", "imgproxy", "python3", "f2py", "activate"):
        (tmp_path / "bin" / command).write_text("")

    assert main([str(tmp_path)]) == 0

    assert [name for name in kept if not (packages / name).exists()] == []
    assert [name for name in gone if (packages / name).exists()] == []
    assert {path.name for path in (tmp_path / "bin").iterdir()} == {"bildwerk", "imgproxy", "python3"}


def test_jpeg_xl_needs_nothing_of_what_is_left_out(tmp_path: Path) -> None:
    """The installed imagecodecs, less those files, still encodes and decodes."""
    found = importlib.util.find_spec("imagecodecs")
    if found is None or found.origin is None:
        pytest.skip("no imagecodecs here: the extra `jxl` is not installed")
    installed = Path(found.origin).parents[1]
    left_out = set(superfluous(installed))
    for package in ("imagecodecs", "imagecodecs.libs"):
        for path in (installed / package).iterdir():
            if path.is_file() and path not in left_out:
                (tmp_path / package).mkdir(exist_ok=True)
                # A hard link: the loader looks for libraries beside the file that it has opened.
                (tmp_path / package / path.name).hardlink_to(path)

    result = subprocess.run(
        [sys.executable, "-c", _BOTH_WAYS],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(tmp_path))
    assert len([path for path in left_out if "imagecodecs" in path.as_posix()]) > 50
