"""What a claim of "no violation" rests on: how many things were judged, and what so many are worth."""

from __future__ import annotations

from dataclasses import dataclass

from ..words import count


@dataclass(frozen=True, slots=True)
class Claim:
    """How many things a checker has judged.

    Attributes:
        number: how many.
        noun, plural: what they are: "receipt"; the plural if it is not the noun with an s.
        detail: what else there is to say of them.
        trials: whether each is a trial of its own. Samples of one state, a moment apart, are not.
    """

    number: int
    noun: str
    plural: str = ""
    detail: str = ""
    trials: bool = True

    def sentence(self, violations: int) -> str:
        """Return what so many violations in so many things say, without a full stop.

        None in n trials means a true rate of at most 3/n, at a confidence of 95 % (the rule of three).
        """
        said = f"{count(violations, 'violation')} in {count(self.number, self.noun, self.plural)}"
        if self.detail:
            said += f" ({self.detail})"
        if self.trials and not violations and self.number > 3:
            said += f": at most {300 / self.number:.2g} % at 95 %"
        return said
