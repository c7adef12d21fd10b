"""Three assets a learned model, in Dagster: evaluation, challenger, champion, with their checks.

models/<name>/evaluation   walk-forward on each project's own past, where enough is new
models/<name>/challenger   fitted and saved where the evaluation says that it wins
models/<name>/champion     who scores each project from now on
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.core import core_key
from assets.learning import steps, verdicts
from assets.learning.steps import Bench
from assets.partitions import newest
from assets.workspace import Workspace
from models.learned import LearnedModel, learned_models

GROUP = "learning"
KINDS = {"scikitlearn"}
WARN = dg.AssetCheckSeverity.WARN
if TYPE_CHECKING:
    Results = dg.MaterializeResult[Any]
else:  # Dagster takes no alias with a type argument as the result of an asset with checks
    Results = dg.MaterializeResult


def learning_assets() -> list[dg.AssetsDefinition]:
    """Return the assets of every learned model."""
    return [one for model in learned_models().values() for one in _of_model(model)]


def key(model: LearnedModel, word: str) -> dg.AssetKey:
    """Return the key of one of a model's assets."""
    return dg.AssetKey(["models", model.name, word])


def bench(workspace: Workspace, model: LearnedModel) -> Bench:
    """Return where the model lives in a workspace."""
    settings = workspace.settings
    return Bench(workspace.lake, settings.home, model, settings.cores)


def _of_model(model: LearnedModel) -> list[dg.AssetsDefinition]:
    return [_evaluation(model), _challenger(model), _champion(model)]


def _evaluation(model: LearnedModel) -> dg.AssetsDefinition:
    @_asset(
        model, "evaluation", newest([core_key(model.table)]),
        f"Would a learned model have told better {model.title}? Walk-forward, project by project.",
        ["beats_constant", "calibrated"],
    )  # fmt: skip
    def evaluate(workspace: dg.ResourceParam[Workspace]) -> Results:
        here = bench(workspace, model)
        found = steps.evaluate(here, made_at=datetime.now(UTC))
        metadata = {"projects_evaluated": len(found), "decisions": _json(
            {one.project_id: f"{one.word}: {one.reason}" for one in found}
        ), "metrics": _json({one.project_id: one.metrics for one in found})}  # fmt: skip
        return _result(model, "evaluation", metadata, verdicts.of_evaluations(here))

    return evaluate


def _challenger(model: LearnedModel) -> dg.AssetsDefinition:
    @_asset(
        model, "challenger", [key(model, "evaluation")],
        f"What learns {model.title}, fitted for the projects where it wins.",
        ["same_data", "same_code"],
    )  # fmt: skip
    def fit(workspace: dg.ResourceParam[Workspace]) -> Results:
        here = bench(workspace, model)
        fitted = steps.fit(here, made_at=datetime.now(UTC))
        metadata = {"versions_saved": len(fitted), "versions": _json(fitted)}
        return _result(model, "challenger", metadata, verdicts.of_challengers(here))

    return fit


def _champion(model: LearnedModel) -> dg.AssetsDefinition:
    @_asset(
        model, "champion", [key(model, "challenger")],
        f"Who tells each project {model.title}: {model.heuristic_name}, or a learned version.",
        ["gate", "drift", "files"],
    )  # fmt: skip
    def promote(workspace: dg.ResourceParam[Workspace]) -> Results:
        here = bench(workspace, model)
        turns = steps.promote(here, made_at=datetime.now(UTC))
        metadata = {"turns": len(turns), "champions": _json(verdicts.champions(here))}
        return _result(model, "champion", metadata, verdicts.of_champions(here))

    return promote


def _asset(
    model: LearnedModel,
    word: str,
    deps: Any,  # noqa: ANN401
    description: str,
    checks: list[str],
) -> Any:  # noqa: ANN401 - what Dagster's decorator takes and returns has no public name
    return dg.asset(
        key=key(model, word), deps=deps, group_name=GROUP, kinds=KINDS, description=description,
        tags={"layer": "models"},
        check_specs=[
            dg.AssetCheckSpec(name, asset=key(model, word), description=verdicts.MEANS[name])
            for name in checks
        ],
    )  # fmt: skip


def _result(
    model: LearnedModel, word: str, metadata: dict[str, Any], found: list[verdicts.Verdict]
) -> Results:
    checks = [
        dg.AssetCheckResult(
            check_name=one.name, passed=not one.broken,
            severity=dg.AssetCheckSeverity.ERROR if one.is_error else WARN,
            description="; ".join(one.broken), metadata={"projects": one.projects},
        )
        for one in found
    ]  # fmt: skip
    return dg.MaterializeResult(asset_key=key(model, word), metadata=metadata, check_results=checks)


def _json(value: Any) -> dg.MetadataValue[Any]:  # noqa: ANN401 - anything that JSON can hold
    return dg.MetadataValue.json(value)
