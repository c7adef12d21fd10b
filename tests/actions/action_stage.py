"""One case of an action on its world, over a lake."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from action_case import Case, World

from golive_actions.action import Action, Outcome, perform
from golive_core.lake import Lake
from golive_core.settings import Instance

SECRET = "right-token"


class Stage:
    """One case on its world."""

    def __init__(self, module: ModuleType, case: Case, world: World, lake: Lake) -> None:
        self.case, self.world, self.lake = case, world, lake
        options = {"url": world.url, "token": "env:ACTION_TOKEN", **module.OPTIONS}
        self.instance = Instance("it", module.TYPE, "shop", options)
        world.answers = dict(case.answers)

    def perform(self, *, dry_run: bool = False, **more: Any) -> Outcome:
        parameters = {**self.case.parameters, **more.pop("parameters", {})}
        action = Action(self.case.verb, self.instance, parameters, more.pop("key", ""))
        settings = {"actor": "ada", **more}
        return perform(action, dry_run=dry_run, lake=self.lake, **settings)

    def phases(self) -> list[str]:
        if not self.lake.exists("ops.audit_log"):
            return []
        return self.lake.query("select phase from ops.audit_log order by number")["phase"].to_list()
