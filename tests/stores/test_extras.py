"""Stores whose libraries are extras: what a server without them says, and that one with them serves their objects."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import aiohttp
import pytest

from renderer.settings.load import load_settings
from tests.servers.bildwerk import serving
from tests.servers.gcs import FakeGcs, running
from tests.stores.answers import JPEG

ENABLED = {
    "gcs": {"IMGPROXY_USE_GCS": "1"},
    "azure": {"IMGPROXY_USE_ABS": "1", "IMGPROXY_ABS_NAME": "site"},
    "swift": {
        "IMGPROXY_USE_SWIFT": "1",
        "IMGPROXY_SWIFT_USERNAME": "reader",
        "IMGPROXY_SWIFT_API_KEY": "key",
        "IMGPROXY_SWIFT_AUTH_URL": "http://127.0.0.1:9/auth/v1.0",
    },
}
LIBRARIES = {"gcs": "gcloud.aio.auth", "azure": "azure.identity.aio", "swift": "swiftclient"}

WITHOUT = """
import asyncio, sys
sys.modules[sys.argv[1]] = None
from renderer.errors import ConfigurationError
from renderer.settings.load import load_settings
from renderer.sources.stores import open_stores

async def start(settings):
    await open_stores(settings.sources, gcs=settings.gcs, abs_settings=settings.abs, swift=settings.swift)

try:
    asyncio.run(start(load_settings(dict(pair.split("=", 1) for pair in sys.argv[2:]))))
except ConfigurationError as error:
    print(error)
"""


@pytest.mark.parametrize("extra", ["gcs", "azure", "swift"])
def test_a_missing_library_is_named_with_its_extra(extra: str) -> None:
    variables = [f"{name}={value}" for name, value in ENABLED[extra].items()]
    command = [sys.executable, "-c", WITHOUT, LIBRARIES[extra], *variables]

    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    assert said.startswith(f"{variables[0].partition('=')[0]}: needs the extra: pip install bildwerk[{extra}] (")


def test_libraries_stay_unloaded_until_a_store_is_enabled() -> None:
    """Whoever reads no store pays for none at start."""
    names = tuple(LIBRARIES.values())
    program = f"import renderer.app, sys; print([name for name in {names} if name in sys.modules])"

    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)

    assert said.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeGcs]:
    """A server with one object."""
    with running() as server:
        server.make_bucket("pictures")
        server.put("pictures", "a.jpg", JPEG, contentType="image/jpeg")
        yield server


async def test_the_server_serves_objects_of_a_store(server: FakeGcs) -> None:
    """From the settings to an answer over HTTP."""
    settings = load_settings({"IMGPROXY_USE_GCS": "1", "IMGPROXY_GCS_ENDPOINT": server.endpoint})

    async with serving(settings) as address, aiohttp.ClientSession(address) as client:
        answer = await client.get("/unsafe/raw:1/plain/gs://pictures/a.jpg")
        missing = await client.get("/unsafe/plain/gs://pictures/missing.jpg")

        assert (answer.status, await answer.read()) == (200, JPEG)
        assert missing.status == 404
