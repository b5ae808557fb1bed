"""Optional libraries: named clearly when they are missing, kept from changing the process when they are there."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
import sys
import threading
from collections.abc import Iterator

from renderer.errors import ConfigurationError


def require(*modules: str, extra: str, setting: str) -> None:
    """Looks for modules without importing them.

    Raises:
        ConfigurationError: naming the setting that needs them and the extra that brings them.
    """
    for module in modules:
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise ConfigurationError([f"{setting}: needs a library that is missing: pip install bildwerk[{extra}]"])


@contextlib.contextmanager
def hooks_restored() -> Iterator[None]:
    """Puts back what some agents replace when they are imported: exception hooks and the handlers of SIGTERM, SIGINT.

    The server's own handlers drain requests; an agent's would end the process.
    """
    hook, thread_hook = sys.excepthook, threading.excepthook
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = hook, thread_hook
        # Only the main thread may set handlers, so only there can an import have done it.
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                # None: it was not set from Python, and nothing here could set it again.
                if handler is not None and signal.getsignal(number) != handler:
                    signal.signal(number, handler)
