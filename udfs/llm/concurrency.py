"""How many calls may be in flight: fewer after a refusal, more again after answers (AIMD).

A refusal (429) takes half a call off, an answer gives a twentieth of the maximum back for each round of calls. So the
loss is proportional to the *share* of calls that are refused, as in DCTCP (Alizadeh et al., SIGCOMM 2010): when all are
refused the number halves with every round, and 2 % of chance refusals cost nothing. Halving at any refusal, as TCP
does, would keep 200 calls in flight at about 33 there.
"""

_RECOVERY = 1 / 20


class Concurrency:
    """The number of calls in flight that one task allows itself at one endpoint."""

    def __init__(self, most: int) -> None:
        self._most = float(max(1, most))
        self._now = self._most

    @property
    def calls(self) -> int:
        """Calls that may be in flight, at least 1."""
        return int(self._now)

    def refused(self) -> None:
        """A call was refused by a rate limit."""
        self._now = max(1.0, self._now - 0.5)

    def answered(self) -> None:
        """A call was answered."""
        self._now = min(self._most, self._now + self._most * _RECOVERY / self._now)
