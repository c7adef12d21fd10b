"""Jenkins: jobs and builds through its remote API. API tokens need no crumb."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote, urlencode

from golive_actions.target import Flow, Json, Target, ask, makes, reads, refused
from golive_core.errors import SourceDataError
from golive_core.http import Request

EXISTS = 400
FORM = {"content-type": "application/x-www-form-urlencoded"}
XML = {"content-type": "application/xml"}
FIELDS = "number,result,building,timestamp,duration,url"


class Jenkins(Target):
    """Acts on one Jenkins; a job is named with its folders: shop/deploy."""

    type: ClassVar[str] = "jenkins"
    title: ClassVar[str] = "Jenkins"
    example: ClassVar[str] = """
[source.ci]
type = "jenkins"
project = "shop"
url = "https://ci.example.org"
user = "bot"
token = "env:JENKINS_TOKEN"   # Job/Create and Job/Build
"""

    @reads
    def authenticate(self) -> Flow:
        """Tell who the token belongs to."""
        user = (yield ask("me/api/json")).object()
        return {"login": user.get("id"), "name": user.get("fullName")}

    @makes("{job}")
    def create_job(self, job: str, config: str) -> Flow:
        """Make a job from its config.xml; one of that name is left as it is."""
        folder, _, name = job.rpartition("/")
        path = f"{_path(folder)}/createItem" if folder else "createItem"
        request = Request(
            f"{path}?name={quote(name, safe='')}", method="POST", headers=XML,
            content=config.encode(), accepts=frozenset({EXISTS}), expect="any",
        )  # fmt: skip
        answer = yield request
        if answer.status != EXISTS:
            return {"job": job, "url": f"{self.root()}/{_path(job)}", "existed": False}
        there = yield Request(f"{_path(job)}/api/json", accepts=frozenset({404}))
        if there.status in there.request.accepts:
            raise refused(answer)
        return {"job": job, "url": there.object().get("url"), "existed": True}

    @makes("{job}")
    def trigger_build(self, job: str, parameters: dict[str, str] | None = None) -> Flow:
        """Start a build, with parameters if the job takes some."""
        form = urlencode(_words(parameters or {}))
        verb = "buildWithParameters" if parameters else "build"
        answer = yield Request(
            f"{_path(job)}/{verb}", method="POST", headers=FORM, content=form.encode(),
            expect="any",
        )  # fmt: skip
        return {"job": job, "queue_url": answer.headers.get("location", "")}

    @reads
    def get_build_status(self, job: str, build: str = "lastBuild") -> Flow:
        """Tell how a build is or ended: its number, lastBuild, lastFailedBuild ..."""
        found = (yield ask(f"{_path(job)}/{build}/api/json", tree=FIELDS)).object()
        return {name: found.get(name) for name in FIELDS.split(",")}

    @reads
    def get_build_logs(self, job: str, build: str = "lastBuild") -> Flow:
        """Return the console log of a build."""
        answer = yield Request(f"{_path(job)}/{build}/consoleText", expect="text")
        return answer.text()

    @reads
    def get_artifacts(self, job: str, build: str = "lastBuild", into: str = "") -> Flow:
        """List the artifacts of a build; with `into`, save them in that folder."""
        path = f"{_path(job)}/{build}"
        tree = "artifacts[fileName,relativePath]"
        artifacts: list[Json] = (yield ask(f"{path}/api/json", tree=tree)).object()["artifacts"]
        found: list[Json] = []
        for one in artifacts:
            place = f"{path}/artifact/{quote(one['relativePath'])}"
            entry = {"path": one["relativePath"], "url": f"{self.root()}/{place}"}
            if into:
                file = _inside(Path(into), one["relativePath"])
                file.write_bytes((yield Request(place, expect="any")).body)
                entry["file"] = str(file)
            found.append(entry)
        return found


def _path(job: str) -> str:
    return "/".join(f"job/{quote(part, safe='')}" for part in job.split("/"))


def _words(parameters: Mapping[str, object]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in parameters.items()
    }


def _inside(folder: Path, relative: str) -> Path:
    """Return a file below the folder, made ready; raises SourceDataError for a way out of it."""
    file = (folder / relative).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise SourceDataError(f"an artifact called {relative!r} is not saved", where=str(folder))
    file.parent.mkdir(parents=True, exist_ok=True)
    return file
