"""Faults through the control plane: written down, injected, proved; and undone, and proved again.

The control plane's word proves nothing here: it says "suspended" before the traffic stops. An instance is down when it
doesn't answer directly, and back when it does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from ..history import FaultKind
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..traffic import Sample, last_alive
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import listing
from .probing import probe

_TIMEOUT = timedelta(seconds=2)
_DOWN_WITHIN = timedelta(seconds=120)
_BACK_WITHIN = timedelta(seconds=300)
_EVERY = timedelta(milliseconds=20)
_CLOCKS = timedelta(seconds=2)
"""How far the control plane's clock may be from ours."""


def suspend(bed: Testbed, role: str) -> float:
    """Suspend an instance, or postgres, and prove that it doesn't answer; return the seconds that took.

    The moment the fault took effect is the last one the instance was seen alive; it is kept for later judgement.

    Raises:
        NotTested: if the environment forbids faults, or has no control plane.
        CouldNotObserve: if the fault can't be proved.
    """
    bed.require_faults()
    if role in bed.suspended:
        raise CouldNotObserve(f"the {role} is suspended already")
    service = bed.render.service(role)
    bed.ask(role, _TIMEOUT)
    entry = bed.undo.register(bed.render.url, service.kind, service.id, role)
    bed.suspended[role] = entry
    begin = time.monotonic()
    probing = probe(bed, role)
    try:
        bed.render.suspend(role)
        _wait(lambda: _last_failed(probing.samples(), 2), _DOWN_WITHIN, f"The suspended {role} is down")
        bed.render.wait_until_suspended(role, True, _DOWN_WITHIN)
    finally:
        samples = probing.stop()
    bed.faults.proved(FaultKind.SUSPENDED, role, last_alive(samples, begin), "direct probes have no answer")
    return time.monotonic() - begin


def resume(bed: Testbed, role: str) -> float:
    """Resume an instance and prove that it answers; return the seconds that took."""
    if role not in bed.suspended:
        raise CouldNotObserve(f"the {role} was not suspended by this run")
    begin = time.monotonic()
    bed.render.resume(role)
    bed.render.wait_until_suspended(role, False, _BACK_WITHIN)
    _wait(lambda: _answers(bed, role), _BACK_WITHIN, f"The resumed {role} answers")
    bed.undo.resolve(bed.suspended.pop(role))
    bed.faults.restored(role, begin, "a direct probe is answered")
    return time.monotonic() - begin


def resume_everything(bed: Testbed) -> None:
    """Resume whatever this run has suspended, and prove it.

    Raises:
        CouldNotObserve: after everything was tried, if something could not be resumed.
    """
    problems = []
    for role in list(bed.suspended):
        try:
            resume(bed, role)
        except CouldNotObserve as error:
            problems.append(error.sentence)
    if problems:
        raise CouldNotObserve(f"{listing(problems)}; the undo journal in results/undo keeps it")


def restart(bed: Testbed, role: str) -> float:
    """Restart an instance, and prove that it went away and answers again; return the seconds that took."""
    bed.require_faults()
    bed.instance(role).heartbeat(_TIMEOUT)
    begin = time.monotonic()
    probing = probe(bed, role)
    try:
        bed.render.restart(role)
        _wait(lambda: any(sample.value is None for sample in probing.samples()), _DOWN_WITHIN, f"The {role} goes away")
        _wait(lambda: _answers(bed, role), _BACK_WITHIN, f"The restarted {role} answers")
    finally:
        samples = probing.stop()
    bed.faults.proved(FaultKind.DOWN, role, last_alive(samples, begin), "direct probes had no answer")
    bed.faults.restored(role, time.monotonic(), "a direct probe is answered")
    return time.monotonic() - begin


def require_down(bed: Testbed, role: str) -> None:
    """Make sure that an instance doesn't answer now.

    Raises:
        CouldNotObserve: if it does: then the test's premise is gone.
    """
    if _answers(bed, role):
        raise CouldNotObserve(f"the {role} answers, so the outage that this test needs is not there")


def shows_events(bed: Testbed, role: str, events: Sequence[str]) -> None:
    """Wait until the control plane lists these events for an instance's service, since it was last broken.

    Raises:
        CouldNotObserve: if it was not broken by this run, or no event is named: then nothing would be checked.
    """
    broken_at = bed.faults.broken_at.get(role)
    if role not in ROLES or not events or broken_at is None:
        raise CouldNotObserve("no event is named, or the instance was not suspended, so nothing would be checked")
    poll(
        lambda: bed.render.event_types(role, broken_at - _CLOCKS),
        lambda seen: set(events) <= set(seen),
        within=timedelta(seconds=10),
        patient=True,
        every=timedelta(milliseconds=500),
        what=f"The control plane shows {listing(list(events))} for the {role}",
        describe=lambda seen: listing(seen[:6]) or "no event",
        verdict=VerdictClass.UNLOGGED,
    )


def _last_failed(samples: Sequence[Sample[bool]], number: int) -> bool:
    """Whether the last few direct probes all had no answer."""
    last = samples[-number:]
    return len(last) == number and all(sample.value is None for sample in last)


def _answers(bed: Testbed, role: str) -> bool:
    """Whether a service answers directly as it should. Anything else is down."""
    try:
        bed.ask(role, _TIMEOUT)
    except CouldNotObserve:
        return False
    return True


def _wait(condition: Callable[[], bool], within: timedelta, what: str) -> None:
    try:
        poll(
            condition,
            bool,
            within=within,
            patient=True,
            every=_EVERY,
            what=what,
            describe=lambda held: "so" if held else "not so",
        )
    except NotMet as error:
        raise CouldNotObserve(error.sentence) from None
