"""Starts the balancer: ``python -m stack.balancer``, configured by environment variables."""

from __future__ import annotations

import logging
import socket
import sys

import uvicorn
import uvloop
from pydantic import ValidationError

from .app import create_app
from .deployment import Deployment
from .journal import UNUSABLE, DatabaseInUse
from .settings import Settings, mistakes


class _CannotStart(Exception):
    """One sentence for whoever started the balancer."""


async def _serve(settings: Settings) -> None:
    # With the protocol named, accepted connections get TCP_NODELAY; without it every answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", settings.port))
    except OSError as error:
        raise _CannotStart(f"PORT: {settings.port} cannot be listened on ({error.strerror})") from None
    deployment = Deployment(settings)
    try:
        await deployment.open()
    except DatabaseInUse as error:
        raise _CannotStart(f"DATABASE_URL: {error}") from None
    except (*UNUSABLE, ValueError) as error:
        # The driver's message may repeat the DSN, which holds a password.
        raise _CannotStart(f"DATABASE_URL: the database cannot be used ({type(error).__name__})") from None
    config = uvicorn.Config(
        create_app(deployment),
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=60,
    )
    await uvicorn.Server(config).serve(sockets=[listener])


def main() -> int:
    """Run until stopped. Return 2 with a line for each mistake if it cannot be started as asked."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        uvloop.run(_serve(Settings()))
    except ValidationError as error:
        print("\n".join(mistakes(error)), file=sys.stderr)
        return 2
    except _CannotStart as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
