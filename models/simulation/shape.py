"""How much of everything the simulator makes: plain numbers with their defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """Shares (0 to 1) and rates of a simulated history; the defaults make a believable project.

    `noise` is the chance that infrastructure fails any single attempt. `regressions` and
    `outages` are per 100 builds. `rerun_share` of the builds run a commit again; in `retry_share`
    of the builds failed tests are run up to `retries` more times. `drift` lets flake rates move,
    flaky tests appear and be mended, and durations grow. `oddities` are anomalies of metrics
    and logs per 10 days that are no incidents.
    """

    project_id: str = "demo"
    project_name: str = "Demo (simulated)"
    noise: float = 0.0005
    flaky_share: float = 0.02
    rate_low: float = 0.005
    rate_high: float = 0.20
    group_share: float = 0.25
    regressions: float = 4.0
    wide_share: float = 0.05
    outages: float = 1.0
    rerun_share: float = 0.25
    retry_share: float = 0.3
    retries: int = 2
    feature_share: float = 0.35
    aborted_share: float = 0.02
    skipped_share: float = 0.005
    new_share: float = 0.08
    drift: bool = True
    runners: int = 6
    oddities: float = 0.0
