"""Answers and requests of the REST API of Jira, version 2."""

from action_case import Case

TYPE = "jira"
OPTIONS = {"user": "bot"}
I = "rest/api/2/issue"  # noqa: E741 - the path of issues
OPEN = {"key": "SHOP-7", "fields": {"status": {"name": "In Progress"}}}
DONE = {"key": "SHOP-7", "fields": {"status": {"name": "Done"}}}
WAYS = {"transitions": [
    {"id": "21", "name": "Stop Progress", "to": {"name": "To Do"}},
    {"id": "31", "name": "Resolve", "to": {"name": "Done"}},
]}  # fmt: skip
NOTHING = (204, b"", {})

CASES = [
    Case(
        "jira.authenticate", {}, {"GET rest/api/2/myself": {"name": "bot", "displayName": "Bot"}},
        {"login": "bot"},
    ),
    Case(
        "jira.create_issue",
        {"project": "SHOP", "title": "Cart is empty", "body": "Since 1.2", "labels": '["cart"]',
         "fields": '{"priority": {"name": "High"}}'},
        {f"POST {I}": (201, {"id": "10000", "key": "SHOP-24", "self": "{url}/x"}, {})},
        {"issue": "SHOP-24", "existed": False},
        f"POST {I}",
        {"fields": {"project": {"key": "SHOP"}, "issuetype": {"name": "Bug"},
                    "summary": "Cart is empty", "description": "Since 1.2", "labels": ["cart"],
                    "priority": {"name": "High"}}},
    ),
    Case(
        "jira.update_issue", {"issue": "SHOP-7", "title": "Cart is empty on Mondays"},
        {f"PUT {I}/SHOP-7": NOTHING}, {"issue": "SHOP-7"},
        f"PUT {I}/SHOP-7", {"fields": {"summary": "Cart is empty on Mondays"}},
    ),
    Case(
        "jira.transition_issue", {"issue": "SHOP-7", "to": "done"},
        {f"GET {I}/SHOP-7": OPEN, f"GET {I}/SHOP-7/transitions": WAYS,
         f"POST {I}/SHOP-7/transitions": NOTHING},
        {"issue": "SHOP-7", "status": "Done", "existed": False},
        f"POST {I}/SHOP-7/transitions", {"transition": {"id": "31"}},
        looks=2, state={f"GET {I}/SHOP-7": DONE}, found={"status": "Done", "existed": True},
    ),
    Case(
        "jira.link_commit",
        {"issue": "SHOP-7", "commit": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
         "url": "https://git.example.org/c/6dcb09b"},
        {f"POST {I}/SHOP-7/remotelink": (201, {"id": 10000, "self": "{url}/x"}, {})},
        {"id": 10000},
        f"POST {I}/SHOP-7/remotelink",
        {"globalId": "golive=6dcb09b5b57875f334f61aebed695e2e4193db5e", "relationship": "commit",
         "object": {"url": "https://git.example.org/c/6dcb09b", "title": "6dcb09b5b578"}},
    ),
]  # fmt: skip
