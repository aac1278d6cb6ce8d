"""The declarative list of the stack's services: what each one is, needs and shows. Nothing runs here."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from . import postgres
from .errors import StackError
from .ports import HOST, Ports
from .processes import SystemUser
from .state import STATE_FILE

PRIMARY = "chroma-primary"
REPLICA = "chroma-replica"
BALANCER = "chroma-balancer"
POSTGRES = "chroma-postgres"
SLACK_SINK = "slack-sink"
RENDER_API = "render-api"
SYNC_COORDINATOR = "sync-coordinator"
SYNC_WORKERS = ("sync-worker-1", "sync-worker-2")
MONITOR = "chroma-monitor"
PORT_NAMES = (
    *(PRIMARY, REPLICA, BALANCER, POSTGRES, SLACK_SINK, RENDER_API),
    *(MONITOR, SYNC_COORDINATOR, *SYNC_WORKERS),
)
PROXIED = (PRIMARY, REPLICA, POSTGRES, SLACK_SINK)
PROXY_PORT_NAMES = tuple(f"{name}-proxy{end}" for name in PROXIED for end in ("", "-control"))
"""Further names, for a stack with fault proxies."""
NO_PROXY = "none"
"""What stands in place of a proxy's control URL when there is no proxy."""

NO_SERVICE = "none"
"""What stands in place of the id of a service that this stack does not have."""

BALANCER_COMMAND_VARIABLE = "SIGNOFF_BALANCER_COMMAND"
SYNC_COMMAND_VARIABLE = "SIGNOFF_SYNC_COMMAND"
MONITOR_COMMAND_VARIABLE = "SIGNOFF_MONITOR_COMMAND"
BALANCER_SETTINGS: Mapping[str, str] = {
    "LOAD_BALANCE_STRATEGY": "optimized_read_replica",
    "READ_REPLICA_RATIO": "0.8",
    "CHECK_INTERVAL": "0.25",
    "FAILURE_THRESHOLD": "3",
    "REQUEST_TIMEOUT": "10",
    "SYNC_MODE": "distributed",
    "RESOURCE_CHECK_INTERVAL": "1",
    "MAX_CONCURRENT_REQUESTS": "200",
    "REQUEST_QUEUE_SIZE": "200",
    "WAL_SYNC_INTERVAL": "1",
    "DRIFT_CHECK_INTERVAL": "300",
    "DEFAULT_BATCH_SIZE": "200",
    "MAX_BATCH_SIZE": "1000",
    "MAX_MEMORY_MB": "512",
    "MEMORY_THRESHOLD_PERCENT": "85",
    "CPU_THRESHOLD_PERCENT": "80",
}
"""What the balancer is started with; each one can be overridden by ``--set``."""
SYNC_SETTINGS: Mapping[str, str] = {
    "SYNC_CHUNK_SIZE": "1000",
    "SYNC_HEARTBEAT_INTERVAL": "0.5",
    "SYNC_HEARTBEAT_TIMEOUT": "2",
}
"""What the coordinator and the workers alone are started with; ``--set`` overrides these, too."""
SHARED_WITH_SYNC = (
    *("DEFAULT_BATCH_SIZE", "MAX_BATCH_SIZE", "WAL_SYNC_INTERVAL"),
    *("MAX_MEMORY_MB", "MEMORY_THRESHOLD_PERCENT", "RESOURCE_CHECK_INTERVAL"),
)
"""Settings of the balancer that they get as well."""
MONITOR_SETTINGS: Mapping[str, str] = {
    "BACKLOG_THRESHOLD": "1000",
    "BACKLOG_HIGH_THRESHOLD": "5000",
    "MAX_CPU_CORES": "1",
    "MAX_DISK_MB": "1024",
    "ALERT_COOLDOWN": "3600",
}
"""What the monitor alone is started with; ``--set`` overrides these, too."""
SHARED_WITH_MONITOR = ("RESOURCE_CHECK_INTERVAL", "MAX_MEMORY_MB", "MEMORY_THRESHOLD_PERCENT", "CPU_THRESHOLD_PERCENT")
"""Settings of the balancer that the monitor gets as well."""

