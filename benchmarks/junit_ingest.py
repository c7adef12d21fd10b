"""JUnit reports into committed lake tables, against reading the bytes and against junitparser.

    python benchmarks/junit_ingest.py [--files 1000] [--cases 1000] [--distinct] [--small]

Every figure is of a whole process, start and imports included, and of its children. junitparser
only parses; GoLive pulls, stores the bodies, parses, numbers attempts, signs failures and commits.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

FILES_A_RUN = 25


def report(run: int, module: int, cases: int, *, distinct: bool) -> str:
    """Return one report: 3 % failures, .5 % errors, 2.5 % skipped, 5 % with output."""
    dice = random.Random(run * 1_000 + module)
    at = datetime(2024, 5, 1, tzinfo=UTC) + timedelta(hours=2 * run)
    name = f"com.example.module{module:02}.ModuleTest"
    mark = f"_{run}" if distinct else ""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuite name="{name}" tests="{cases}" failures="{cases * 3 // 100}" errors="1" '
        f'time="{cases / 100:.3f}" timestamp="{at:%Y-%m-%dT%H:%M:%SZ}">\n'
    ]
    for n in range(cases):
        head = (
            f'  <testcase name="shouldDoWhatItSays_{n}{mark}" '
            f'classname="com.example.module{module:02}.pkg{n // 50}.SomeServiceTest{n // 20}" '
            f'time="{dice.random():.3f}"'
        )
        lines.append(head + ending(dice, n) + "\n")
    return "".join([*lines, "</testsuite>\n"])


def ending(dice: random.Random, case: int) -> str:
    """Return what stands behind the attributes of a case."""
    draw = dice.random()
    if draw < 0.03:
        frames = "\n".join(
            f"\tat com.example.pkg{case % 7}.Class{k}.method{k}(Class{k}.java:{10 * k + case % 9})"
            for k in range(14)
        )
        text = f"expected:&lt;{dice.randrange(99)}&gt; but was:&lt;{dice.randrange(99)}&gt;"
        return (
            f'><failure message="{text}" type="java.lang.AssertionError">'
            f"java.lang.AssertionError: {text}\n{frames}</failure></testcase>"
        )
    if draw < 0.035:
        trace = f"java.lang.NullPointerException\n\tat com.example.Class.method(Class.java:{case})"
        return (
            f'><error message="null" type="java.lang.NullPointerException"><![CDATA[{trace}]]>'
            "</error></testcase>"
        )
    if draw < 0.06:
        return '><skipped message="not on this platform"/></testcase>'
    if draw < 0.11:
        return f"><system-out>connected to {dice.random()}\nclosed</system-out></testcase>"
    return "/>"


def generate(folder: Path, files: int, cases: int, *, distinct: bool) -> int:
    """Write the corpus, FILES_A_RUN reports a run; return its size in bytes."""
    size = 0
    for nth in range(files):
        run, module = divmod(nth, FILES_A_RUN)
        path = folder / f"run-{run:04}" / f"TEST-module{module:02}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        size += path.write_text(report(run, module, cases, distinct=distinct))
    return size


READ = """
import pathlib, sys
count = 0
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.xml")):
    count += path.read_bytes().count(b"<testcase")
print(count)
"""
JUNITPARSER = """
import pathlib, sys
from junitparser import JUnitXml
count = 0
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.xml")):
    for suite in JUnitXml.fromfile(str(path)):
        for case in suite:
            count += 1 if case.name and case.classname and case.time is not None else 0
            for result in case.result:
                result.type, result.message, result.text
print(count)
"""
GOLIVE = """
import os, pathlib, sys, time
from assets.load import ingest
from golive_core.lake import Lake
from golive_core.settings import Instance
from ingest.source import Context
from ingest.sources.junit import JunitSource

base, home = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
instance = Instance(name="reports", type="junit", project_id="bench",
                    options={"paths": ["**/*.xml"]})
context = Context(home=home, base=base)
def spent():
    return sum(os.times()[:4])

if __name__ == "__main__":
    cpu, wall = spent(), time.perf_counter()
    done = ingest(Lake(home / "lake"), JunitSource(instance, context), instance, context=context)
    if done.error:
        raise done.error
    cpu, wall = spent() - cpu, time.perf_counter() - wall
    results = done.conform.tables.get("core.test_results")
    print(results.new if results else 0, "rows new,",
          sum(t.files for t in done.conform.tables.values()), "files written,",
          done.conform.rejected, f"rejected; without imports: {wall:.2f} s, {cpu:.2f} CPU s")
