"""The SDK's clients: each is made when it is needed first, and kept for the life of the process.

A call has at most two attempts of 2 s for connecting and 5 s for each wait for bytes, and at most 1 s between them, so
that it ends well inside the 29 s that API Gateway waits. The SDK is imported with the first client: it takes 0.3 s of
CPU, which functions without AWS (`bildwerk api` over a folder) need not spend.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from api.problems import StoreUnavailable
from api.settings import StoreSettings

_log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 5
ATTEMPTS: Final = 2
LAST_RESORT_REGION: Final = "us-east-1"
_CONNECTIONS: Final = 32
"""Of one client; threads beyond it open connections that are not kept."""


class Clients:
    """Clients of the services that the API calls; threads may share them.

    Where S3 and CloudFront are, the settings say; SQS and Secrets Manager are where `AWS_ENDPOINT_URL_SQS` and
    `AWS_ENDPOINT_URL_SECRETS_MANAGER` say, or at AWS. Region and credentials come from the SDK's chain.
    """

    def __init__(self, settings: StoreSettings) -> None:
        self._endpoints = {"s3": settings.s3_endpoint, "cloudfront": settings.cloudfront_endpoint}
        self._made: dict[str, Any] = {}
        self._session: Any = None
        # The session's parts, the chain of credentials among them, are not made for threads.
        self._lock = threading.Lock()

    @property
    def s3(self) -> Any:  # noqa: ANN401  the SDK makes its clients' classes at run time
        """S3; with SigV4, which presigned forms need, and the bucket in the path of a server that is not AWS."""
        return self._client("s3")

    @property
    def sqs(self) -> Any:  # noqa: ANN401  as above
        """SQS."""
        return self._client("sqs")

    @property
    def cloudfront(self) -> Any:  # noqa: ANN401  as above
        """CloudFront, which has one endpoint for all regions."""
        return self._client("cloudfront")

    @property
    def secretsmanager(self) -> Any:  # noqa: ANN401  as above
        """Secrets Manager."""
        return self._client("secretsmanager")

    def close(self) -> None:
        """Closes the connections; the next call makes new clients."""
        with self._lock:
            while self._made:
                self._made.popitem()[1].close()

    def _client(self, service: str) -> Any:  # noqa: ANN401  as above
        if service not in self._made:
            with self._lock:
                if service not in self._made:
                    self._made[service] = self._opened(service)
        return self._made[service]

    def _opened(self, service: str) -> Any:  # noqa: ANN401  as above
        from botocore.config import Config  # type: ignore[import-untyped]  # the SDK has no types

        if self._session is None:
            self._session = _session()
        return self._session.client(
            service,
            region_name=self._session.region_name or LAST_RESORT_REGION,
            endpoint_url=_url(self._endpoints.get(service, "")),
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                max_pool_connections=_CONNECTIONS,
                **self._s3_options() if service == "s3" else {},
            ),
        )

    def _s3_options(self) -> dict[str, Any]:
        # Left to choose, the SDK presigns forms for the endpoint of us-east-1, which sends them on by a redirect. Where
        # a bucket's name is none for a host under TLS it takes the path all the same.
        style = "path" if self._endpoints["s3"] else "virtual"
        s3 = {"addressing_style": style, "us_east_1_regional_endpoint": "regional"}
        return {"signature_version": "s3v4", "s3": s3}


@contextmanager
def store_errors() -> Iterator[None]:
    """Around calls of S3: what it throws becomes StoreUnavailable, with a line in the log.

    Neither names the endpoint, which the SDK's own texts do.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # as above

    try:
        yield
    except ClientError as error:
        _log.warning("S3 answers %s to %s (request %s)", code_of(error), error.operation_name, _request_id(error))
        raise StoreUnavailable("The store of originals refused the request or failed.") from error
    except BotoCoreError as error:
        _log.warning("S3 cannot be asked: %s", type(error).__name__)
        raise StoreUnavailable("The store of originals cannot be reached.") from error


def code_of(error: Exception) -> str:
    """The service's name for what is wrong; its status where the answer had no body, as those to HEAD."""
    return str(_answer(error).get("Error", {}).get("Code", ""))


def status_of(error: Exception) -> int:
    """The HTTP status of an answer that is an error."""
    return int(_answer(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def retries_of(error: Exception) -> int:
    """How often the SDK had asked before."""
    return int(_answer(error).get("ResponseMetadata", {}).get("RetryAttempts", 0))


def _request_id(error: Exception) -> str:
    return str(_answer(error).get("ResponseMetadata", {}).get("RequestId", "") or "without an id")


def _answer(error: Exception) -> Mapping[str, Any]:
    """What the SDK keeps of an answer with its ClientError."""
    return getattr(error, "response", {})


def _session() -> Any:  # noqa: ANN401  as above
    import boto3  # type: ignore[import-untyped]  # as above
    import botocore.session  # type: ignore[import-untyped]  # as above

    # The SDKs of other languages read AWS_REGION first; this one would only read AWS_DEFAULT_REGION.
    variables = {"region": ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)}
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=variables))


def _url(endpoint: str) -> str | None:
    if not endpoint:
        return None
    return endpoint if "://" in endpoint else f"http://{endpoint}"
