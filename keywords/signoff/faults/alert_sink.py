"""An alert channel that fails or hangs, and is heard again."""

from __future__ import annotations

from ..testbed import Testbed
from ..verdict import CouldNotObserve


def silence(bed: Testbed, mode: str) -> None:
    """Make the place where alerts arrive fail, hang or reset; what arrives proves that it does.

    Raises:
        NotTested: if the environment has none.
        CouldNotObserve: if it does already, or doesn't do that.
    """
    bed.require_faults()
    alerts = bed.alerts
    if bed.silent_sink is not None:
        raise CouldNotObserve("the alert sink takes no alerts already")
    bed.silent_sink = bed.undo.register_sink(alerts.url)
    alerts.behave(mode)


def hear(bed: Testbed) -> None:
    """Let it take alerts again; nothing if it does.

    Raises:
        CouldNotObserve: if it doesn't do that.
    """
    if bed.silent_sink is None:
        return
    bed.silent_sink.undo()
    bed.undo.resolve(bed.silent_sink)
    bed.silent_sink = None
