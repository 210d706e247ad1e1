"""How bad the network is: the chance of each kind of fault, changing as time goes on.

Each spell of weather has a few kinds only, some of them often: faults that never meet each other
hide bugs, and so does a mixture of everything all the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

__all__ = ["CODES", "REQUEST_FAULTS", "WATCH_FAULTS", "Weather", "code_of"]

CODES = {
    401: "Unauthorized",
    403: "Forbidden",
    409: "Conflict",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
REQUEST_FAULTS = (
    *(f"refused-{code}" for code in CODES),
    "lost-answer",
    "lost-request",
    "slow-request",
    "slow-answer",
    "stale-list",
)
WATCH_FAULTS = (
    "gone-status",
    "gone-stream",
    "watch-cut",
    "watch-dropped",
    "watch-silent",
    "watch-late",
    "watch-reordered",
)
_OFTEN = {"watch-reordered": 0.6, "watch-late": 0.6, "stale-list": 0.9}
_RARELY = {"refused-401": 0.15, "refused-403": 0.15, "watch-silent": 0.3}
_USUAL = 0.35
_STORMS = (
    ("slow-answer",),
    ("lost-answer", "lost-request"),
    ("gone-stream", "watch-cut", "watch-dropped"),
    ("watch-late", "watch-reordered"),
)
_WORST = 0.5
_FEWEST, _MOST = 2, 6
_SHORTEST, _LONGEST = 20.0, 240.0
_CALM = 0.35


class Weather:
    """Draws the chances of the moment; everybody shares them."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._rates: Mapping[str, float] = {}

    def clear(self) -> None:
        """No faults any more."""
        self._rates = {}

    def change(self) -> tuple[float, str]:
        """The next spell: how long it lasts and what it is, in words."""
        rng = self._rng
        seconds = rng.uniform(_SHORTEST, _LONGEST)
        if rng.random() < _CALM:
            self._rates = {}
            return seconds, "calm"
        kinds = sorted(rng.sample((*REQUEST_FAULTS, *WATCH_FAULTS), rng.randint(_FEWEST, _MOST)))
        self._rates = {
            kind: rng.uniform(0.02, _OFTEN.get(kind, _RARELY.get(kind, _USUAL))) for kind in kinds
        }
        return seconds, self._told()

    def storm(self) -> str:
        """Much of what belongs together, and nothing else; gives it in words."""
        kinds = self._rng.choice(_STORMS)
        self._rates = {kind: self._rng.uniform(_USUAL, _WORST) for kind in kinds}
        return self._told()

    def _told(self) -> str:
        return ", ".join(f"{kind} {rate:.0%}" for kind, rate in self._rates.items())

    def strikes(self, kind: str) -> bool:
        """Whether a fault of this kind happens now."""
        rate = self._rates.get(kind)
        return rate is not None and self._rng.random() < rate

    def refusal(self, *, writes: bool, patches: bool) -> int:
        """The code with which a request is refused; 0: it is not."""
        for kind in self._rates:
            code = code_of(kind)
            if not code or (code == 409 and not patches) or (code == 422 and not writes):
                continue
            if self.strikes(kind):
                return code
        return 0


def code_of(kind: str) -> int:
    """The HTTP code of a kind of fault; 0 for the others."""
    return int(kind.removeprefix("refused-")) if kind.startswith("refused-") else 0
