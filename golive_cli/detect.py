"""What a folder shows of itself (repository, reports, CI), and the golive.toml that this makes.

The folder is only read, and nothing in it is run.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from golive_core.errors import GoLiveError, UsageError
from golive_core.toml import near

CI_FILES = {
    "Jenkinsfile": "jenkins",
    ".github/workflows/*.y*ml": "github",
    ".gitlab-ci.yml": "gitlab",
    "bitbucket-pipelines.yml": "bitbucket",
    "azure-pipelines.yml": "azure",
    ".circleci/config.yml": "circleci",
    ".travis.yml": "travis",
}
"""Files by which a CI system is known, and the source type that reads it, now or one day."""
LOOKED_INTO = 2_000
"""Report files whose root element is looked at; beyond that they count as what they seem."""
ROOT_BYTES = 64 << 10
OTHERS = "report-files"
"""What a source of reports in other formats is called, behind the project."""
NAMED = 3
"""CI files of a kind that are named."""


@dataclass(frozen=True)
class Detected:
    """What the folder `where` (absolute) shows."""

    where: Path
    repository: Path | None
    remote: str | None
    reports: tuple[str, ...]
    """Report files, relative to `where`."""
    patterns: tuple[str, ...]
    """The usual places in which they were found."""
    ci: tuple[tuple[str, str], ...]
    """CI files, relative, with the source type that reads them."""
    others: tuple[str, ...] = ()
    """Reports of other formats than JUnit XML, coverage and findings, relative."""

    @cached_property
    def project_id(self) -> str:
        """The name of the remote, else of the folder, as golive.toml wants names."""
        parts = [one for one in re.split(r"[/:\\]", self.remote or "") if one not in ("", ".")]
        name = parts[-1] if parts else ""
        name = name.removesuffix(".git") or (self.repository or self.where).name
        slug = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")
        return slug or "project"

    @cached_property
    def project_name(self) -> str:
        """The project id in words: `web-shop` is Web shop."""
        words = re.sub(r"[-_.]+", " ", self.project_id)
        return words[:1].upper() + words[1:]


def detect(where: Path) -> Detected:
    """Look at the folder `where`; raises UsageError if there is none."""
    where = where.expanduser().resolve()
    if not where.is_dir():
        kind = "not a folder" if where.exists() else "no such folder"
        siblings = [path.name for path in where.parent.glob("*") if path.is_dir()]
        raise UsageError(kind, where=str(where), hint=near(where.name, siblings))
    from ingest.files import USUAL_PLACES

    repository = _repository(where)
    reports, others = _reports(where)
    return Detected(
        where, repository, _remote(repository) if repository else None,
        tuple(reports), tuple(_matching(USUAL_PLACES, reports)), tuple(_ci(where)), tuple(others),
    )  # fmt: skip


def _repository(where: Path) -> Path | None:
    """Return the root of the repository that `where` is in; a bare one is its own root."""
    if (where / "HEAD").is_file() and (where / "objects").is_dir():
        return where
    return next((path for path in (where, *where.parents) if (path / ".git").exists()), None)


def _remote(repository: Path) -> str | None:
    """Return the URL of origin, else of the only remote, without user and password."""
    from ingest.git_command import Git

    git = Git(str(repository), place=("-C", str(repository)))
    try:
        said = git.run("config", "--get-regexp", r"^remote\..*\.url$", timeout_s=10).decode()
    except GoLiveError:
        return None  # no remote, or git refuses the folder: the pull will say why
    pairs = (line.partition(" ") for line in said.splitlines())
    urls = {key: url for key, _, url in pairs}
    url = urls.get("remote.origin.url") or (next(iter(urls.values())) if len(urls) == 1 else None)
    return re.sub(r"(\w+://)[^/@\s]*@", r"\1", url) if url else None


def _reports(where: Path) -> tuple[list[str], list[str]]:
    """Return the files in the usual places that are JUnit XML and those of other formats, sorted.

    They are told apart by their content, in one walk.
    """
    from ingest.files import OTHER_PLACES, USUAL_PLACES, Search

    found = Search(where, (*USUAL_PLACES, *OTHER_PLACES)).files()
    names = [one.path.relative_to(where).as_posix() for one in found]
    usual, other = (_pattern(places) for places in (USUAL_PLACES, OTHER_PLACES))
    beyond = set(names[LOOKED_INTO:])
    reports = [
        one for one in names[:LOOKED_INTO] if usual.fullmatch(one) and _is_report(where / one)
    ]
    known = {*reports, *(one for one in beyond if usual.fullmatch(one))}
    others = [
        one for one in names
        if one not in known and other.fullmatch(one) and (one in beyond or _is_other(where / one))
    ]  # fmt: skip
    return sorted(known), others


def _pattern(places: Iterable[str]) -> re.Pattern[str]:
    from ingest.files import translate

    return re.compile("|".join(translate(one) for one in places))


def _matching(places: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the places in which any of the files lies."""
    names = list(names)
    return [one for one in places if any(map(_pattern([one]).fullmatch, names))]


