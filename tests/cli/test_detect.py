"""What a folder shows of itself, and the golive.toml that this makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from golive_cli.detect import Detected, detect, has_reports, toml
from golive_core import settings
from golive_core.errors import UsageError
from golive_core.toml import SLUG
from tests.cli.conftest import git


def read(found: Detected, base: Path) -> settings.Settings:
    """Return the settings that the generated file makes."""
    text = toml(found, relative_to=base)
    return settings.parse(text.encode(), base=base, home=base / ".golive")


def named(remote: str | None, folder: str = "folder") -> str:
    return Detected(Path("/srv") / folder, None, remote, (), (), ()).project_id


@pytest.mark.parametrize(
    ("remote", "project"),
    [
        ("https://git.example.org/team/Web.Shop.git", "web.shop"),
        ("git@git.example.org:team/web-shop.git", "web-shop"),
        ("git@git.example.org:web-shop", "web-shop"),
        ("/srv/git/shop.git/", "shop"),
        ("https://git.example.org/Größe & Co.git", "gr-e-co"),
        ("https://git.example.org/.git", "folder"),
        ("/srv/git/shop/.", "shop"),
        (".", "folder"),
        (None, "folder"),
    ],
)
def test_a_project_is_named_after_its_remote(remote: str | None, project: str) -> None:
    assert named(remote) == project
    assert SLUG.fullmatch(project)


def test_a_folder_without_a_usable_name_is_a_project_all_the_same() -> None:
    assert named(None, "漢字") == "project"


def test_a_repository_shows_its_remote_reports_and_ci(repository: Path) -> None:
    found = detect(repository)
    assert found.remote == "https://git.example.org/team/web-shop.git"
    assert found.reports == ("build/test-results/TEST-cart.xml",)
    assert "**/TEST-*.xml" in found.patterns
    assert dict(found.ci) == {"Jenkinsfile": "jenkins", ".github/workflows/ci.yml": "github"}


def test_reports_of_other_formats_are_told_by_their_content(repository: Path) -> None:
    for name, body in {
        "cov/lcov.info": "TN:\nSF:a.c\nend_of_record\n",
        "out/scan.sarif": '{"version": "2.1.0", "runs": []}',
        "build/coverage.xml": '<coverage version="7"><packages/></coverage>',
        "test-results/settings.json": '{"name": "shop"}', "coverage.json": "[]",
    }.items():  # fmt: skip
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    found = detect(repository)
    assert found.others == ("build/coverage.xml", "cov/lcov.info", "out/scan.sarif")
    assert found.reports == ("build/test-results/TEST-cart.xml",)
    made = read(found, repository).instance("web-shop-report-files")
    assert made.type == "reports"
    assert made.options["paths"] == ["**/*coverage*.xml", "**/lcov.info", "**/*.sarif"]


def test_a_folder_inside_a_repository_finds_its_root(repository: Path) -> None:
    assert detect(repository / "build").repository == repository


def test_a_bare_repository_is_one(tmp_path: Path, repository: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repository), "bare.git")
    assert detect(tmp_path / "bare.git").repository == tmp_path / "bare.git"


def test_paths_are_relative_where_the_file_lies_above_and_absolute_elsewhere(
    repository: Path, tmp_path: Path
) -> None:
    found = detect(repository)
    below = read(found, tmp_path).instance("web-shop-git")
    assert below.options["path"] == "checkout"
    elsewhere = settings.parse(toml(found, relative_to=None).encode(), base=tmp_path, home=tmp_path)
    assert elsewhere.instance("web-shop-git").options["path"] == str(repository)
    for pattern in elsewhere.instance("web-shop-reports").options["paths"]:
        assert pattern.startswith(str(repository))


def test_a_repository_without_reports_watches_the_usual_places(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    paths = read(detect(tmp_path), tmp_path).instance(f"{tmp_path.name}-reports").options["paths"]
    assert "**/TEST-*.xml" in paths


def test_an_empty_folder_shows_nothing_to_read(tmp_path: Path) -> None:
    assert read(detect(tmp_path), tmp_path).instances == {}


@pytest.mark.parametrize(
    "name", ['a"]\n[source.evil]', "tab\there", "x'y", "ü[1]*?", "\x7f", "a\\b"]
)
def test_names_of_files_never_break_out_of_the_file(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    (folder / "build" / "test-results").mkdir(parents=True)
    report = folder / "build" / "test-results" / f"TEST-{name}.xml"
    report.write_text("<testsuite/>")
    git(folder, "init", "-q")
    found = read(detect(folder), tmp_path)
    assert {one.type for one in found.instances.values()} == {"git", "junit"}
    (git_source,) = [one for one in found.instances.values() if one.type == "git"]
    assert tmp_path / str(git_source.options["path"]) == folder


def test_settings_of_the_repository_run_nothing(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    git(repository, "config", "core.fsmonitor", f"touch {trap}")
    git(repository, "config", "core.pager", f"touch {trap}")
    git(repository, "config", "alias.config", f"!touch {trap}")
    detect(repository)
    assert not trap.exists()


def test_a_folder_that_is_not_there_names_its_neighbours(repository: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean checkout"):
        detect(repository.parent / "chekout")
    with pytest.raises(UsageError, match="not a folder"):
        detect(repository / "cart.py")


def test_other_xml_in_the_usual_places_is_no_report(repository: Path) -> None:
    assert has_reports(repository, ["build/**/*.xml"])
    (repository / "build" / "test-results" / "TEST-cart.xml").unlink()
    assert not has_reports(repository, ["build/**/*.xml"])
    (repository / "reports.zip").write_bytes(b"PK")
    assert has_reports(repository, ["*.zip"])


def test_a_report_that_cannot_be_read_is_passed_over(repository: Path) -> None:
    broken = repository / "build" / "test-results" / "TEST-gone.xml"
    broken.symlink_to("nowhere.xml")
    assert detect(repository).reports == ("build/test-results/TEST-cart.xml",)
