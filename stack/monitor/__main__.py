"""Starts the monitor: ``python -m stack.monitor``, configured by environment variables."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

import aiohttp
from pydantic import ValidationError

from ..balancer.settings import mistakes
from .monitor import Monitor
from .settings import Settings


async def _serve(settings: Settings) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with aiohttp.ClientSession() as http:
        await Monitor(settings, http).run()


def main() -> int:
    """Run until stopped. Return 2 with a line for each mistake if it cannot be started as asked."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = Settings()
    except ValidationError as error:
        print("\n".join(mistakes(error)), file=sys.stderr)
        return 2
    try:
        asyncio.run(_serve(settings))
    except OSError as error:
        print(f"PORT: {settings.port} cannot be listened on ({error.strerror})", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
