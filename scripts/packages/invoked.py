"""Inside a package: what Lambda's runtime does around a function, for one start and a few events.

    python -I -S invoked.py < {"folder", "function", "variables", "events"} > {"answers", "seconds", "loaded", "missed"}

Nothing but the package and the standard library is there, and the environment is what was sent. It is run by the Python
of a package, so it imports nothing of this project but through the package.
"""

from __future__ import annotations

import importlib
import importlib.abc
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

MAPPED = Path("/proc/self/maps")


class Context:
    """What a function is told of its call: names of AWS Lambda Developer Guide, "Lambda context object in Python"."""

    function_name = "bildwerk"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:bildwerk"
    memory_limit_in_mb = "1024"
    aws_request_id = "b2f1c9a4-6d1e-4b57-9f0e-6a4f4d4c7f10"
    log_group_name = log_stream_name = "proof"

    def get_remaining_time_in_millis(self) -> int:
        """Half a minute, always."""
        return 30_000


class Missed(importlib.abc.MetaPathFinder):
    """The last one to be asked: notes what nobody has found."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG002  its signature
        """Finds nothing."""
        self.names.add(fullname)


def main() -> None:
    """Reads what is asked, and writes what came of it; what the function prints goes to standard error."""
    asked = json.load(sys.stdin)
    folder = asked["folder"]
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.environ.clear()
    os.environ.update(asked["variables"], _HANDLER=f"api.functions.{asked['function']}")
    sys.path.insert(0, folder)
    sys.meta_path.append(missed := Missed())
    began = time.perf_counter()
    function = getattr(importlib.import_module("api.functions"), asked["function"])
    seconds = time.perf_counter() - began
    answers = [_answer(function, event) for event in asked["events"]]
    found = {"answers": answers, "seconds": seconds, "loaded": _loaded(folder), "missed": sorted(missed.names)}
    with told:
        json.dump(found, told)


def _answer(function: Any, event: object) -> object:  # noqa: ANN401  whatever the package has
    """An answer; an error is one too, as Lambda tells it to whoever invoked the function."""
    try:
        return function(event, Context())
    except Exception as error:  # noqa: BLE001  the border: Lambda's runtime takes all of them
        traceback.print_exc()
        return {"errorType": type(error).__name__, "errorMessage": str(error)}


def _loaded(folder: str) -> list[str]:
    """The package's own modules and libraries that are in use, by the first part of their paths."""
    files = [getattr(module, "__file__", None) or "" for module in tuple(sys.modules.values())]
    if MAPPED.exists():  # not in a bare folder that has become the root
        files += [line.split()[-1] for line in MAPPED.read_text(encoding="utf-8").splitlines()]
    inside = {Path(file).relative_to(folder).parts[0] for file in files if file.startswith(f"{folder}/")}
    return sorted(inside)


if __name__ == "__main__":
    main()
