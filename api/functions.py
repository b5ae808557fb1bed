"""The entry points of the Lambda functions: `api.functions.upload` and so on.

Everything that may be opened once is opened when a function's environment starts, so the first request does not pay for
it. This is the only place of the API that reads the environment. No event, no answer and no error gets into a log or a
trace whole, whatever the variables of aws-lambda-powertools say: headers hold tokens, answers hold signed forms.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from api.application import Api
from api.opened import open_services
from api.settings import load_api_settings

Entry: TypeAlias = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]

_logger = Logger(service="bildwerk-api")
_metrics = Metrics(namespace="Bildwerk", service="bildwerk-api")
# Of what the tracer can watch, boto3's calls alone: those of aiobotocore run beside each other and would end each
# other's segments, and a purge of two originals would fail for it.
_tracer = Tracer(service="bildwerk-api", patch_modules=("botocore",))
for _name in ("api", "renderer"):
    logging.getLogger(_name).setLevel(logging.INFO)
copy_config_to_registered_loggers(source_logger=_logger, include={"api", "renderer"}, ignore_log_level=True)


class _CloudWatch:
    """Counts as CloudWatch metrics in the log (embedded metric format): no call of an API."""

    def count(self, name: str, value: float = 1) -> None:
        """Adds to a count."""
        _metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


_AUTHORIZER: Final = "authorize"
"""The one function that reads tokens: the others are not told where these are, and their roles cannot read them."""

_own_name = os.environ.get("_HANDLER", "").rpartition(".")[2]  # Lambda's; not set elsewhere
_api = Api(
    open_services(load_api_settings(os.environ), metrics=_CloudWatch(), has_tokens=_own_name in {"", _AUTHORIZER})
)

_logged = _logger.inject_lambda_context(clear_state=True, log_event=False)
_traced = _tracer.capture_lambda_handler(capture_response=False, capture_error=False)


def _entry(function: Entry) -> Entry:
    """A function that is logged, traced and counted; the one list of what may get into a log or a trace."""
    entry: Entry = _logged(_traced(_metrics.log_metrics(function)))
    return entry


@_entry
def upload(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`POST /images`, `PUT /images/{key+}`."""
    return _api.upload(event, context)


@_entry
def presign(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`POST /uploads`, `GET /uploads/{id}`."""
    return _api.presign(event, context)


@_entry
def read(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`GET` and `HEAD /images/{key+}`, `GET /openapi.json`."""
    return _api.read(event, context)


@_entry
def delete(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`DELETE /images/{key+}`."""
    return _api.delete(event, context)


@_logged
def authorize(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The REQUEST authorizer."""
    return _api.authorize(event, context)


@_entry
def arrival(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """S3's `ObjectCreated` under `incoming/`."""
    return _api.arrival(event, context)


@_entry
def change(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """S3's `ObjectCreated` and `ObjectRemoved` everywhere else."""
    return _api.change(event, context)


@_entry
def purge(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The purge queue, with `ReportBatchItemFailures`."""
    return _api.purge(event, context)