def _is_other(path: Path) -> bool:
    from ingest.parse.report_formats import HEAD_BYTES, Start, find

    try:
        with path.open("rb") as file:
            return find(Start(file.read(HEAD_BYTES), path.name)) is not None
    except OSError:
        return False


def has_reports(base: Path, patterns: Iterable[str]) -> bool:
    """Tell whether the patterns find a test report; other XML is none, an archive may hold some."""
    from ingest.files import Search, is_archive

    found = Search(base, tuple(patterns)).files()
    return any(is_archive(one.path.name) or _is_report(one.path) for one in found[:LOOKED_INTO])


def _is_report(path: Path) -> bool:
    from ingest.parse.junit_head import root_of

    try:
        with path.open("rb") as file:
            return root_of(file.read(ROOT_BYTES)) in ("testsuites", "testsuite")
    except OSError:
        return False


def _ci(where: Path) -> list[tuple[str, str]]:
    return [
        (str(path.relative_to(where)), kind)
        for pattern, kind in CI_FILES.items()
        for path in sorted(where.glob(pattern))
    ]


# ---------------------------------------------------------------- golive.toml


def toml(found: Detected, *, relative_to: Path | None) -> str:
    """Return a commented golive.toml; paths below `relative_to` are relative, others absolute."""
    parts = [
        "# What GoLive reads, from the folder that this file is in. Source types and their keys:\n"
        "# golive sources. A secret is never written here but named: env:NAME or file:PATH.\n",
        _project(found),
        *([_git(found, relative_to)] if found.repository else []),
        *([_junit(found, relative_to)] if found.repository or found.reports else []),
        *([_others(found, relative_to)] if found.others else []),
        *_ci_sources(found),
    ]
    return "\n".join(parts)


def _project(found: Detected) -> str:
    url = f"git_repository = {text(found.remote)}\n" if found.remote else ""
    return (
        f"[project.{_key(found.project_id)}]\nname = {text(found.project_name)}\n{url}"
        '# owner = "team-name"\n'
    )


def _git(found: Detected, relative_to: Path | None) -> str:
    place = text(_place(found.repository or found.where, relative_to))
    return (
        f"[source.{_key(f'{found.project_id}-git')}]\n"
        f'type = "git"\nproject = {text(found.project_id)}\npath = {place}\n'
    )


def _junit(found: Detected, relative_to: Path | None) -> str:
    from ingest.files import USUAL_PLACES

    if found.reports:
        number = len(found.reports)
        said = f"# {number} report{'s'[: number != 1]} found, for example {found.reports[0]}"
    else:
        said = "# No report found yet: these are the usual places"
    return _paths(found, relative_to, said, "reports", "junit", found.patterns or USUAL_PLACES)


def _others(found: Detected, relative_to: Path | None) -> str:
    from ingest.files import OTHER_PLACES

    said = f"# Results, coverage or findings in other formats, for example {found.others[0]}"
    places = _matching(OTHER_PLACES, found.others)
    return _paths(found, relative_to, said, OTHERS, "reports", places)


def _paths(
    found: Detected, relative_to: Path | None, said: str, name: str, kind: str,
    places: Iterable[str],
) -> str:  # fmt: skip
    """Return the section of a source of report files."""
    root = _place(found.where, relative_to)
    prefix = "" if root == "." else f"{glob.escape(root)}/"
    lines = "".join(f"    {text(prefix + one)},\n" for one in places)
    return (
        f"{_clean(said)}\n[source.{_key(f'{found.project_id}-{name}')}]\n"
        f"type = {text(kind)}\nproject = {text(found.project_id)}\npaths = [\n{lines}]\n"
    )


def _ci_sources(found: Detected) -> list[str]:
    """Return the example of each CI source that is known, commented out: it needs an address."""
    from ingest.registry import sources

    blocks: list[str] = []
    for kind in dict.fromkeys(kind for _, kind in found.ci):
        files = [file for file, of in found.ci if of == kind]
        more = " and others" if files[NAMED:] else ""
        head = f"# Found {', '.join(files[:NAMED])}{more}"
        if kind not in sources():
            blocks.append(_clean(f"{head}; there is no source of type {kind} yet") + "\n")
            continue
        example = sources()[kind].example.strip().splitlines()
        lines = [f"# {line}".rstrip() for line in example]
        blocks.append("\n".join([_clean(f"{head}: take out the # and fill in"), *lines]) + "\n")
    return blocks


def _place(path: Path, relative_to: Path | None) -> str:
    if relative_to is None or not path.is_relative_to(relative_to):
        return str(path)
    return str(path.relative_to(relative_to))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else text(name)


def _clean(comment: str) -> str:
    """Return a comment whose file names cannot end it."""
    return re.sub(r"[\x00-\x1f\x7f]", "?", comment)


def text(value: str) -> str:
    """Return the value as a TOML string."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
