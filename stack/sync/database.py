"""A session with PostgreSQL that is made again whenever it is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg

from ..balancer.journal import KEEPALIVES, UNREACHABLE
from . import statements

log = logging.getLogger(__name__)

STATEMENT_TIMEOUT = 10.0
RECONNECT_INTERVAL = 0.2
# One that is stopped in the middle of a commit holds the rows of others for no longer than this; in milliseconds.
_SETTINGS = KEEPALIVES | {"idle_in_transaction_session_timeout": "3000", "lock_timeout": "5000"}


async def with_session(
    dsn: str, channel: str, work: Callable[[asyncpg.Connection, asyncio.Event], Awaitable[None]]
) -> None:
    """Do some work on a session for ever, and begin it again on a new one when PostgreSQL is lost.

    Args:
        dsn: PostgreSQL URL.
        channel: what to listen to.
        work: gets the session, and an event that is set whenever something is said on the channel.
    """
    away = False
    while True:
        try:
            connection = await asyncpg.connect(
                dsn, timeout=STATEMENT_TIMEOUT, command_timeout=STATEMENT_TIMEOUT, server_settings=_SETTINGS
            )
        # The driver refuses what it can't read in an address with a ValueError, whose words repeat a part of it.
        except (*UNREACHABLE, asyncpg.PostgresError, ValueError) as error:
            away = _note(away, error)
            await asyncio.sleep(RECONNECT_INTERVAL)
            continue
        try:
            # The balancer creates the tables.
            await until(connection, statements.TABLES_EXIST)
            called = asyncio.Event()
            await connection.add_listener(channel, partial(_heard, called))
            called.set()
            away = False
            await work(connection, called)
        except (*UNREACHABLE, asyncpg.PostgresError) as error:
            away = _note(away, error)
            await asyncio.sleep(RECONNECT_INTERVAL)
        finally:
            connection.terminate()


def _heard(called: asyncio.Event, *_: object) -> None:
    called.set()


async def until(connection: asyncpg.Connection, question: str) -> None:
    """Ask PostgreSQL again and again until it says yes."""
    while True:
        if await connection.fetchval(question):
            return
        await asyncio.sleep(RECONNECT_INTERVAL)


def _note(away: bool, error: BaseException) -> bool:
    if not away:
        # Only its kind: a driver's words may repeat the DSN.
        log.warning("PostgreSQL can't be used: %s", type(error).__name__)
    return True


async def called_or_due(called: asyncio.Event, seconds: float) -> None:
    """Wait until the channel is heard, or until it is time to look without being told."""
    try:
        async with asyncio.timeout(seconds):
            await called.wait()
    except TimeoutError:
        pass  # A notification can get lost with its session; the table can't.
    called.clear()
