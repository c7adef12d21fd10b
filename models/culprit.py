"""Which commit broke it: a Bayesian search that bears verdicts which are sometimes wrong.

A hypothesis (`models/commit_range.py`) says where the test is broken. A run fails by mistake with
the false-fail rate where it is not broken, and passes by mistake with the false-pass rate where it
is. Both rates are unknown, with mixtures of Betas as priors. Given a hypothesis the runs fall into
those at broken and at sound places, so that both rates integrate out in closed form
(Beta-binomial), and the rates are learnt while the search runs.

The next run is where the verdict tells most about the hypothesis: the mutual information

    I(x) = H(sum_h p_h q_hx) - sum_h p_h H(q_hx),    q_hx = P(it fails at place x | h, runs so far)

which is O(n) for all places of a line by prefix sums, since q_hx has one of two values for each h.
On a line with known, equal rates this is the probabilistic bisection of Horstein (1963), optimal
for it (Jedynak, Frazier & Sznitman 2012); Ben-Or & Hassidim (2008) show that such a search takes
(1 - delta) log2(n) / C runs and a little more, C the capacity of the channel: 0.531 bits a run for
10 % wrong verdicts. See also Karp & Kleinberg (2007), Waeber, Frazier & Henderson (2013).

Nothing here runs anything. The runs are driven by `golive_runner/bisect.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

import numpy as np
from scipy import special

from models.beta import Floats, Mixture, shape_of
from models.commit_range import Bools, CommitRange

Kind = Literal["commit", "group", "before", "none", "unsure"]
DOUBT = 0.01
"""Prior of each end not being what it is said to be: broken before, or not broken at all."""
STEADY = shape_of(0.001, 200.0)
"""Most tests tell the truth, nearly always ..."""
SHAKY = shape_of(0.1, 10.0)
"""... and the others are wrong in about one run in ten."""
SHAKY_SHARE = 0.35
KNOWN_RUNS = 30.0
"""What a rate known from the past is worth, in runs: the code has changed since."""
TELLS = 1e-4
"""Bits below which a run is not worth making."""


def default_rates() -> Mixture:
    """Return what is thought of a rate of wrong verdicts of a test that nothing is known of."""
    weight = np.array([1 - SHAKY_SHARE, SHAKY_SHARE])
    return Mixture(weight, np.array([STEADY[0], SHAKY[0]]), np.array([STEADY[1], SHAKY[1]]))


def known_rate(rate: float, runs: float = KNOWN_RUNS) -> Mixture:
    """Return the prior for a rate seen in the past, worth so many runs.

    The rate of predictions.flaky is one; 0 and 1 are moved inwards by half a run.
    """
    edge = 0.5 / runs
    a, b = shape_of(float(np.clip(rate, edge, 1 - edge)), runs)
    return Mixture(np.ones(1), np.array([a]), np.array([b]))


@dataclass(frozen=True)
class Answer:
    """What the search knows: `kind`, the probability of it, and the places it names.

    commit    one commit broke it
    group     one of these did: what would tell them apart cannot be tested
    before    it failed at the good end already
    none      nothing broke it: the failure at the bad end was a wrong verdict
    unsure    no hypothesis is probable enough yet; `places` has the likeliest commit, if any
    """

    kind: Kind
    probability: float
    places: tuple[int, ...] = ()


@dataclass
class Search:
    """A search under way over `commits`; `weights` is the prior per commit, shape `(n,)`.

    `confidence` is the posterior at which it ends. Results go in through `observe` and `skip`, in
    any order; `next_place` says where to run, `answer` what is known.
    """

    commits: CommitRange
    weights: Floats | None = None
    confidence: float = 0.95
    false_fail: Mixture = field(default_factory=default_rates)
    false_pass: Mixture = field(default_factory=default_rates)
    doubt: float = DOUBT

    def __post_init__(self) -> None:
        n = self.commits.order.size
        weights = np.ones(n) if self.weights is None else np.asarray(self.weights, dtype=np.float64)
        inside = weights / weights.sum() * (1 - 2 * self.doubt)
        with np.errstate(divide="ignore"):
            self._prior = np.log(np.concatenate([[self.doubt], inside, [self.doubt]]))
        # Runs by hypothesis: at sound places (failed, all), at broken ones (passed, all).
        self._sound = np.zeros((2, n + 2))
        self._broken = np.zeros((2, n + 2))
        self.testable: Bools = np.ones(n + 1, dtype=np.bool_)
        self.failed, self.passed = np.zeros(n + 1), np.zeros(n + 1)
        self._skipped: list[int] = []

    def observe(self, place: int, *, failed: float = 0, passed: float = 0) -> None:
        """Take in runs at a place: so many failed, so many passed."""
        inside = self.commits.order.contains(place)
        runs = failed + passed
        self._sound += np.where(inside, 0.0, np.array([[failed], [runs]]))
        self._broken += np.where(inside, np.array([[passed], [runs]]), 0.0)
        self.failed[place] += failed
        self.passed[place] += passed
        self._skipped.clear()

    def skip(self, place: int) -> None:
        """Take in that the place cannot be tested; it is not asked about again."""
        self.testable[place] = False
        self._skipped.append(place)

    def posterior(self) -> Floats:
        """Return the probability of each hypothesis, shape `(n + 2,)`: before, commits, none."""
        logs = (
            self._prior
            + self.false_fail.log_evidence(*self._sound)
            + self.false_pass.log_evidence(*self._broken)
        )
        return np.exp(logs - np.asarray(special.logsumexp(logs)))

    def rates(self) -> tuple[float, float]:
        """Return the expected false-fail and false-pass rate."""
        posterior, (wrong, right) = self.posterior(), self._fails()
        return float(posterior @ wrong), float(posterior @ (1 - right))

    def _fails(self) -> tuple[Floats, Floats]:
        """Return P(the next run fails) at a sound and at a broken place, by hypothesis."""
        wrong = self.false_fail.posterior(*self._sound).mean()
        return wrong, 1 - self.false_pass.posterior(*self._broken).mean()

    def gains(self) -> Floats:
        """Return the bits that a run at each place is expected to tell, shape `(n + 1,)`."""
        p, (sound, broken) = self.posterior(), self._fails()
        moved = np.stack([p * (broken - sound), p * (entropy(broken) - entropy(sound))])
        fails, rest = self.commits.order.mass(moved)
        fails, rest = fails + p @ sound, rest + p @ entropy(sound)
        return np.maximum(entropy(np.clip(fails, 0, 1)) - rest, 0.0)

    def next_place(self, pending: Sequence[int] = ()) -> int | None:
        """Return where to run next while others are `pending`; None if no run would tell anything.

        Behind commits that could not be tested it goes further away, the more of them in a row:
        what breaks a build often spans many commits.
        """
        gains = np.where(self.testable, self._gains_behind(pending), 0.0)
        if float(gains.max()) < TELLS:
            return None
        for place in self._skipped:
            far = np.abs(np.arange(len(gains)) - place)
            gains = gains * far / (far + len(self._skipped))
        return int(gains.argmax())

    def _gains_behind(self, pending: Sequence[int]) -> Floats:
        """Return the expected gains once the pending runs have ended, over all their verdicts."""
        if not pending:
            return self.gains()
        total = np.zeros(self.commits.order.size + 1)
        for verdicts in product((False, True), repeat=len(pending)):
            then, share = self._copy(), 1.0
            for place, is_failed in zip(pending, verdicts, strict=True):
                fails = then.fails_at(place)
                share *= fails if is_failed else 1 - fails
                then.observe(place, failed=is_failed, passed=not is_failed)
            total += share * then.gains()
        return total

    def fails_at(self, place: int) -> float:
        """Return the probability that the next run at a place fails."""
        sound, broken = self._fails()
        return float(self.posterior() @ np.where(self.commits.order.contains(place), broken, sound))

    def _copy(self) -> Search:
        made = Search(
            self.commits, self.weights, self.confidence, self.false_fail, self.false_pass,
            self.doubt,
        )  # fmt: skip
        made._sound, made._broken = self._sound.copy(), self._broken.copy()
        made.testable = self.testable.copy()
        return made

    def answer(self) -> Answer:
        """Return what is known by now."""
        posterior = self.posterior()
        best = int(posterior.argmax())
        if posterior[best] >= self.confidence:
            return Answer(self._kind(best), float(posterior[best]), self._places([best]))
        if not self.testable.all():
            labels = self.commits.order.classes(self.testable)
            likely = int(np.bincount(labels, weights=posterior).argmax())
            members = np.flatnonzero(labels == likely).tolist()
            mass = float(posterior[members].sum())
            if mass >= self.confidence and self._places(members):
                return Answer("group", mass, self._places(members))
        return Answer("unsure", float(posterior[best]), self._places([best]))

    def _kind(self, hypothesis: int) -> Kind:
        ends: dict[int, Kind] = {0: "before", self.commits.order.size + 1: "none"}
        return ends.get(hypothesis, "commit")

    def _places(self, hypotheses: Iterable[int]) -> tuple[int, ...]:
        return tuple(h for h in hypotheses if 0 < h <= self.commits.order.size)


def entropy(p: Floats) -> Floats:
    """Return the entropy of coins that fall with chance `p`, in bits."""
    return (special.entr(p) + special.entr(1 - p)) / np.log(2)