"""
METER = """
import json, os, resource, runpy, sys, time
import atexit
def meter():
    own, children = (resource.getrusage(who) for who in
                     (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024
    print(json.dumps({"cpu": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
                      "peak": peak, "child": children.ru_maxrss // 1024}), file=sys.stderr)
atexit.register(meter)
"""


def measured(script: str, folder: Path, *args: str) -> dict[str, float | str]:
    """Run a script in a process of its own; return wall, CPU, memory and what it printed."""
    path = folder / "case.py"
    path.write_text(METER + script)
    root = str(Path(__file__).resolve().parent.parent)
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(path), *args],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    wall = time.perf_counter() - started
    found = json.loads(done.stderr.strip().splitlines()[-1])
    return {"wall": wall, **found, "said": done.stdout.strip()}


def main() -> None:
    """Generate, run the cases in turn, print the table and the ratios."""
    options = parsed()
    work = Path(tempfile.mkdtemp(prefix="golive-junit-"))
    try:
        run(options, work)
    finally:
        shutil.rmtree(work)


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--cases", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--distinct", action="store_true", help="no test name occurs twice")
    parser.add_argument("--small", action="store_true", help="100 files, once")
    options = parser.parse_args()
    if options.small:
        options.files, options.repeat = 100, 1
    return options


def run(options: argparse.Namespace, work: Path) -> None:
    """Measure in turn and print."""
    corpus = work / "corpus"
    size = generate(corpus, options.files, options.cases, distinct=options.distinct)
    cases = options.files * options.cases
    kind = "distinct" if options.distinct else "repeated"
    print(f"{options.files:,} files, {cases:,} cases, {size / 1e6:.0f} MB, {kind} names")
    print(f"n = {options.repeat}, load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")
    found: dict[str, list[dict[str, float | str]]] = {}
    for nth in range(options.repeat):
        home = work / f"home-{nth}"
        for name, script, args in (
            ("read the bytes", READ, ()),
            ("junitparser, parse only", JUNITPARSER, ()),
            ("GoLive into the lake", GOLIVE, (str(home),)),
            ("GoLive, unchanged", GOLIVE, (str(home),)),
        ):
            found.setdefault(name, []).append(measured(script, work, str(corpus), *args))
        shutil.rmtree(home)
    show(found, cases)


def inner_cpu(said: str) -> float:
    """Return the CPU seconds that the script measured itself."""
    return float(said.split()[-3])


def show(found: dict[str, list[dict[str, float | str]]], cases: int) -> None:
    """Print the table and the ratios."""
    middle = {
        name: {key: statistics.median(float(one[key]) for one in ones)
               for key in ("wall", "cpu", "peak", "child")}
        for name, ones in found.items()
    }  # fmt: skip
    print(f"{'case':26}{'wall s':>8}{'CPU s':>8}{'cases/s':>12}{'cases/CPU s':>13}{'peak MB':>9}")
    for name, one in middle.items():
        print(
            f"{name:26}{one['wall']:8.2f}{one['cpu']:8.2f}{cases / one['wall']:12,.0f}"
            f"{cases / one['cpu']:13,.0f}{max(one['peak'], one['child']):9.0f}"
        )
    for name, ones in found.items():
        print(f"{name}: said {ones[-1]['said']}")
    ours, again = middle["GoLive into the lake"], middle["GoLive, unchanged"]
    peer, limit = middle["junitparser, parse only"], middle["read the bytes"]
    print(f"ratio cases per CPU second, GoLive / junitparser: {peer['cpu'] / ours['cpu']:.2f}")
    print(f"ratio cases per second, GoLive / junitparser: {peer['wall'] / ours['wall']:.2f}")
    print(f"ratio wall, GoLive / reading the bytes: {ours['wall'] / limit['wall']:.1f}")
    print(f"ratio CPU, unchanged / first run: {again['cpu'] / ours['cpu']:.3f}")
    print(f"ratio wall, unchanged / first run: {again['wall'] / ours['wall']:.3f}")
    inner = [inner_cpu(str(found[name][-1]["said"])) for name in list(found)[-2:]]
    print(f"ratio CPU, unchanged / first run, without imports: {inner[1] / inner[0]:.3f}")
    both = ours["peak"] + ours["child"]
    print(f"memory: parent {ours['peak']:.0f} MB, worker {ours['child']:.0f} MB, sum {both:.0f} MB")


if __name__ == "__main__":
    main()
