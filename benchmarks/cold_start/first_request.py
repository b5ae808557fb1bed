"""One cold start: imports, services, one stored picture. Prints JSON: CPU seconds and the peak of resident memory."""

from __future__ import annotations

import base64
import json
import sys
import time
from pathlib import Path
from typing import Any


class _Context:
    """What Lambda hands over beside the event."""

    function_name = "upload"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:upload"
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Of the gateway's 29 seconds."""
        return 29_000


def _peak_bytes() -> int:
    """The most that was resident; getrusage would tell of what this process was before it became this program."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def main() -> None:
    """Answers one request."""
    body = Path(sys.argv[1]).read_bytes()
    event = {
        "httpMethod": "POST",
        "path": "/images",
        "resource": "/images",
        "headers": {"Content-Type": "image/jpeg"},
        "requestContext": {"authorizer": {"token": "benchmark", "scopes": "upload", "prefix": "="}},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    from api import functions

    imported = time.process_time()
    context: Any = _Context()
    answer = functions.upload(event, context)
    if answer["statusCode"] not in (200, 201):
        raise RuntimeError(answer["body"])
    told = {
        "import_seconds": imported,
        "seconds": time.process_time(),
        "peak_bytes": _peak_bytes(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
