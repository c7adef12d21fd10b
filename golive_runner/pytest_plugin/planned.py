"""Orders the tests of a session by a plan, and leaves out what it leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from golive_runner.pytest_plugin.options import Asked
    from golive_runner.pytest_plugin.plan import Plan


class Planned:
    """Applies a plan after others (pytest-randomly) had their say; equals keep their order."""

    def __init__(self, plan: Plan, asked: Asked) -> None:
        self._plan, self._order, self._select = plan, asked.order, asked.select

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Change the list of tests in place."""
        if self._select:
            left_out = [one for one in items if self._plan.is_left_out(one.nodeid)]
            if left_out:
                items[:] = [one for one in items if not self._plan.is_left_out(one.nodeid)]
                config.hook.pytest_deselected(items=left_out)
        if self._order:
            items.sort(key=lambda one: self._plan.place(one.nodeid))
