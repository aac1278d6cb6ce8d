"""Collateral damage: collections that are not ours are, after the run, what they were before it."""

from __future__ import annotations

from ..data_types import Role
from ..history import Moment
from ..verdict import VerdictClass
from .findings import Checked, Finding, untested
from .view import View


def check(view: View) -> Checked:
    """Return the collections that were changed or are gone. New ones are somebody else's business."""
    digests = {(one.instance, one.moment): one.collections for one in view.history.digests}
    findings = []
    compared = 0
    for role in Role:
        before, after = digests.get((role, Moment.BEFORE)), digests.get((role, Moment.AFTER))
        if before is None or after is None:
            return Checked(gaps=(untested(f"Collections that are not ours were not compared on the {role.value}"),))
        for name in sorted(before.keys() - set(view.names)):
            compared += 1
            if name not in after:
                sentence = f"Collection {name}, which is not ours, is gone from the {role.value}"
            elif after[name] != before[name]:
                sentence = f"Collection {name}, which is not ours, was changed on the {role.value}"
            else:
                continue
            findings.append(Finding(VerdictClass.COLLATERAL, sentence))
    gaps = () if compared else (untested("There was no collection but ours, so nothing could be damaged"),)
    return Checked(tuple(findings), gaps)
