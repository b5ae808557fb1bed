"""Takes out of an environment what no request of Bildwerk ever reads, inside the build of the container image.

    python slim.py /opt/bildwerk

Less to load, to scan and to patch: AWS services that nobody here asks, codecs of imagecodecs beside JPEG XL, tests and
headers of packages, further commands. What is kept is named here, so that something new is missed by a test
(tests/image/test_slim.py) and not in production.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

AWS_SERVICES: Final = frozenset(
    {"s3", "secretsmanager", "ssm", "sqs", "cloudfront", "sts", "sso", "sso-oidc", "signin"}
)
"""Those that code here has clients of, and those through which botocore gets credentials."""

JPEG_XL: Final = ("_jpegxl.*", "_shared.*", "_shared_cython.*", "libjxl*", "libbrotli*", "liblcms2*", "libhwy*")
"""Files of imagecodecs that its JPEG XL codec loads; libraries of the others are theirs alone."""

COMMANDS: Final = frozenset({"bildwerk", "imgproxy"})


def main(arguments: Sequence[str]) -> int:
    """Deletes, says how much, and exits with 0."""
    (environment,) = (Path(argument) for argument in arguments)
    before = _bytes_of(environment)
    for packages in environment.glob("lib/python3*/site-packages"):
        for path in list(superfluous(packages)):
            remove(path)
    for command in (environment / "bin").iterdir():
        if command.name not in COMMANDS and not command.name.startswith("python"):
            remove(command)
    print(f"slim: {before / 1e6:.0f} MB to {_bytes_of(environment) / 1e6:.0f} MB")
    return 0


def superfluous(packages: Path) -> Iterator[Path]:
    """Files and folders of `site-packages` that are not needed; one may be inside another."""
    for service in (packages / "botocore" / "data").glob("*/"):
        if service.name not in AWS_SERVICES:
            yield service
    for library in (*packages.glob("imagecodecs/*.so"), *packages.glob("imagecodecs.libs/*")):
        if not any(fnmatchcase(library.name, kept) for kept in JPEG_XL):
            yield library
    yield from packages.glob("numpy/**/tests")
    yield packages / "lxml" / "includes"
    yield packages / "numpy" / "_core" / "include"
    for source in ("*.pyx", "*.pxd", "*.pxi", "*.pyi", "*.c", "*.h", "*.a"):
        yield from packages.rglob(source)


def remove(path: Path) -> None:
    """Deletes a file, or a folder with all that is in it; neither need be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _bytes_of(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
