"""The tables of golive.toml that are not projects, sources or targets: their keys and defaults."""

from __future__ import annotations

from dataclasses import dataclass

from golive_core.endpoint import Model


@dataclass(frozen=True, slots=True)
class Rates:
    """What time costs, in US dollars; 0 means unknown and no cost is shown."""

    usd_per_machine_minute: float = 0.008
    usd_per_person_hour: float = 60.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What counts as a failed deployment and as rework, for DORA's metrics.

    A deployment failed if an incident began within `incident_hours` after it, if it was rolled
    back, or if a hotfix followed within that time. `hotfix` is a regular expression that finds a
    hotfix by the name of its branch and the subject of its commit, both in small letters.
    """

    incident_hours: int = 24
    hotfix: str = "(^|[^a-z])(hot-?fix|revert|roll-?back)"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept: raw payloads, Dagster runs, files that no table version needs."""

    raw_days: int = 365
    evidence_days: int = 30
    runs_days: int = 30
    vacuum_hours: int = 168


@dataclass(frozen=True, slots=True)
class Monitor:
    """Journeys and checks that run on a schedule against what is in operation."""

    name: str
    project_id: str
    paths: tuple[str, ...]
    schedule: str = "*/15 * * * *"
    browser: str = "chromium"
    evidence: str = "failed"
    environment: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True)
class Lake:
    """Where the lake is: `s3://bucket/prefix` for one that several machines share, "" for here.

    `endpoint` is the address of a store other than AWS's (MinIO, Ceph), `region` the bucket's.
    Keys come from AWS_* variables, a profile, or the role of the machine or pod.
    """

    location: str = ""
    endpoint: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Database:
    """The PostgreSQL that several gateways share; "" keeps files in the home.

    `url` is `env:NAME` (or `file:`, `sealed:`) of `postgresql://user:password@host:5432/golive`, or
    such an address without a password. Inbox, users, sessions, tokens, security events are there;
    Dagster's runs too where `dagster` is true.
    """

    url: str = ""
    dagster: bool = False


@dataclass(frozen=True, slots=True)
class Ports:
    """Where `golive up` listens, on 127.0.0.1 alone."""

    gateway: int = 8000
    dashboards: int = 8501
    dagster: int = 3000


@dataclass(frozen=True, slots=True)
class SignIn:
    """The OpenID provider that lets people in; without `issuer` there is none.

    `client_secret` is a reference. `admins` and the others are values of the claim `role_claim`,
    separated by commas; who has none of them gets `default_role`, and nothing where that is "".
    """

    issuer: str = ""
    client_id: str = ""
    client_secret: str = ""
    label: str = "Sign in with your organisation"
    role_claim: str = ""
    admins: str = ""
    developers: str = ""
    testers: str = ""
    viewers: str = ""
    default_role: str = ""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where the key of sealed secrets is: `env:NAME`, `file:PATH`, `command:LINE`; "" has none."""

    key: str = ""


@dataclass(frozen=True, slots=True)
class Gateway:
    """How the gateway is reached and how much of it one caller may have.

    `url` is where people reach GoLive behind a front door (`deploy/nginx`), "" without one. Limits
    are `<count>/<minute or second or hour>`, of one address or one token; `store` is where they are
    counted: memory, or `env:NAME` of a Redis address (`redis://host:6379/0`) for several gateways.
    `origins` are pages elsewhere whose scripts may read the API, with a token and never with the
    session: `https://wiki.example.org`, several between spaces.
    """

    url: str = ""
    origins: str = ""
    requests: str = "600/minute"
    webhooks: str = "6000/second"
    sign_ins: str = "20/minute"
    refusals: str = "100/minute"
    store: str = "memory"
    concurrent: int = 200


Section = (
    Rates | Delivery | Retention | Lake | Database | Ports | Gateway | Secrets | SignIn | Model
)
