"""The balancer's settings: unusable ones stop its start, usable ones show their effect."""

from __future__ import annotations

import secrets

from robot.api import logger
from robot.api.deco import keyword, library

from evidence import record
from signoff.checks import batching, configuration
from signoff.checks.configuration import Mistake
from signoff.ports import unused_port
from signoff.testbed import current
from signoff.verdict import CouldNotObserve
from signoff.words import count

_SECRET = ("DATABASE_URL", "SLACK_WEBHOOK_URL")


@library(scope="GLOBAL", version="1.0", doc_format="ROBOT", auto_keywords=False)
class ConfigurationLibrary:
    """What the balancer makes of its environment variables, on a deployment of the test's own.

    A start is tried with the very command that the local stack starts its balancer by, so also with one that
    SIGNOFF_BALANCER_COMMAND names. Effects are seen from outside: in the status, in time, and in the requests that
    pass the fault proxies before the instances.
    """

    # ---------------------------------------------------------------- refused starts

    @keyword(tags=["Check"])
    def start_should_be_refused(self, *allowed: str, **settings: str) -> None:
        """Checks that the balancer doesn't start with this setting, and says so in one line.

        | Start Should Be Refused    0    READ_REPLICA_RATIO=-1

        The line must name the variable, its value (unless that is secret), and all the words in ``allowed``.
        """
        if len(settings) != 1:
            raise CouldNotObserve("Start Should Be Refused takes one setting, as NAME=VALUE")
        mistakes = [Mistake(name, value, allowed, name in _SECRET) for name, value in settings.items()]
        said = configuration.refused(current(), mistakes)
        logger.info(said)
        record(evidence="settings that can't be used refused, each named with what is allowed")

    @keyword(tags=["Check"])
    def every_mistake_should_be_named_at_once(self, **settings: str) -> None:
        """Checks that the balancer doesn't start with these settings, and names each of them, and its value, at once.

        An empty value means that the variable is not set.
        """
        mistakes = [Mistake(name, value, (), name in _SECRET) for name, value in settings.items()]
        configuration.refused(current(), mistakes)
        record(evidence=f"{count(len(mistakes), 'mistake')} named at once")

    @keyword(tags=["Check"])
    def secrets_should_not_be_shown_by_a_refusal(self) -> None:
        """Checks that a refused start shows no password, of an address that is no database and of one that nobody
        answers, and nothing of a webhook's address."""
        password = secrets.token_hex(8)
        wrong = [
            Mistake("DATABASE_URL", f"mysql://signoff:{password}@127.0.0.1/signoff", ("postgresql",), secret=True),
            Mistake("SLACK_WEBHOOK_URL", f"hooks.slack.com/services/T0/B0/{password}", ("http",), secret=True),
        ]
        configuration.refused(current(), wrong)
        record(evidence="no credential shown by a refusal")

    @keyword(tags=["Check"])
    def unreachable_database_should_stop_the_start(self) -> None:
        """Checks that the balancer doesn't start when nobody answers at DATABASE_URL, and shows no password."""
        nobody = f"postgresql://signoff:{secrets.token_hex(8)}@127.0.0.1:{unused_port()}/signoff"
        said = configuration.refused(current(), [Mistake("DATABASE_URL", nobody, secret=True)])
        logger.info(said)
        record(evidence="a database that nobody answers at stops the start")

    # ---------------------------------------------------------------- effects

    @keyword(tags=["Check"])
    def mode_should_be_configured(self) -> None:
        """Checks that the status shows the sync mode that the deployment of its own was started with."""
        record(measured=configuration.mode(current()))

    @keyword(tags=["Check"])
    def tasks_should_be_of_the_configured_mode(self, collection: str) -> None:
        """Checks by the tasks of distributed sync that SYNC_MODE decided who brought what an instance owed.

        ``distributed``: the collection was cut into tasks; ``traditional``: there is no task at all.
        """
        record(measured=configuration.tasks_of_mode(current(), collection))

    @keyword(tags=["Check"])
    def balancer_should_listen_on_its_port(self) -> None:
        """Checks that the balancer listens, and serves, on the PORT that its process was given."""
        record(evidence=configuration.listens(current()))

    @keyword(tags=["Check"])
    def requests_should_time_out_as_configured(self, collection: str) -> None:
        """Checks that a read and a write are answered with 503 after REQUEST_TIMEOUT.

        The ways to both instances have to be disturbed, so that neither answers in time.
        """
        record(measured=configuration.times_out(current(), collection))

    @keyword(tags=["Check"])
    def reads_should_be_admitted_as_configured(self, collection: str) -> None:
        """Checks that, of many reads at once, MAX_CONCURRENT_REQUESTS are at work, REQUEST_QUEUE_SIZE wait, and the
        others are refused. The ways to both instances have to be slow."""
        record(measured=configuration.admitted(current(), collection))

    @keyword(tags=["Check", "Destructive"])
    def refused_writes_should_be_tried_again_as_configured(self, collection: str) -> None:
        """Lets the replica refuse a write, and checks that it is tried again every WAL_SYNC_INTERVAL."""
        current().require_faults()
        record(measured=configuration.tried_again(current(), collection))

    @keyword(tags=["Check"])
    def catching_up_should_take_batches_of_at_most(self, documents: int, collection: str) -> None:
        """Resumes the replica, and checks by the number of requests that no batch it is sent has more documents.

        It has to be suspended, and to owe documents that were each written alone.
        """
        record(measured=configuration.caught_up_in_batches(current(), collection, documents))

    @keyword(tags=["Check"])
    def memory_should_be_measured(self) -> None:
        """Checks that the memory in the status is that of the balancer's processes, as a share of MAX_MEMORY_MB."""
        record(measured=configuration.memory_measured(current()))

    @keyword(tags=["Check", "Wait"])
    def memory_should_be_looked_at_as_configured(self) -> None:
        """Checks that memory above MEMORY_THRESHOLD_PERCENT is counted once every RESOURCE_CHECK_INTERVAL."""
        record(measured=configuration.looked_at_memory(current()))

    # ---------------------------------------------------------------- batches and memory

    @keyword(tags=["Check", "Wait"])
    def batches_should_shrink(self) -> None:
        """Waits until the batch size is an eighth of the configured one at most, and memory pressure was counted.

        Status and metrics have to say so.
        """
        record(measured=batching.shrink(current()))

    @keyword(tags=["Check"])
    def batches_should_stay_as_configured(self) -> None:
        """Checks for five RESOURCE_CHECK_INTERVALs that the batch size is as configured and no pressure is counted."""
        record(measured=batching.stay(current()))

    @keyword(tags=["Check"])
    def catching_up_should_take_small_batches(self, collection: str) -> None:
        """Resumes the replica, and checks that no batch it is sent is larger than the status says, and that the memory
        of the balancer's processes hardly grows.

        It has to be suspended, and to owe documents that were each written alone.
        """
        record(measured=batching.catch_up_small(current(), collection))

    @keyword(tags=["Check"])
    def catching_up_should_take_large_batches(self, collection: str) -> None:
        """Resumes the replica, and checks that the documents it owes come many at a time."""
        record(measured=batching.catch_up_large(current(), collection))
