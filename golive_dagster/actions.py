"""Jobs that change the world: one action as the run's configuration says, and the outbox."""

import dagster as dg

from assets.workspace import Workspace
from golive_actions import deliver
from golive_actions.action import Action, perform

SEND_CRON = "* * * * *"


class ActionConfig(dg.Config):
    """What to do, as on the command line: parameters are text, lists and objects JSON text.

    `actor` is who asks; one that begins with `agent:` needs a person in `approved_by`.
    """

    action: str
    instance: str
    parameters: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    key: str = ""
    dry_run: bool = True
    actor: str = "dagster"
    approved_by: str = ""


def action_job() -> dg.JobDefinition:
    """Return the job that performs one action; without `dry_run: false` it only shows it."""

    @dg.op(description="Perform one action, once a key, and record it.")
    def act(
        context: dg.OpExecutionContext, config: ActionConfig, workspace: dg.ResourceParam[Workspace]
    ) -> None:
        settings = workspace.settings
        action = Action(
            config.action, settings.target(config.instance), config.parameters, config.key
        )
        outcome = perform(
            action, dry_run=config.dry_run, actor=config.actor, approved_by=config.approved_by,
            lake=workspace.lake, base=settings.base,
        )  # fmt: skip
        context.add_output_metadata({
            "state": outcome.state, "is_repeated": outcome.is_repeated, "key": outcome.key,
            "result": dg.MetadataValue.json({"result": outcome.result}),
        })  # fmt: skip

    @dg.job(
        name="perform_action",
        description="Perform one action on the outside world; by default it is only shown.",
        executor_def=dg.in_process_executor,
    )
    def perform_action() -> None:
        act()

    return perform_action


def send_job() -> dg.JobDefinition:
    """Return the job that sends what waits in the outbox."""

    @dg.op(description="Send what is due; what fails is tried again later.")
    def send(context: dg.OpExecutionContext, workspace: dg.ResourceParam[Workspace]) -> None:
        settings = workspace.settings
        done = deliver.deliver(
            workspace.lake, {**settings.instances, **settings.targets}, base=settings.base
        )
        context.log.info(
            "%d sent, %d put off, %d given up", done.sent, done.postponed, done.given_up
        )

    @dg.job(
        name="send_notifications",
        description="Send the notifications that are due.",
        executor_def=dg.in_process_executor,
    )
    def send_notifications() -> None:
        send()

    return send_notifications


def send_schedule(workspace: Workspace) -> dg.ScheduleDefinition:
    """Return the schedule of the outbox: it looks every minute and runs if something is due."""

    @dg.schedule(
        name="outbox",
        job_name="send_notifications",
        cron_schedule=SEND_CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Sends notifications that are due.",
    )
    def tick() -> dg.RunRequest | dg.SkipReason:
        if not deliver.waiting(workspace.lake):
            return dg.SkipReason("nothing is due")
        return dg.RunRequest()

    return tick
