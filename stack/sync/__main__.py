"""Starts one part of distributed sync: ``python -m stack.sync coordinator`` or ``… worker``."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import suppress

from aiohttp import web
from pydantic import ValidationError

from ..balancer.settings import mistakes
from .coordinator import Coordinator
from .settings import CoordinatorSettings, WorkerSettings
from .worker import Worker

_HOST = "127.0.0.1"


async def _serve(port: int, part: Coordinator | Worker) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    runner = web.AppRunner(_application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, port).start()
        await part.run()
    finally:
        if isinstance(part, Worker):
            await part.leave()
        await runner.cleanup()


def _application() -> web.Application:
    async def health(request: web.Request) -> web.Response:
        return web.json_response({"status": "healthy"})

    application = web.Application()
    application.add_routes([web.get("/health", health)])
    return application


def main(arguments: list[str] | None = None) -> int:
    """Run until stopped. Return 2 with a line for each mistake if it cannot be started as asked.

    Args:
        arguments: which part, "coordinator" or "worker"; the command line's by default.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if given not in (["coordinator"], ["worker"]):
        print(f"{' '.join(given) or 'Nothing'} was given; allowed is coordinator or worker", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings: CoordinatorSettings | WorkerSettings
    try:
        settings = CoordinatorSettings() if given == ["coordinator"] else WorkerSettings()
    except ValidationError as error:
        print("\n".join(mistakes(error)), file=sys.stderr)
        return 2
    try:
        part = Coordinator(settings) if isinstance(settings, CoordinatorSettings) else Worker(settings)
        with suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_serve(settings.port, part))
    except OSError as error:
        print(f"PORT: {settings.port} cannot be listened on ({error.strerror})", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
