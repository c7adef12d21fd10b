"""Answers and requests of the REST API of Confluence."""

from action_case import Case

TYPE = "confluence"
OPTIONS: dict[str, object] = {}
C = "rest/api/content"
PAGE = {
    "id": "3604482", "type": "page", "title": "Release 1.2", "version": {"number": 4},
    "body": {"storage": {"value": "<p>Old</p>", "representation": "storage"}},
    "_links": {"webui": "/display/SHOP/Release", "base": "https://wiki.example.org"},
}  # fmt: skip
NEW = {"value": "<p>New</p>", "representation": "storage"}
SAME = {**PAGE, "body": {"storage": NEW}}

CASES = [
    Case(
        "confluence.authenticate", {},
        {"GET rest/api/user/current": {"username": "bot", "displayName": "Bot"}},
        {"login": "bot"},
    ),
    Case(
        "confluence.get_page", {"space": "SHOP", "title": "Release 1.2"},
        {f"GET {C}": {"results": [PAGE]}},
        {"id": "3604482", "version": 4, "body": "<p>Old</p>",
         "url": "https://wiki.example.org/display/SHOP/Release"},
    ),
    Case(
        "confluence.publish_page",
        {"space": "SHOP", "title": "Release 1.2", "body": "<p>New</p>", "parent": "12"},
        {f"GET {C}": {"results": []}, f"POST {C}": SAME},
        {"id": "3604482", "existed": False},
        f"POST {C}",
        {"type": "page", "title": "Release 1.2", "space": {"key": "SHOP"},
         "ancestors": [{"id": "12"}], "body": {"storage": NEW}},
        looks=1, state={f"GET {C}": {"results": [SAME]}}, found={"existed": True},
    ),
    Case(
        "confluence.publish_page", {"space": "SHOP", "title": "Release 1.2", "body": "<p>New</p>"},
        {f"GET {C}": {"results": [PAGE]}, f"PUT {C}/3604482": SAME},
        {"id": "3604482"},
        f"PUT {C}/3604482",
        {"type": "page", "title": "Release 1.2", "version": {"number": 5},
         "body": {"storage": NEW}},
        looks=1, tag="next_version",
    ),
]  # fmt: skip
