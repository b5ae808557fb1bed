"""Every key under which the application holds something."""

from __future__ import annotations

from aiohttp import web

from renderer.services import Services

SERVICES = web.AppKey("services", Services)
