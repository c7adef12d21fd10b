"""Answers and requests of the REST API of GitHub, version 2022-11-28."""

from action_case import Case

TYPE = "github"
OPTIONS: dict[str, object] = {}
SHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
PULL = {
    "id": 1, "number": 1347, "state": "open", "title": "Amazing new feature",
    "url": "{url}/repos/team/shop/pulls/1347", "html_url": "https://github.com/team/shop/pull/1347",
}  # fmt: skip
HOOK = {
    "type": "Repository", "id": 12345678, "name": "web", "active": True, "events": ["push"],
    "config": {"content_type": "json", "insecure_ssl": "0", "url": "https://golive.example.org/in"},
    "url": "https://api.github.com/repos/team/shop/hooks/12345678",
}  # fmt: skip
COMMENT = {
    "id": 7, "html_url": "https://github.com/team/shop/pull/5#issuecomment-7",
    "body": "Two tests fail.\n\n<!-- golive:golive -->",
}  # fmt: skip
REFUSED = (422, {"message": "Validation Failed", "errors": [{"message": "already exists"}]}, {})

CASES = [
    Case(
        "github.authenticate", {},
        {"GET user": (200, {"login": "octocat", "id": 1}, {"X-OAuth-Scopes": "repo, user"})},
        {"login": "octocat", "scopes": ["repo", "user"]},
    ),
    Case(
        "github.get_repositories", {},
        {"GET user/repos": [{"full_name": "team/shop", "default_branch": "main", "private": False,
                             "html_url": "https://github.com/team/shop"}]},
        [{"repository": "team/shop", "default_branch": "main"}],
    ),
    Case(
        "github.get_branches", {"repository": "team/shop"},
        {"GET repos/team/shop/branches": [{"name": "main", "commit": {"sha": SHA}}]},
        [{"branch": "main", "head_sha": SHA}],
    ),
    Case(
        "github.get_commits", {"repository": "team/shop", "limit": 1},
        {"GET repos/team/shop/commits": [
            {"sha": SHA, "commit": {"message": "Fix all the bugs", "author": {
                "name": "Mona", "email": "m@example.org", "date": "2026-01-05T09:00:00Z"}}}] * 2},
        [{"sha": SHA, "author": "Mona", "message": "Fix all the bugs"}],
    ),
    Case(
        "github.create_webhook",
        {"repository": "team/shop", "url": "https://golive.example.org/in",
         "secret": "env:HOOK_SECRET"},
        {"POST repos/team/shop/hooks": (201, HOOK, {})},
        {"id": 12345678, "existed": False},
        "POST repos/team/shop/hooks",
        {"name": "web", "active": True, "events": ["push"],
         "config": {"url": "https://golive.example.org/in", "content_type": "json",
                    "secret": "hook-secret-value"}},
        state={"POST repos/team/shop/hooks": REFUSED, "GET repos/team/shop/hooks": [HOOK]},
        found={"id": 12345678, "existed": True},
    ),
    Case(
        "github.create_pull_request",
        {"repository": "team/shop", "title": "Amazing new feature", "head": "feature",
         "base": "main", "body": "Please pull"},
        {"POST repos/team/shop/pulls": (201, PULL, {})},
        {"number": 1347, "url": "https://github.com/team/shop/pull/1347", "existed": False},
        "POST repos/team/shop/pulls",
        {"title": "Amazing new feature", "head": "feature", "base": "main", "body": "Please pull",
         "draft": False},
        state={"POST repos/team/shop/pulls": REFUSED, "GET repos/team/shop/pulls": [PULL]},
        found={"number": 1347, "existed": True},
    ),
    Case(
        "github.set_commit_status",
        {"repository": "team/shop", "commit": SHA, "state": "failed", "description": "2 fail",
         "url": "https://golive.example.org/b/1"},
        {f"POST repos/team/shop/statuses/{SHA}": (
            201, {"id": 1, "state": "failure", "url": f"{{url}}/repos/team/shop/statuses/{SHA}"},
            {})},
        {"id": 1},
        f"POST repos/team/shop/statuses/{SHA}",
        {"state": "failure", "context": "golive", "description": "2 fail",
         "target_url": "https://golive.example.org/b/1"},
    ),
    Case(
        "github.set_comment", {"repository": "team/shop", "number": 5, "body": "Two tests fail."},
        {"GET repos/team/shop/issues/5/comments": [{"id": 6, "body": "Nice"}],
         "POST repos/team/shop/issues/5/comments": (201, COMMENT, {})},
        {"id": 7, "existed": False},
        "POST repos/team/shop/issues/5/comments",
        {"body": "Two tests fail.\n\n<!-- golive:golive -->"},
        looks=1,
        state={"GET repos/team/shop/issues/5/comments": [COMMENT]},
        found={"id": 7, "existed": True},
    ),
    Case(
        "github.set_comment", {"repository": "team/shop", "number": 5, "body": "All pass."},
        {"GET repos/team/shop/issues/5/comments": [{"id": 6, "body": "Nice"}, COMMENT],
         "PATCH repos/team/shop/issues/comments/7": COMMENT},
        {"id": 7},
        "PATCH repos/team/shop/issues/comments/7",
        {"body": "All pass.\n\n<!-- golive:golive -->"},
        looks=1, tag="changed",
    ),
]  # fmt: skip
