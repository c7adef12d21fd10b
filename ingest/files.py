"""Finding files: paths, folders and globs to what is there now, by stat alone.

What is inside of them is not looked at here; archives are opened in `ingest/archives.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

USUAL_PLACES: tuple[str, ...] = (
    "**/TEST-*.xml",
    "**/surefire-reports/*.xml",
    "**/failsafe-reports/*.xml",
    "**/build/test-results/**/*.xml",
    "**/test-results/**/*.xml",
    "**/test-reports/**/*.xml",
    "**/test_results/**/*.xml",
    "**/reports/**/*.xml",
    "**/junit*.xml",
    "**/*junit.xml",
    "**/pytest*.xml",
    "**/nosetests.xml",
    "**/test-output.xml",
    "**/test-report.xml",
    "**/unit-tests.xml",
    "**/report.xml",
    "**/TestResults/**/*.xml",
    "**/target/nextest/**/*.xml",
)
"""Where build tools leave JUnit XML; other XML in these places is told apart by its root."""
OTHER_PLACES: tuple[str, ...] = (
    "**/ctrf/**/*.json",
    "**/*ctrf*.json",
    "**/*.trx",
    "**/TestResult*.xml",
    "**/*nunit*.xml",
    "**/*xunit*.xml",
    "**/*.tap",
    "**/go-test*.json*",
    "**/allure-results/*-result.json",
    "**/playwright-report/**/*.json",
    "**/test-results/**/*.json",
    "**/*coverage*.xml",
    "**/coverage*.json",
    "**/*jacoco*.xml",
    "**/clover*.xml",
    "**/lcov.info",
    "**/*.lcov",
    "**/*.sarif",
    "**/*.sarif.json",
)
"""Where tools leave reports of other formats; other files there are told apart by their content."""
SKIPPED_FOLDERS = frozenset(
    {
        ".git", ".hg", ".svn", ".golive", ".venv", "venv", ".tox", ".nox", "node_modules", "vendor",
        "__pycache__", "site-packages", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".terraform",
    }
)  # fmt: skip
ARCHIVE_SUFFIXES = (
    ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz",
)  # fmt: skip
REPORT_SUFFIXES = (".xml", ".xml.gz")
SUFFIXES = REPORT_SUFFIXES + ARCHIVE_SUFFIXES
MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it was when the folder was read; `is_named` if no glob was needed to find it."""

    path: Path
    size: int
    mtime_ns: int
    is_named: bool


@dataclass(slots=True)
class Search:
    """Files that match any of `patterns`, which are taken from `base` where they are relative.

    A pattern is a file, a folder (what ends in `suffixes` below it) or a glob with `**`. After a
    walk, `trouble` says what could not be read and `missing` which files are not there.
    """

    base: Path
    patterns: tuple[str, ...]
    suffixes: tuple[str, ...] = SUFFIXES
    trouble: dict[str, str] = field(default_factory=dict[str, str])
    missing: list[str] = field(default_factory=list[str])

    def files(self) -> list[Found]:
        """Return what is there, each file once, in the order of the paths."""
        self.trouble.clear()
        self.missing.clear()
        found: dict[Path, Found] = {}
        globs: dict[Path, list[str]] = {}
        for pattern in self.patterns:
            whole = self.base / Path(pattern).expanduser()
            if MAGIC.search(pattern) and not whole.exists():
                root, rest = split_glob(whole)
                globs.setdefault(root, []).append(translate(rest))
            elif whole.is_dir():
                globs.setdefault(whole, []).append(below(self.suffixes))
            else:
                self._named(whole, found)
        for root, patterns in globs.items():
            wanted = re.compile("|".join(patterns))
            for one in self._walk(root, wanted):
                found.setdefault(one.path, one)
        return [found[path] for path in sorted(found)]

    def _named(self, path: Path, found: dict[Path, Found]) -> None:
        try:
            stat = path.stat()
        except FileNotFoundError:
            self.missing.append(str(path))
        except OSError as error:
            self.trouble[str(path)] = reason_of(error)
        else:
            if S_ISREG(stat.st_mode):
                found[path] = Found(path, stat.st_size, stat.st_mtime_ns, is_named=True)
            else:
                self.trouble[str(path)] = "not a file"

    def _walk(self, root: Path, wanted: re.Pattern[str]) -> Iterator[Found]:
        """Yield what matches below a folder; a folder is read once, however links lead to it."""
        seen: set[tuple[int, int]] = set()
        folders = [(str(root), "")]
        while folders:
            folder, relative = folders.pop()
            try:
                stat = os.stat(folder)  # noqa: PTH116 - a string costs half of a Path
                if (stat.st_dev, stat.st_ino) not in seen:
                    seen.add((stat.st_dev, stat.st_ino))
                    yield from self._read(folder, relative, wanted, folders)
            except OSError as error:
                if folder != str(root) or root.exists():
                    self.trouble[folder] = reason_of(error)

    def _read(
        self, folder: str, relative: str, wanted: re.Pattern[str], folders: list[tuple[str, str]]
    ) -> Iterator[Found]:
        """Yield the matching files of one folder and put its folders on the list."""
        with os.scandir(folder) as entries:
            for entry in entries:
                name = relative + entry.name
                if entry.is_dir():
                    if entry.name not in SKIPPED_FOLDERS:
                        folders.append((entry.path, name + "/"))
                elif wanted.fullmatch(name):
                    yield from self._entry(entry)

    def _entry(self, entry: os.DirEntry[str]) -> Iterator[Found]:
        try:
            stat = entry.stat()
        except OSError as error:
            self.trouble[entry.path] = reason_of(error)
        else:
            if S_ISREG(stat.st_mode):
                yield Found(Path(entry.path), stat.st_size, stat.st_mtime_ns, is_named=False)


def reason_of(error: OSError) -> str:
    """Return why a file cannot be read, in a word or two."""
    return (error.strerror or str(error)).lower()


def split_glob(pattern: Path) -> tuple[Path, str]:
    """Return the folder before the first part with a wildcard, and the rest."""
    parts = pattern.parts
    first = next(at for at, part in enumerate(parts) if MAGIC.search(part))
    return Path(*parts[:first]), "/".join(parts[first:])


def below(suffixes: Iterable[str]) -> str:
    """Return the regular expression of files in a folder and its folders, by the ends of names."""
    return r"(?:.*/)?[^/]*(?:" + "|".join(re.escape(one) for one in suffixes) + ")"


TOKENS = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
WILDCARDS = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}


def translate(pattern: str) -> str:
    """Return the regular expression of a glob: `*` stays in a folder, `**` crosses them."""
    return "".join(_token(token) for token in TOKENS.findall(pattern))


def _token(token: str) -> str:
    if token.startswith("[") and len(token) > 1:
        inner = token[1:-1].replace("\\", r"\\")
        return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
    return WILDCARDS.get(token) or re.escape(token)


def is_archive(name: str) -> bool:
    """Tell by its name whether a file holds other files."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def is_report(name: str) -> bool:
    """Tell by its name whether a file may be a report."""
    return name.lower().endswith(REPORT_SUFFIXES)


def all_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return patterns without repetition, in order."""
    return tuple(dict.fromkeys(names))