_ADDRESSES = ("PRIMARY_URL", "REPLICA_URL", "DATABASE_URL", "SLACK_WEBHOOK_URL")
_REFERENCE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class HttpHealth:
    """Healthy when a GET of this path answers 200."""

    path: str


@dataclass(frozen=True)
class PostgresHealth:
    """Healthy when a session on this DSN answers a query."""

    dsn: str


@dataclass(frozen=True)
class Service:
    """One service of the stack.

    Args:
        name: as in the Render API; also names its log file and its place in the stack's folder.
        command: program and arguments.
        environment: the whole environment of the process.
        port: its loopback port, the same for the stack's life.
        health: what tells that it serves.
        data_folder: where its data lives, kept while it is suspended; ``None`` when it keeps none.
        working_folder: the folder that the process is started in.
        render_id: its id in the Render API.
        plan: its plan in the Render API.
        is_postgres: whether the Render API shows it under ``/postgres`` rather than ``/services``.
        needs: names of the services that have to be healthy before it is started for the first time.
        user: run as this user; ``None`` for the current one.
        prepare: what has to be done once, before the first start.
        stop_signal: what asks it to end.
        grace_seconds: how long it may take for that before it is killed.
        start_seconds: how long its first start may take.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    port: int
    health: HttpHealth | PostgresHealth
    data_folder: Path | None
    working_folder: Path
    render_id: str
    plan: str
    is_postgres: bool = False
    needs: tuple[str, ...] = ()
    user: SystemUser | None = None
    prepare: Callable[[], Awaitable[None]] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 3.0
    start_seconds: float = 30.0

    @property
    def url(self) -> str:
        """Its base URL, without a slash at the end."""
        return f"http://{HOST}:{self.port}"


@dataclass(frozen=True)
class Plan:
    """The whole stack, before anything of it runs.

    Args:
        services: in the order of their start.
        values: what ``up --json`` prints, apart from what only the running stack knows.
        render_key: the key that the Render API asks for.
        render_port: the port of the Render API.
    """

    services: tuple[Service, ...]
    values: Mapping[str, str]
    render_key: str
    render_port: int


def plan_stack(
    folder: Path,
    ports: Ports,
    overrides: Mapping[str, str],
    balancer_command: str | None,
    *,
    sync_command: str | None = None,
    monitor_command: str | None = None,
    with_proxies: bool = False,
) -> Plan:
    """The list of services for a stack in this folder.

    Args:
        folder: the stack's temporary folder.
        ports: a port for each of ``PORT_NAMES``.
        overrides: environment variables of the balancer, the sync services and the monitor, by name.
        balancer_command: takes the place of the reference balancer; shell-like, ``$PORT`` etc. are expanded.
        sync_command: takes the place of the reference coordinator and workers, in the same way; which of them it is to
            be is its last argument. A balancer of another kind without it brings its own sync, or none.
        monitor_command: takes the place of the reference monitor, in the same way.
        with_proxies: put a fault proxy between the balancer and each of ``PROXIED``; ``ports`` has
            ``PROXY_PORT_NAMES`` too.

    Raises:
        StackError: an override has no such variable, or the command can't be read.
    """
    allowed = (*BALANCER_SETTINGS, *SYNC_SETTINGS, *MONITOR_SETTINGS, *_ADDRESSES)
    for name in overrides:
        if name not in allowed:
            raise StackError(f"--set knows no {name}; the variables are {', '.join(allowed)}.")
    database = postgres.PostgresServer.new(folder / POSTGRES, ports[POSTGRES])
    primary = _chroma(PRIMARY, folder, ports[PRIMARY])
    replica = _chroma(REPLICA, folder, ports[REPLICA])
    webhook_path = f"/services/TLOCAL/BLOCAL/{secrets.token_hex(8)}"
    sink = _slack_sink(ports[SLACK_SINK], webhook_path)
    defaults = dict(BALANCER_SETTINGS)
    if balancer_command is not None and sync_command is None:
        defaults["SYNC_MODE"] = "traditional"
    settings = {name: overrides.get(name, default) for name, default in defaults.items()}
    addresses = {
        "PRIMARY_URL": primary.url,
        "REPLICA_URL": replica.url,
        "DATABASE_URL": database.dsn,
        "SLACK_WEBHOOK_URL": sink.url + webhook_path,
    }
    store = _postgres(database)
    proxies = _fault_proxies((primary, replica, store, sink), ports, database) if with_proxies else []
    by_proxy = _by_proxy(ports, database, webhook_path) if with_proxies else {}
    needs = tuple(proxy.name for proxy in proxies)
    reached = {name: overrides.get(name, address) for name, address in (addresses | by_proxy).items()}
    balancer = _balancer(ports[BALANCER], settings | reached, balancer_command, needs)
    own = {name: overrides.get(name, default) for name, default in (*SYNC_SETTINGS.items(), *MONITOR_SETTINGS.items())}
    settings |= own
    by_name = {
        name: _sync(
            name,
            ports[name],
            {key: settings[key] for key in (*SYNC_SETTINGS, *SHARED_WITH_SYNC)} | reached,
            sync_command,
            needs,
        )
        for name in (SYNC_COORDINATOR, *SYNC_WORKERS)
    }
    sync = by_name if settings["SYNC_MODE"] == "distributed" else {}
    # Past the proxies, except for the one before Slack: the others are for the balancer's faults.
    monitored = {"DATABASE_URL": database.dsn, "SLACK_WEBHOOK_URL": reached["SLACK_WEBHOOK_URL"]}
    monitored |= {"BALANCER_URL": balancer.url, "STACK_STATE": str(folder / STATE_FILE)}
    monitored |= {"OUTBOX_FILE": str(folder / f"{MONITOR}.json")}
    monitored |= {name: settings[name] for name in (*MONITOR_SETTINGS, *SHARED_WITH_MONITOR)}
    monitor = _monitor(ports[MONITOR], monitored, monitor_command)
    render_key = f"rnd_{secrets.token_hex(16)}"
    values = {
        **addresses,
        "BALANCER_URL": balancer.url,
        "RENDER_API_URL": f"http://{HOST}:{ports[RENDER_API]}/v1",
        "RENDER_API_KEY": render_key,
        "SLACK_SINK_URL": sink.url,
        "PRIMARY_PROXY_URL": _control_url(PRIMARY, ports) if with_proxies else NO_PROXY,
        "REPLICA_PROXY_URL": _control_url(REPLICA, ports) if with_proxies else NO_PROXY,
        "POSTGRES_PROXY_URL": _control_url(POSTGRES, ports) if with_proxies else NO_PROXY,
        "SLACK_PROXY_URL": _control_url(SLACK_SINK, ports) if with_proxies else NO_PROXY,
        "BALANCER_SERVICE_ID": balancer.render_id,
        "PRIMARY_SERVICE_ID": primary.render_id,
        "REPLICA_SERVICE_ID": replica.render_id,
        "SLACK_SINK_SERVICE_ID": sink.render_id,
        "MONITOR_SERVICE_ID": monitor.render_id,
    }
    values["POSTGRES_ID"] = store.render_id
    for name in (SYNC_COORDINATOR, *SYNC_WORKERS):
        values[f"{name.upper().replace('-', '_')}_SERVICE_ID"] = sync[name].render_id if name in sync else NO_SERVICE
    values.update(settings)
    services = (store, primary, replica, sink, *proxies, balancer, *sync.values(), monitor)
    return Plan(services, values, render_key, ports[RENDER_API])


def _render_id(prefix: str) -> str:
    """A new id, such as Render's: random, so that one stack never answers to another one's ids."""
    return f"{prefix}-{secrets.token_hex(10)}"


def _environment(**more: str) -> dict[str, str]:
    """This process's environment and what every service needs: no proxy for loopback, our programs first."""
    environment = dict(os.environ)
    environment.update(
        {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
            "NO_PROXY": f"{HOST},localhost",
            "no_proxy": f"{HOST},localhost",
            "ANONYMIZED_TELEMETRY": "False",
            "PYTHONUNBUFFERED": "1",
        }
    )
    environment.update(more)
    return environment


