"""Issues, the people who work on them, and documents."""

from __future__ import annotations

from golive_core.schema.table import table

ISSUES = table("core.issues", "one issue of a tracker or a Git host", """
issue_id        text   instance and the source's id
project_id      text   its project
source          text   source type
key             text   what people write: SHOP-12 or #12
title           text   its title
body            text   its description
kind            text   bug, incident, requirement, task, subtask, epic or other
original_kind   text   kind as the source names it
status          text   todo, in_progress or done
original_status text   status as the source names it
resolution      text   how it was resolved, as the source names it
priority        text   priority as the source names it
severity        text   severity, if the source has one
labels          texts  labels, sorted
components      texts  components, sorted
fix_versions    texts  versions that it is planned for or fixed in
reporter        text   who opened it
assignees       texts  who works on it
parent_key      text   key of its parent or epic
story_points    float  estimate, story points
estimate_s      float  estimated time, seconds
spent_s         float  time booked, seconds
created_at      at     when it was opened
updated_at      at     when anything of it last changed
resolved_at     at     when it was done
due_at          at     when it is due
url             text   where people look at it
is_deleted      bool   true once it is gone from the source
""", key="issue_id", sort="project_id created_at issue_id")  # fmt: skip

ISSUE_TRANSITIONS = table("core.issue_transitions", "one change of one field of an issue", """
transition_id   text  instance, the source's id and field
issue_id        text  its issue
project_id      text  its project
field           text  field that changed: status, assignee, sprint ...
from_value      text  value before
to_value        text  value after
from_status     text  todo, in_progress or done before, for the field status
to_status       text  todo, in_progress or done after, for the field status
author          text  who changed it
changed_at      at    when
""", key="transition_id", sort="project_id issue_id changed_at", is_fact=True)  # fmt: skip

SPRINTS = table("core.sprints", "one sprint or milestone", """
sprint_id       text  instance and the source's id
project_id      text  its project
source          text  source type
board           text  board that it belongs to, if any
name            text  its name
status          text  future, active or closed
started_at      at    start
ended_at        at    planned end
completed_at    at    when it was closed
url             text  where people look at it
""", key="sprint_id")  # fmt: skip

SPRINT_ISSUES = table("core.sprint_issues", "one issue planned into one sprint", """
sprint_id       text  its sprint
issue_id        text  its issue
project_id      text  its project
is_removed      bool  true once it was taken out
""", key="sprint_id issue_id")  # fmt: skip

VERSIONS = table("core.versions", "one version of a tracker's project", """
version_id      text  instance and the source's id
project_id      text  its project
source          text  source type
name            text  its name
description     text  what it is about
is_released     bool  it is out
is_archived     bool  nobody plans for it any more
started_at      at    when work on it began
released_at     at    when it was or is to be released
""", key="version_id")  # fmt: skip

ACCOUNTS = table("core.accounts", "one account of a person or a bot", """
account_id      text   instance and the source's id
project_id      text   project that its instance feeds
source          text   source type
login           text   user name
name            text   full name
email           text   e-mail address, if the source shows it
organisation    text   company or organisations
is_bot          bool   belongs to a program
is_active       bool   can sign in
created_at      at     when it was made
url             text   where people look at it
""", key="account_id")  # fmt: skip

DOCUMENTS = table("core.documents", "one page of a wiki", """
document_id     text   instance and the source's id
project_id      text   its project
source          text   source type
space           text   space or book that it is in
title           text   its title
body            text   its text, without markup
labels          texts  labels, sorted
author          text   who changed it last
version         int    number of its version
created_at      at     when it was written
updated_at      at     when it last changed
url             text   where people look at it
is_deleted      bool   true once it is gone
""", key="document_id")  # fmt: skip
