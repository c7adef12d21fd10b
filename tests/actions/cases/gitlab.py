"""Answers and requests of the REST API of GitLab, version 4."""

from action_case import Case

TYPE = "gitlab"
OPTIONS: dict[str, object] = {}
SHA = "18f3e63d05582537db6d183d9d557be09e1f90c8"
P = "api/v4/projects/team/shop"
MERGE = {
    "id": 1, "iid": 5, "state": "opened", "title": "test1",
    "web_url": "https://gitlab.example.com/team/shop/-/merge_requests/5",
}  # fmt: skip
HOOK = {"id": 1, "url": "https://golive.example.org/in", "push_events": True}
STATUS = {"id": 93, "sha": SHA, "ref": "main", "status": "failed", "name": "golive"}
NOTE = {"id": 301, "body": "Two tests fail.\n\n<!-- golive:golive -->", "system": False}
HOOK_EVENTS = {
    "push_events": True, "tag_push_events": False, "merge_requests_events": False,
    "pipeline_events": False, "job_events": False, "issues_events": False, "note_events": False,
    "deployment_events": False, "releases_events": False,
}  # fmt: skip

CASES = [
    Case(
        "gitlab.authenticate", {}, {"GET api/v4/user": {"username": "bot", "name": "Bot"}},
        {"login": "bot"},
    ),
    Case(
        "gitlab.get_repositories", {},
        {"GET api/v4/projects": [{"path_with_namespace": "team/shop", "default_branch": "main",
                                  "visibility": "private", "web_url": "https://x.example"}]},
        [{"repository": "team/shop", "is_private": True}],
    ),
    Case(
        "gitlab.get_branches", {"repository": "team/shop"},
        {f"GET {P}/repository/branches": [{"name": "main", "commit": {"id": SHA}}]},
        [{"branch": "main", "head_sha": SHA}],
    ),
    Case(
        "gitlab.get_commits", {"repository": "team/shop", "branch": "main"},
        {f"GET {P}/repository/commits": [
            {"id": SHA, "author_name": "Mona", "authored_date": "2026-01-05T09:00:00Z",
             "message": "Fix"}]},
        [{"sha": SHA, "author": "Mona"}],
    ),
    Case(
        "gitlab.create_webhook",
        {"repository": "team/shop", "url": "https://golive.example.org/in",
         "events": ["push_events"]},
        {f"GET {P}/hooks": [], f"POST {P}/hooks": (201, HOOK, {})},
        {"id": 1, "existed": False},
        f"POST {P}/hooks", {"url": "https://golive.example.org/in", **HOOK_EVENTS},
        looks=1, state={f"GET {P}/hooks": [HOOK]}, found={"id": 1, "existed": True},
    ),
    Case(
        "gitlab.create_pull_request",
        {"repository": "team/shop", "title": "test1", "head": "feature", "base": "main",
         "draft": True},
        {f"POST {P}/merge_requests": (201, MERGE, {})},
        {"number": 5, "url": "https://gitlab.example.com/team/shop/-/merge_requests/5"},
        f"POST {P}/merge_requests",
        {"source_branch": "feature", "target_branch": "main", "title": "Draft: test1",
         "description": ""},
        state={f"POST {P}/merge_requests": (409, {"message": ["Another open merge request"]}, {}),
               f"GET {P}/merge_requests": [MERGE]},
        found={"number": 5, "existed": True},
    ),
    Case(
        "gitlab.set_commit_status", {"repository": "team/shop", "commit": SHA, "state": "failed"},
        {f"POST {P}/statuses/{SHA}": (201, STATUS, {})},
        {"id": 93, "existed": False},
        f"POST {P}/statuses/{SHA}", {"state": "failed", "name": "golive", "description": ""},
        state={f"POST {P}/statuses/{SHA}": (400, {"message": "Cannot transition status"}, {}),
               f"GET {P}/repository/commits/{SHA}/statuses": [STATUS]},
        found={"id": 93, "existed": True},
    ),
    Case(
        "gitlab.set_comment", {"repository": "team/shop", "number": 5, "body": "Two tests fail."},
        {f"GET {P}/merge_requests/5/notes": [],
         f"POST {P}/merge_requests/5/notes": (201, NOTE, {})},
        {"id": 301},
        f"POST {P}/merge_requests/5/notes",
        {"body": "Two tests fail.\n\n<!-- golive:golive -->"},
        looks=1, state={f"GET {P}/merge_requests/5/notes": [NOTE]},
        found={"id": 301, "existed": True},
    ),
    Case(
        "gitlab.set_comment", {"repository": "team/shop", "number": 5, "body": "All pass."},
        {f"GET {P}/merge_requests/5/notes": [NOTE], f"PUT {P}/merge_requests/5/notes/301": NOTE},
        {"id": 301},
        f"PUT {P}/merge_requests/5/notes/301", {"body": "All pass.\n\n<!-- golive:golive -->"},
        looks=1, tag="changed",
    ),
]  # fmt: skip
