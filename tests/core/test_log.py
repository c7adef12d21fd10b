"""No secret leaves through a log line, whatever its kind and wherever it stands."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote

import pytest
import structlog

from golive_core import log, settings
from golive_core.log import get_logger, redact

HEX = "0123456789abcdef" * 4
WORD = "Zk3vQ9xW7bR2tY8uLm4nPc6sDf1gHj5a"
# Each kind: the line as it might be logged, and the part of it that must not come out. Put together
# from pieces so that no scanner takes this file for a leak.
KINDS = {
    "bearer header": (f"Authorization: Bearer {WORD}", WORD),
    "basic header": (f"authorization: Basic {WORD}==", WORD),
    "header in a dict": (f"{{'Authorization': 'token {WORD}', 'Accept': 'x'}}", WORD),
    "header in JSON": (json.dumps({"PRIVATE-TOKEN": WORD, "a": 1}), WORD),
    "cookie": (f"Cookie: session={WORD}; theme=dark", WORD),
    "set-cookie": (f"set-cookie: golive={WORD}; HttpOnly", WORD),
    "crumb": (f"Jenkins-Crumb: {WORD}", WORD),
    "api key header": (f"X-Api-Key: {WORD}", WORD),
    "bare bearer": (f"sent bearer {WORD}", WORD),
    "url password": (f"cloning https://bot:{WORD}@git.example.org/a.git", WORD),
    "url token": (f"cloning https://{WORD}@git.example.org/a.git", WORD),
    "database url": (f"postgresql://golive:{WORD}@db:5432/golive", WORD),
    "query token": (f"GET https://x.example/api?page=2&access_token={WORD}&a=b", WORD),
    "query key": (f"GET https://x.example/api?key={WORD}", WORD),
    "sas signature": (f"https://x.blob.example/c?sv=1&sig={quote(WORD + '=')}&se=2", WORD),
    "aws signature": (f"https://s3.example/k?X-Amz-Signature={HEX}", HEX),
    "aws key id": (f"using AKIA{'Q7ZX2M4B6N8V1C3L'} now", "Q7ZX2M4B6N8V1C3L"),
    "aws secret": (f"aws_secret_access_key = {WORD}AbCd/e12", WORD),
    "github classic": (f"token ghp_{WORD}abcd", WORD),
    "github app": (f"ghs_{WORD}abcd", WORD),
    "github fine-grained": (f"github_pat_{WORD}_{WORD}", WORD),
    "gitlab": (f"remote: glpat-{WORD[:20]}", WORD[:20]),
    "gitlab runner": (f"glrt-{WORD[:20]}", WORD[:20]),
    "slack bot": (f"xoxb-{'123456789012'}-{WORD}", WORD),
    "slack hook": (f"POST https://hooks.slack.com/services/T0/B0/{WORD}", WORD),
    "discord hook": (f"https://discord.com/api/webhooks/1234/{WORD}", WORD),
    "telegram": (f"bot 1234567890:AA{WORD}abc", WORD),
    "json web token": (f"got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{WORD}", WORD),
    "private key": (
        f"-----BEGIN RSA PRIVATE KEY-----\n{WORD}\n-----END RSA PRIVATE KEY-----",
        WORD,
    ),
    "cut private key": (f"-----BEGIN OPENSSH PRIVATE KEY-----\n{WORD}\n{WORD}", WORD),
    "openai": (f"sk-proj-{WORD}", WORD),
    "stripe": (f"sk_{'live'}_{WORD}", WORD),
    "google": (f"AIza{WORD}abc", WORD),
    "google oauth": (f"ya29.{WORD}", WORD),
    "npm": (f"npm_{WORD}abcd", WORD),
    "pypi": (f"pypi-AgEIcHlwaS5vcmc{WORD}", WORD),
    "docker": (f"dckr_pat_{WORD}", WORD),
    "sendgrid": (f"SG.{WORD[:22]}.{WORD}", WORD),
    "digitalocean": (f"dop_v1_{HEX}", HEX),
    "vault": (f"hvs.{WORD}", WORD),
    "atlassian": (f"ATATT3xFfGF0{WORD}", WORD),
    "sonar": (f"squ_{HEX[:40]}", HEX[:40]),
    "huggingface": (f"hf_{WORD}", WORD),
    "grafana": (f"glsa_{WORD}_1a2b", WORD),
    "age": (f"AGE-SECRET-KEY-1{'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L' * 2}", "QPZRY9X8GF2TVDW0S3JN54"),
    "assignment": (f"DB_PASSWORD={WORD}", WORD),
    "quoted with spaces": ('password = "correct horse battery"', "horse"),
    "yaml": (f"client_secret: {WORD}", WORD),
    "json field": (json.dumps({"user": "a", "api_key": WORD}), WORD),
    "json in json": (json.dumps(json.dumps({"token": WORD})), WORD),
    "azure storage": (f"AccountName=x;AccountKey={WORD}==;Endpoint=y", WORD),
    "option": (f"mysqldump --password {WORD} shop", WORD),
    "option with sign": (f"curl --token={WORD} https://x", WORD),
}


@pytest.fixture(autouse=True)
def fresh_log() -> None:
    structlog.reset_defaults()


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    """Resolve a secret without any telling shape, as a source would."""
    monkeypatch.setenv("PLAIN_SECRET", "blue/kettle+and moon")
    return settings.resolve("env:PLAIN_SECRET")


def test_at_least_thirty_kinds_are_planted() -> None:
    assert len(KINDS) >= 30


@pytest.mark.parametrize("kind", KINDS)
def test_no_planted_secret_survives(kind: str) -> None:
    line, secret = KINDS[kind]
    assert secret in line
    assert secret not in redact(line)
    assert secret not in redact(f"before {line} after")


def test_no_planted_secret_leaves_through_a_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    logger = get_logger("test")
    for name, (line, _) in KINDS.items():
        logger.info(line, kind=name, detail=line, nested={"list": [line, {"deep": line}]})
    written = capsys.readouterr().err
    assert [name for name, (_, secret) in KINDS.items() if secret in written] == []


def test_a_resolved_secret_is_masked_in_every_spelling(secret: str) -> None:
    spellings = [secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()]
    for spelling in spellings:
        assert spelling not in redact(f"GET https://x.example/{spelling}/end")


def test_an_exception_is_masked_too(capsys: pytest.CaptureFixture[str], secret: str) -> None:
    try:
        int(secret)
    except ValueError:
        get_logger("test").exception("it broke")
    written = capsys.readouterr().err
    assert "ValueError" in written
    assert secret not in written


def test_a_value_under_a_telling_key_goes_whatever_it_looks_like(
    capsys: pytest.CaptureFixture[str],
) -> None:
    get_logger("test").info("signed in", token="short1", options={"password": "hunter"})
    assert "short1" not in (written := capsys.readouterr().err)
    assert "hunter" not in written


@pytest.mark.parametrize(
    "text",
    [
        "tests/test_token.py::test_password_reset failed after 12.5 s",
        "commit 0123456789abcdef0123456789abcdef01234567 by Ada <ada@example.org>",
        "GET https://ci.example.org/job/a/12/api/json?tree=builds[number]{0,100} 200",
        "ssh://git@example.org/a.git has 12 branches",
        "tokens=1500 is_token=true password=None token: env:CI_TOKEN",
        "expected Basic Authentication to be on",
        'Write token = "env:HUB_TOKEN" and set that variable, or "file:PATH"',
        "{'api_key': 'file:secrets/key.txt'}",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redact(text) == text


def test_redaction_twice_changes_nothing_more() -> None:
    for line, _ in KINDS.values():
        assert redact(redact(line)) == redact(line)


@pytest.mark.parametrize(
    "piece", ["a", "a-", "eyJ-", "password", "https://", "?key", "token: ", "x:", "-----BEGIN "]
)
def test_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    started = time.process_time()
    redact(piece * (100_000 // len(piece)))
    assert time.process_time() - started < 2


def test_machines_get_one_json_object_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_LOG", "json")
    get_logger("ingest").warning("slow", instance="ci", rows=3)
    captured = capsys.readouterr()
    line = json.loads(captured.err)
    assert (line["event"], line["instance"], line["rows"]) == ("slow", "ci", 3)
    assert (line["level"], line["logger"], captured.out) == ("warning", "ingest", "")


def test_the_level_is_a_setting(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_LOG_LEVEL", "error")
    log.configure()
    get_logger("test").info("quiet")
    get_logger("test").error("loud")
    assert "quiet" not in (written := capsys.readouterr().err)
    assert "loud" in written
