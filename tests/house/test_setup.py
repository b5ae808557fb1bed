"""Set-up promises that cannot be seen from inside the environment that it made."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import pyvips

ROOT = Path(__file__).parents[2]


def test_the_wheels_libvips_is_the_one_that_runs() -> None:
    """Results are compared with answers recorded on exactly this version."""
    assert tuple(pyvips.version(part) for part in range(3)) == (8, 18, 7)


@pytest.mark.skipif(shutil.which("pkg-config") is None, reason="there is no pkg-config here that could find a libvips")
def test_set_up_hides_a_system_libvips_from_the_build_of_pyvips(tmp_path: Path) -> None:
    """A `vips.pc` that pkg-config finds outside is not found inside set-up."""
    (tmp_path / "vips.pc").write_text("Name: vips\nDescription: a fake\nVersion: 8.99.0\nLibs:\nCflags:\n")
    environment = {**os.environ, "PKG_CONFIG_PATH": str(tmp_path)}

    outside = subprocess.run(["pkg-config", "--exists", "vips"], env=environment, check=False)
    inside = subprocess.run(["make", "-s", "-C", str(ROOT), "system-vips-is-hidden"], env=environment, check=False)

    assert (outside.returncode, inside.returncode) == (0, 0)


def test_no_locked_requirement_names_where_it_comes_from() -> None:
    """The lock holds versions and hashes; the index is the installing machine's business."""
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text
        assert "--index" not in text
