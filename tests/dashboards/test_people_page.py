"""People on the page Settings: seen and changed by admins alone; pages by what a role may see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import data, reader
from golive_core import access
from golive_core.access import Identity
from golive_core.accounts import Accounts
from golive_core.lake import Lake
from golive_core.sessions import Sessions

Draw = Callable[..., AppTest]
PASSWORD = "correct horse battery"


@pytest.fixture
def people(home: Path) -> Accounts:
    found = Accounts(home)
    found.add("root", "admin", PASSWORD)
    found.add("ada", "viewer", PASSWORD, projects=["shop"])
    return found


@pytest.fixture
def reads_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[Identity | None], None]:
    """Return a function that makes somebody the reader, as their cookie would."""

    def reads(who: Identity | None) -> None:
        monkeypatch.setenv("GOLIVE_SIGN_IN", "1")
        monkeypatch.setattr(access, "who", lambda _: who)

    return reads


def headings(app: AppTest) -> list[str]:
    return [one.value for one in app.subheader]


def test_only_an_admin_sees_people_and_only_who_may_sees_the_edit(
    draw: Draw, home: Path, people: Accounts, reads_as: Callable[[Identity | None], None]
) -> None:
    reads_as(Identity("root", "admin"))
    assert {"People", "Try an edit"} <= set(headings(draw(home, "settings")))
    reads_as(Identity("dev", "developer"))
    seen = headings(draw(home, "settings"))
    assert seen
    assert not {"People", "Try an edit"} & set(seen)


def _form(name: str) -> None:
    """Draw the form of one user; Streamlit runs this text as a script of its own."""
    from dashboards.views.settings import _people
    from golive_core import settings
    from golive_core.accounts import Accounts

    accounts = Accounts(settings.home())
    _people._change(accounts, accounts.get(name))


def test_an_admin_changes_role_projects_and_lock(home: Path, people: Accounts) -> None:
    open_page = Sessions(home).open(people.get("ada"))
    app = AppTest.from_function(_form, default_timeout=60, kwargs={"name": "ada"}).run()
    app.selectbox[0].select("developer")
    app.multiselect[0].unselect("shop")
    app.checkbox[0].check()
    app.button[0].click().run()
    assert not app.exception
    ada = people.get("ada")
    assert (ada.role, ada.projects, ada.disabled_at is None) == ("developer", (), False)
    assert Sessions(home).renew(open_page.refresh) is None


def test_the_last_admin_cannot_be_locked_out_from_the_page(home: Path, people: Accounts) -> None:
    app = AppTest.from_function(_form, default_timeout=60, kwargs={"name": "root"}).run()
    app.checkbox[0].check()
    app.button[0].click().run()
    assert "no admin" in app.error[0].value
    assert people.get("root").disabled_at is None


def test_a_form_that_was_open_when_the_role_went_changes_nothing(
    home: Path, people: Accounts, reads_as: Callable[[Identity | None], None]
) -> None:
    reads_as(Identity("root", "admin"))
    app = AppTest.from_function(_form, default_timeout=60, kwargs={"name": "ada"}).run()
    app.selectbox[0].select("admin")
    reads_as(Identity("root", "viewer"))
    app.button[0].click().run()
    assert people.get("ada").role == "viewer"


PAGES = ("settings", "security", "health", "model_calls")


@pytest.mark.parametrize(
    ("role", "seen"),
    [("admin", PAGES), ("developer", ("settings", "health")), ("tester", ()), ("viewer", ())],
)
def test_pages_are_for_who_may_see_what_they_show(
    home: Path, reads_as: Callable[[Identity | None], None], role: access.Role,
    seen: tuple[str, ...],
) -> None:  # fmt: skip
    reads_as(Identity("a", role))
    assert tuple(slug for slug in PAGES if reader.may_see(slug)) == seen
    assert reader.may_see("builds")
    assert set(reader.PAGES) == set(PAGES)


def test_pages_read_the_rows_of_the_readers_projects_alone(
    lake: Lake, reads_as: Callable[[Identity | None], None]
) -> None:
    lake.merge("core.projects", pl.DataFrame({"project_id": ["shop", "till", "vault"]}))
    sql = "select project_id from core.projects order by 1"

    def read() -> list[str]:
        return data.rows(sql).frame["project_id"].to_list()

    assert read() == ["shop", "till", "vault"]
    reads_as(Identity("ada", "developer", ("shop", "till")))
    assert read() == ["shop", "till"]
    reads_as(Identity("bob", "viewer", ("vault",)))
    assert read() == ["vault"]
    assert data.seen_lake().sandbox(sql)["project_id"].to_list() == ["vault"]
    reads_as(None)
    assert read() == []
