"""InfluxDB 1.x as `/query` answers: a chunk a series, one JSON object a line."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from contract_case import Case, Changed
from loopback import Asked, Loopback, Reply, missing

from ingest.sources.influxdb import Influxdb

STEP, SIZE = 3600, 10
PARTIAL = {"partial": True}
QUERY = 'SELECT mean("usage") FROM "cpu" WHERE {time} GROUP BY time({step}), *'
ASKED = re.compile(
    r'SELECT mean\("usage"\) FROM "cpu" WHERE time >= (\d+)s AND time < (\d+)s '
    rf"GROUP BY time\({STEP}s\), \*"
)


@dataclass
class World(Loopback):
    """Means by host and step, the last of them some steps ago."""

    values: dict[str, dict[int, float]] = field(default_factory=dict)
    last: int = field(default_factory=lambda: int(time.time()) // STEP * STEP - 5 * STEP)

    def add(self, count: int, *hosts: str) -> None:
        for host in hosts:
            steps = range(self.last - (count - 1) * STEP, self.last + STEP, STEP)
            self.values[host] = {step: step % 7 / 2 for step in steps}

    def fill(self) -> None:
        self.add(34, "a", "b")

    def expected(self) -> dict[str, int]:
        return {"core.metric_points": sum(map(len, self.values.values()))}

    def change(self) -> Changed:
        self.values["b"][self.last + STEP] = 12.5
        series = 'cpu{_field="mean",_measurement="cpu",host="b"}'
        return Changed("core.metric_points", "value > 10", "series", series)

    def delete(self) -> None:
        """Values stay."""

    def headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json", "X-Influxdb-Version": "1.6.7"}

    def answer(self, asked: Asked) -> Reply:
        if asked.path != "query" or asked.query["db"] != "shop":
            return missing()
        if asked.query["q"].startswith("SHOW"):
            policy = ["autogen", "720h0m0s", "24h0m0s", 1, True]
            columns = ["name", "duration", "shardGroupDuration", "replicaN", "default"]
            return told([{"columns": columns, "values": [policy]}])
        assert (asked.query["epoch"], asked.query["chunked"]) == ("ns", "true")
        found = ASKED.fullmatch(asked.query["q"])
        assert found
        return told(list(self.means(int(found[1]), int(found[2]))))

    def means(self, start: int, stop: int) -> Iterator[dict]:
        """Yield a series a host, with nulls for the steps between that have no value."""
        for host, values in self.values.items():
            if any(start <= at < stop for at in values):
                cells = [[at * 10**9, values.get(at)] for at in range(start, stop, STEP)]
                yield {"name": "cpu", "tags": {"host": host}, "columns": ["time", "mean"],
                       "values": cells}  # fmt: skip


def told(series: list[dict]) -> Reply:
    chunks = [
        {"results": [{"statement_id": 0, "series": [one]} | ({} if one is series[-1] else PARTIAL)]}
        for one in series
    ]
    lines = map(json.dumps, chunks or [{"results": [{"statement_id": 0}]}])
    return 200, "".join(f"{line}\n" for line in lines).encode(), {}


def page(world: World, count: int) -> dict[str, int]:
    world.add(count, "a")
    return world.expected()


CASE = Case(
    source=Influxdb,
    world=World,
    main="query?",
    options=lambda url: {
        "url": url, "database": "shop", "queries": {"cpu": QUERY}, "step_s": STEP, "points": SIZE,
        "days": 2, "delay_s": 0,
    },
    secret={"user": "bot", "token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=SIZE,
)  # fmt: skip
