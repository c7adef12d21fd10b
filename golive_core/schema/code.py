"""Projects, repositories and what people do to them: commits, change requests, releases."""

from __future__ import annotations

from golive_core.schema.table import table

PROJECTS = table("core.projects", "one project", """
project_id      text  slug, as in golive.toml
name            text  what people call it
description     text  one sentence
owner           text  who answers for it
git_repository  text  clone URL or path of its main repository
is_simulated    bool  true for the labelled demo whose rows come from the simulator
""", key="project_id")  # fmt: skip

REPOSITORIES = table("core.repositories", "one repository of a project", """
repository_id   text  slug of the instance that reads it
project_id      text  its project
source          text  source type
url             text  clone URL without secrets, or path
default_branch  text  the branch that HEAD names; null in an empty repository
is_shallow      bool  true if the clone lacks older history
""", key="repository_id")  # fmt: skip

BRANCHES = table("core.branches", "one branch or tag head as last seen", """
repository_id   text  its repository
branch          text  short name
kind            text  branch or tag
head_sha        text  commit that it points to (tags are peeled)
is_default      bool  true for the default branch
is_deleted      bool  true once it is gone from the remote
updated_at      at    when the head was last seen to move
""", key="repository_id kind branch")  # fmt: skip

COMMITS = table("core.commits", "one commit of a repository", """
repository_id   text   its repository
sha             text   full object id
project_id      text   the repository's project
day             day    UTC date of committed_at
author_name     text   after .mailmap
author_email    text   after .mailmap
authored_at     at     author time
committer_name  text   after .mailmap
committer_email text   after .mailmap
committed_at    at     committer time
subject         text   first line of the message
message         text   whole message
parents         texts  parent shas in order
is_merge        bool   has two parents or more
files_changed   int    rows in commit_files; 0 for merges, as git log --numstat has it
insertions      int    lines added, binary files count 0
deletions       int    lines removed, binary files count 0
""", key="repository_id sha", sort="committed_at repository_id sha",
    partition="year", is_fact=True)  # fmt: skip

COMMIT_FILES = table("core.commit_files", "one path changed by one commit", """
repository_id   text  its repository
sha             text  the commit
path            text  path after the change; bytes that are not UTF-8 are \\xNN escapes
day             day   UTC date of the commit's committed_at
old_path        text  path before a rename or copy, else null
change_type     text  added, modified, deleted, renamed, copied or type_changed
insertions      int   lines added; null for binary
deletions       int   lines removed; null for binary
is_binary       bool  git counts no lines
""", key="repository_id sha path", sort="day repository_id sha path",
    partition="year", is_fact=True)  # fmt: skip

CHANGE_REQUESTS = table("core.change_requests", "one pull or merge request", """
change_request_id text   instance, repository and number
project_id        text   its project
repository_id     text   repository that it wants to change
source            text   source type
day               day    UTC date of opened_at, which never changes
number            int    number in its repository
title             text   its title
body              text   its description
status            text   open, merged or closed
is_draft          bool   not yet ready for review
author            text   login of who opened it
source_branch     text   branch with the changes
target_branch     text   branch that they go to
head_sha          text   newest commit of the source branch
base_sha          text   commit of the target branch that it started from
merge_sha         text   commit that merged it, null unless merged
opened_at         at     when it was opened
updated_at        at     when anything of it last changed
merged_at         at     when it was merged
closed_at         at     when it was closed or merged
commits           int    commits on it, if the source tells
files_changed     int    files that differ, if the source tells
insertions        int    lines added, if the source tells
deletions         int    lines removed, if the source tells
comments          int    comments, if the source tells
labels            texts  labels, sorted
assignees         texts  logins of the assignees
reviewers         texts  logins of those asked to review
url               text   where people look at it
""", key="change_request_id", sort="project_id repository_id number",
    partition="month")  # fmt: skip

CHANGE_REQUEST_COMMITS = table("core.change_request_commits", "one commit on a change request", """
change_request_id text  its change request
sha               text  the commit
project_id        text  its project
authored_at       at    author time
author_name       text  author
message           text  message
""", key="change_request_id sha")  # fmt: skip

REVIEWS = table("core.reviews", "one review of a change request", """
review_id         text  instance and the source's id
change_request_id text  its change request
project_id        text  its project
reviewer          text  login of the reviewer
status            text  approved, changes_requested, commented or dismissed
commit_sha        text  commit that was looked at
submitted_at      at    when it was given
body              text  what it says
""", key="review_id", sort="project_id change_request_id review_id")  # fmt: skip

RELEASES = table("core.releases", "one release", """
release_id      text  instance and the source's id
project_id      text  its project
repository_id   text  its repository
source          text  source type
tag             text  tag that it names
name            text  title
notes           text  release notes
commit_sha      text  commit of the tag, if known
author          text  login of who made it
is_draft        bool  not yet published
is_prerelease   bool  not meant for everybody
created_at      at    when it was made
published_at    at    when it was published
url             text  where people look at it
""", key="release_id", sort="project_id created_at release_id")  # fmt: skip
