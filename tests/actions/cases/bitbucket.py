"""Answers and requests of the REST API of Bitbucket Cloud, version 2.0."""

from action_case import Case

TYPE = "bitbucket"
OPTIONS = {"user": "bot"}
SHA = "61d9e64348f9da407e62f64726337fd3bb24b466"
R = "repositories/team/shop"
PAGE = {"html": {"href": "https://bitbucket.org/team/shop/pull-requests/3"}}
PULL = {"id": 3, "title": "My Title", "links": PAGE}
HOOK = {"uuid": "{d64b9f7c}", "url": "https://golive.example.org/in", "active": True}
TEXT = "Two tests fail.\n\n[//]: # (golive:golive)"
COMMENT = {"id": 17, "content": {"raw": TEXT}, "deleted": False, "links": PAGE}
NONE = {"values": []}

CASES = [
    Case(
        "bitbucket.authenticate", {}, {"GET user": {"nickname": "bot", "display_name": "Bot"}},
        {"login": "bot"},
    ),
    Case(
        "bitbucket.get_repositories", {},
        {"GET repositories": {"values": [{"full_name": "team/shop", "is_private": True,
                                          "mainbranch": {"name": "main"}}]}},
        [{"repository": "team/shop", "default_branch": "main"}],
    ),
    Case(
        "bitbucket.get_branches", {"repository": "team/shop"},
        {f"GET {R}/refs/branches": {"values": [{"name": "main", "target": {"hash": SHA}}],
                                    "next": f"{{url}}/{R}/refs/branches2"},
         f"GET {R}/refs/branches2": {"values": [{"name": "next", "target": {"hash": SHA}}]}},
        [{"branch": "main", "head_sha": SHA}, {"branch": "next"}],
    ),
    Case(
        "bitbucket.get_commits", {"repository": "team/shop", "branch": "main"},
        {f"GET {R}/commits/main": {"values": [
            {"hash": SHA, "author": {"raw": "Mona <m@example.org>"}, "message": "Fix",
             "date": "2026-01-05T09:00:00+00:00"}]}},
        [{"sha": SHA, "message": "Fix"}],
    ),
    Case(
        "bitbucket.create_webhook",
        {"repository": "team/shop", "url": "https://golive.example.org/in",
         "secret": "env:HOOK_SECRET"},
        {f"GET {R}/hooks": NONE, f"POST {R}/hooks": (201, HOOK, {})},
        {"id": "{d64b9f7c}", "existed": False},
        f"POST {R}/hooks",
        {"description": "GoLive", "url": "https://golive.example.org/in", "active": True,
         "events": ["repo:push", "pullrequest:created", "pullrequest:updated"],
         "secret": "hook-secret-value"},
        looks=1, state={f"GET {R}/hooks": {"values": [HOOK]}},
        found={"id": "{d64b9f7c}", "existed": True},
    ),
    Case(
        "bitbucket.create_pull_request",
        {"repository": "team/shop", "title": "My Title", "head": "feature", "base": "main"},
        {f"GET {R}/pullrequests": NONE, f"POST {R}/pullrequests": (201, PULL, {})},
        {"id": 3, "url": "https://bitbucket.org/team/shop/pull-requests/3", "existed": False},
        f"POST {R}/pullrequests",
        {"title": "My Title", "description": "", "source": {"branch": {"name": "feature"}},
         "destination": {"branch": {"name": "main"}}},
        looks=1, state={f"GET {R}/pullrequests": {"values": [PULL]}},
        found={"id": 3, "existed": True},
    ),
    Case(
        "bitbucket.set_commit_status",
        {"repository": "team/shop", "commit": SHA, "state": "cancelled",
         "url": "https://golive.example.org/b/1"},
        {f"POST {R}/commit/{SHA}/statuses/build": (201, {"key": "golive", "state": "STOPPED"}, {})},
        {"key": "golive"},
        f"POST {R}/commit/{SHA}/statuses/build",
        {"key": "golive", "name": "golive", "state": "STOPPED", "description": "",
         "url": "https://golive.example.org/b/1"},
    ),
    Case(
        "bitbucket.set_comment",
        {"repository": "team/shop", "number": 3, "body": "Two tests fail."},
        {f"GET {R}/pullrequests/3/comments": NONE,
         f"POST {R}/pullrequests/3/comments": (201, COMMENT, {})},
        {"id": 17},
        f"POST {R}/pullrequests/3/comments", {"content": {"raw": TEXT}},
        looks=1, state={f"GET {R}/pullrequests/3/comments": {"values": [COMMENT]}},
        found={"id": 17, "existed": True},
    ),
    Case(
        "bitbucket.set_comment", {"repository": "team/shop", "number": 3, "body": "All pass."},
        {f"GET {R}/pullrequests/3/comments": {"values": [COMMENT]},
         f"PUT {R}/pullrequests/3/comments/17": COMMENT},
        {"id": 17},
        f"PUT {R}/pullrequests/3/comments/17",
        {"content": {"raw": "All pass.\n\n[//]: # (golive:golive)"}}, looks=1, tag="changed",
    ),
]  # fmt: skip
