"""Answers and requests of the remote API of Jenkins."""

from action_case import Case

TYPE = "jenkins"
OPTIONS = {"user": "bot"}
JOB = "job/shop/job/deploy"
CONFIG = "<flow-definition><description>Deploys</description></flow-definition>"

CASES = [
    Case(
        "jenkins.authenticate", {}, {"GET me/api/json": {"id": "bot", "fullName": "Bot"}},
        {"login": "bot"},
    ),
    Case(
        "jenkins.get_build_status", {"job": "shop/deploy"},
        {f"GET {JOB}/lastBuild/api/json": {"number": 7, "result": None, "building": True,
                                           "_class": "hudson.model.FreeStyleBuild"}},
        {"number": 7, "building": True, "result": None},
    ),
    Case(
        "jenkins.get_build_logs", {"job": "shop/deploy", "build": "7"},
        {f"GET {JOB}/7/consoleText": (200, b"Started\nFinished: SUCCESS\n", {
            "Content-Type": "text/plain;charset=utf-8"})},
        "Started\nFinished: SUCCESS\n",
    ),
    Case(
        "jenkins.get_artifacts", {"job": "shop/deploy", "build": "7"},
        {f"GET {JOB}/7/api/json": {"artifacts": [
            {"fileName": "a.txt", "relativePath": "out/a.txt"}]}},
        [{"path": "out/a.txt"}],
    ),
    Case(
        "jenkins.create_job", {"job": "shop/deploy", "config": CONFIG},
        {"POST job/shop/createItem": (200, b"", {})},
        {"job": "shop/deploy", "existed": False},
        "POST job/shop/createItem", CONFIG,
        state={"POST job/shop/createItem": (400, b"A job already exists", {}),
               f"GET {JOB}/api/json": {"url": "https://ci.example.org/job/shop/job/deploy/"}},
        found={"existed": True, "url": "https://ci.example.org/job/shop/job/deploy/"},
    ),
    Case(
        "jenkins.trigger_build",
        {"job": "shop/deploy", "parameters": '{"ENVIRONMENT": "staging & test", "RETRIES": "2"}'},
        {f"POST {JOB}/buildWithParameters": (
            201, b"", {"Location": "https://ci.example.org/queue/item/12/"})},
        {"queue_url": "https://ci.example.org/queue/item/12/"},
        f"POST {JOB}/buildWithParameters", "ENVIRONMENT=staging+%26+test&RETRIES=2",
    ),
    Case(
        "jenkins.trigger_build", {"job": "shop/deploy"},
        {f"POST {JOB}/build": (201, b"", {"Location": "https://ci.example.org/queue/item/13/"})},
        {"queue_url": "https://ci.example.org/queue/item/13/"},
        f"POST {JOB}/build", "", tag="plain",
    ),
]  # fmt: skip