def _own_code(**more: str) -> dict[str, str]:
    """The environment for a module of this project, which needn't be installed."""
    path = [str(_PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return _environment(PYTHONPATH=os.pathsep.join(path), **more)


def _chroma(name: str, folder: Path, port: int) -> Service:
    data = folder / name
    program = (sys.executable, "-m", "stack.chroma_server")
    return Service(
        name=name,
        command=(*program, "--path", str(data), "--host", HOST, "--port", str(port)),
        environment=_own_code(),
        port=port,
        health=HttpHealth("/api/v2/heartbeat"),
        data_folder=data,
        working_folder=folder,
        render_id=_render_id("srv"),
        plan="starter",
    )


def _postgres(server: postgres.PostgresServer) -> Service:
    return Service(
        name=POSTGRES,
        command=server.command,
        environment=_environment(),
        port=server.port,
        health=PostgresHealth(server.dsn),
        data_folder=server.data,
        working_folder=server.home,
        render_id=_render_id("dpg") + "-a",
        plan="free",
        is_postgres=True,
        user=server.user,
        prepare=server.prepare,
        # "Fast shutdown": ends its sessions instead of waiting for them.
        stop_signal=signal.SIGINT,
    )


def _slack_sink(port: int, webhook_path: str) -> Service:
    command = (sys.executable, "-m", "stack.slack_sink", "--port", str(port), "--webhook-path", webhook_path)
    return Service(
        name=SLACK_SINK,
        command=command,
        environment=_own_code(),
        port=port,
        health=HttpHealth("/health"),
        data_folder=None,
        working_folder=_PROJECT,
        render_id=_render_id("srv"),
        plan="free",
    )


def _by_proxy(ports: Ports, database: postgres.PostgresServer, webhook_path: str) -> dict[str, str]:
    """The balancer's addresses of everything that it reaches through a proxy."""
    urls = {name: f"http://{HOST}:{ports[f'{name}-proxy']}" for name in PROXIED}
    return {
        "PRIMARY_URL": urls[PRIMARY],
        "REPLICA_URL": urls[REPLICA],
        "DATABASE_URL": replace(database, port=ports[f"{POSTGRES}-proxy"]).dsn,
        "SLACK_WEBHOOK_URL": urls[SLACK_SINK] + webhook_path,
    }


def _fault_proxies(services: tuple[Service, ...], ports: Ports, database: postgres.PostgresServer) -> list[Service]:
    behind = PostgresHealth(replace(database, port=ports[f"{POSTGRES}-proxy"]).dsn)
    return [_fault_proxy(one, ports, behind if one.is_postgres else one.health) for one in services]


def _fault_proxy(service: Service, ports: Ports, health: HttpHealth | PostgresHealth) -> Service:
    name = f"{service.name}-proxy"
    arguments = ["--listen", str(ports[name]), "--upstream", f"{HOST}:{service.port}"]
    arguments += ["--control", str(ports[f"{name}-control"]), *(["--bytes"] if service.is_postgres else [])]
    return Service(
        name=name,
        command=(sys.executable, "-m", "stack.fault_proxy", *arguments),
        environment=_own_code(),
        port=ports[name],
        health=health,
        data_folder=None,
        working_folder=_PROJECT,
        render_id=_render_id("srv"),
        plan="free",
        needs=(service.name,),
    )


def _control_url(name: str, ports: Ports) -> str:
    return f"http://{HOST}:{ports[f'{name}-proxy-control']}"


def _balancer(port: int, settings: Mapping[str, str], command: str | None, needs: tuple[str, ...]) -> Service:
    words, environment, working_folder = balancer_process({**settings, "PORT": str(port)}, command)
    return Service(
        name=BALANCER,
        command=words,
        environment=environment,
        port=port,
        health=HttpHealth("/health"),
        data_folder=None,
        working_folder=working_folder,
        render_id=_render_id("srv"),
        plan="starter",
        needs=(POSTGRES, PRIMARY, REPLICA, SLACK_SINK, *needs),
        start_seconds=60.0,
    )


def balancer_process(variables: Mapping[str, str], command: str | None) -> tuple[tuple[str, ...], dict[str, str], Path]:
    """How the balancer is started: program and arguments, its whole environment, and the folder it is started in.

    Args:
        variables: the environment variables that it is configured by.
        command: takes the place of the reference balancer, as in :func:`expand_command`.

    Raises:
        StackError: the command can't be read.
    """
    return _program("stack.balancer", variables, command, BALANCER_COMMAND_VARIABLE)


def _monitor(port: int, settings: Mapping[str, str], command: str | None) -> Service:
    words, environment, working_folder = _program(
        "stack.monitor", {**settings, "PORT": str(port)}, command, MONITOR_COMMAND_VARIABLE
    )
    return Service(
        name=MONITOR,
        command=words,
        environment=environment,
        port=port,
        health=HttpHealth("/health"),
        data_folder=None,
        working_folder=working_folder,
        render_id=_render_id("srv"),
        plan="free",
    )


def _sync(name: str, port: int, settings: Mapping[str, str], command: str | None, needs: tuple[str, ...]) -> Service:
    variables = {**settings, "PORT": str(port), "WORKER_ID": name}
    words, environment, working_folder = _program("stack.sync", variables, command, SYNC_COMMAND_VARIABLE)
    return Service(
        name=name,
        command=(*words, "coordinator" if name == SYNC_COORDINATOR else "worker"),
        environment=environment,
        port=port,
        health=HttpHealth("/health"),
        data_folder=None,
        working_folder=working_folder,
        render_id=_render_id("srv"),
        plan="free",
        needs=(POSTGRES, *needs),
    )


def _program(
    module: str, variables: Mapping[str, str], command: str | None, variable: str
) -> tuple[tuple[str, ...], dict[str, str], Path]:
    """What starts a module of this project, or the command in its place: words, environment and working folder."""
    if command is None:
        return (sys.executable, "-m", module), _own_code(**variables), _PROJECT
    environment = _environment(**variables)
    return expand_command(command, environment, variable, tuple(variables)), environment, Path.cwd()


def expand_command(
    command: str,
    environment: Mapping[str, str],
    variable: str = BALANCER_COMMAND_VARIABLE,
    given: tuple[str, ...] = ("PORT", *_ADDRESSES, *BALANCER_SETTINGS),
) -> tuple[str, ...]:
    """Split a command as a shell would and put variables in; no shell runs it, so signals reach it.

    Args:
        command: what was given.
        environment: what its process gets.
        variable: what it was given by, for the message.
        given: what the stack itself puts into its environment, for the message.

    Raises:
        StackError: a quote is not closed, a variable is not set, or nothing is left.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in environment:
            gets = f"{', '.join(given)} and this shell's environment" if given else "this shell's environment"
            raise StackError(f"{variable} uses ${name}, which is not set; its process gets {gets}.")
        return environment[name]

    try:
        words = tuple(_REFERENCE.sub(value, word) for word in shlex.split(command))
    except ValueError as error:
        raise StackError(f"{variable}={command!r} can't be read as a command: {error}.") from None
    if not words:
        raise StackError(f"{variable} is set but empty; give a command, or unset it for the reference program.")
    return words
