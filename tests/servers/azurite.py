"""Azurite, Azure's emulator of its Blob service, with its blobs in memory."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from azure.storage.blob import BlobServiceClient, ContentSettings

from scripts import servers
from scripts.ports import free_port
from tests.servers.process import executable, started

ACCOUNT: Final = "picturesite"
KEY: Final = base64.b64encode(b"a key of the account's own").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Azurite:
    """A running server."""

    port: int

    @property
    def endpoint(self) -> str:
        """What `IMGPROXY_ABS_ENDPOINT` is set to."""
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def put(self, path: str, body: bytes, **settings: str) -> None:
        """Stores a blob with Azure's own client; `settings` are its content settings."""
        container, _, key = path.partition("/")
        credential = {"account_name": ACCOUNT, "account_key": KEY}
        with BlobServiceClient(self.endpoint, credential=credential) as client:
            if not client.get_container_client(container).exists():
                client.create_container(container)
            blob = client.get_blob_client(container, key)
            blob.upload_blob(body, content_settings=ContentSettings(**settings), overwrite=True)


@contextmanager
def running() -> Iterator[Azurite]:
    """A started server without containers."""
    port = free_port()
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence", "--silent"]
    # Azure's client may be newer than the emulator.
    options += ["--skipApiVersionCheck", "--disableTelemetry"]
    environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    with started([[str(executable(servers.AZURITE)), *options]], [port], environment):
        yield Azurite(port=port)
