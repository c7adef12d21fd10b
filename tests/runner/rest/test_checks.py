"""REST checks against a real server: what passes, what fails, and how it is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from golive_core.errors import UsageError
from golive_runner.attempt import document

HEAD = "checks: Shop API\nbase: {base}\n"
SIGNED = 'headers: {Authorization: "Bearer ${SHOP_TOKEN}"}\n'


def test_the_example_of_the_docs(base, check):
    attempts = check(f"""checks: Shop API
base: {base}
rows: [{{user: ada}}, {{user: grace}}]
steps:
  - get: /v1/users/{{user}}
    headers: {{Authorization: "Bearer ${{SHOP_TOKEN}}"}}
    expect: {{status: 200, header: {{content-type: application/json}}, json: {{$.name: ada}}}}
    capture: {{id: $.id}}
  - post: /v1/orders
    json: {{user: "{{id}}"}}
    expect: {{status: [200, 201], json: {{$.type: int, $.order.user: 3}}}}
retries: 1
""")
    assert [(one.name, one.status) for one in attempts] == [
        ("Shop API[user=ada]", "passed"),
        ("Shop API[user=grace]", "failed"),
        ("Shop API[user=grace]", "failed"),
    ]
    assert attempts[1].message == 'GET /v1/users/grace: $.name is "grace", expected "ada"'
    assert [step.status for step in attempts[1].steps] == ["failed", "skipped"]
    assert [step.name for step in attempts[0].steps] == ["GET /v1/users/ada", "POST /v1/orders"]


def test_a_secret_is_in_no_report_and_no_evidence(base, check, tmp_path, store):
    [attempt] = check(
        HEAD.format(base=base)
        + SIGNED
        + """
steps:
  - get: /v1/users/ada
    expect: {json: {$.echo: nothing}}
"""
    )
    report = json.dumps(document("rest", [attempt]), default=str)
    kept = [store.get(one.sha256).decode() for step in attempt.steps for one in step.evidence]
    assert "t0psecret" not in report + "".join(kept)
    assert len(kept) == 2
    assert r"echo\":\"***" in kept[1]


def test_a_captured_token_is_masked_where_it_is_sent_again(base, check, store):
    [attempt] = check(
        HEAD.format(base=base)
        + """
steps:
  - post: /login
    form: {user: ada}
    capture: {token: $.access_token, form: $.form}
  - get: /echo/{token}
    expect: {json: {$.path: /echo/abc123def456ghi}}
"""
    )
    assert attempt.status == "passed"
    kept = "".join(store.get(e.sha256).decode() for s in attempt.steps for e in s.evidence)
    assert "abc123def456ghi" not in kept + json.dumps(document("rest", [attempt]), default=str)


def test_cookies_are_kept_within_an_attempt_and_not_beyond(base, check):
    text = (
        HEAD.format(base=base)
        + """
rows: [{first: /login, has: "true"}, {first: /echo/x, has: "false"}]
steps:
  - %s: "{first}"
    expect: {status: [200, 405]}
  - get: /cookie
    params: {a: 1, b: [x, y]}
    expect: {json: {$.has: "{has}", $.q: a=1&b=x&b=y}}
"""
    )
    assert [one.status for one in check(text % "post")] == ["passed", "passed"]


def test_a_retry_that_passes_leaves_both_attempts(base, check):
    attempts = check(HEAD.format(base=base) + "retries: 3\nsteps: [{get: /flaky}]\n")
    assert [one.status for one in attempts] == ["failed", "passed"]
    assert attempts[0].message == "GET /flaky: status is 503, expected one below 400"


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("{$.id: {above: 2, at_most: 3}}", ""),
        ("{$.id: {above: 3}}", "$.id is 3, expected above 3"),
        ("{$.name: {matches: ^a.a$}}", ""),
        ("{$.name: {matches: z}}", '$.name is "ada", expected a match of "z"'),
        ("{$.tags: {length: 2, contains: b}}", ""),
        ("{$.tags: {length: 3}}", '$.tags is ["a", "b"], expected a length of 3'),
        ("{$.tags: {length: {below: 3}}}", ""),
        ("{'$.tags[*]': [a, b]}", ""),
        ("{$.note: null}", ""),
        ("{$.note: {type: string}}", '$.note is null, expected a value of type "string"'),
        ("{$.none: {absent: true}}", ""),
        ("{$.none: 1}", "$.none is missing"),
        ("{$.id: {present: false}}", "$.id is 3, expected present: false"),
        ("{$.id: true}", "$.id is 3, expected true"),
        ("{$.name: {above: 3}}", '$.name is "ada", which cannot be compared with 3'),
        ("{$.id: {one_of: [1, 3]}, $.name: {not: bob}}", ""),
    ],
)  # fmt: skip
def test_each_operator_says_what_it_found(base, check, expected, said):
    [attempt] = check(
        HEAD.format(base=base)
        + SIGNED
        + f"""
steps:
  - get: /v1/users/ada
    name: user
    expect: {{json: {expected}}}
"""
    )
    assert attempt.message == (f"user: {said}" if said else "")


def test_headers_text_and_time_are_held_against_their_expectations(base, check):
    [attempt] = check(
        HEAD.format(base=base)
        + SIGNED
        + """
steps:
  - get: /v1/users/ada
    expect:
      header: {x-count: 3, x-none: {absent: true}, content-type: {matches: json}}
      text: {contains: '"name":"ada"'}
  - get: /v1/users/ada
    expect: {faster_than_ms: 0.001, header: {x-count: 4}, status: 4xx}
"""
    )
    assert attempt.steps[0].status == "passed"
    told = attempt.steps[1].message
    assert 'status is 200, expected 4xx; header x-count is "3", expected "4"; took' in told


def test_a_schema_beside_the_document_may_point_to_its_neighbour(base, check, tmp_path):
    (tmp_path / "name.json").write_text('{"type": "string", "maxLength": 2}')
    schema = {"type": "object", "required": ["id", "age"],
              "properties": {"name": {"$ref": "name.json"}}}  # fmt: skip
    (tmp_path / "user.json").write_text(json.dumps(schema))
    text = HEAD.format(base=base) + SIGNED
    [attempt] = check(
        text + "steps: [{get: /v1/users/ada, name: user, expect: {schema: user.json}}]\n"
    )
    assert attempt.message == "user: $ 'age' is a required property; $.name \"ada\" is too long"


def test_what_is_put_into_a_path_stays_one_part_of_it(base, check):
    [attempt] = check(
        HEAD.format(base=base)
        + """
rows: [{what: "a/../b?c=d&e ü"}]
steps:
  - put: /echo/{what}
    body: "{what} {{what}}"
    expect:
      json: {$.path: /echo/a%2F..%2Fb%3Fc%3Dd%26e%20%C3%BC, $.body: {contains: "c=d&e ü {{what}}"}}
"""
    )
    assert attempt.message == ""


@pytest.mark.parametrize(("name", "content"), [
    ("users.csv", "user,n\nada,1\ngrace,2\n"), ("users.json", '[{"user": "ada"}, {"user": "x"}]'),
])  # fmt: skip
def test_rows_come_from_a_file(base, check, tmp_path, name, content):
    (tmp_path / name).write_text(content)
    attempts = check(
        HEAD.format(base=base)
        + SIGNED
        + f"""
rows: {name}
steps: [{{get: "/v1/users/{{user}}", expect: {{json: {{$.name: "{{user}}"}}}}}}]
"""
    )
    assert [one.status for one in attempts] == ["passed", "passed"]


def test_evidence_says_what_was_sent_answered_and_how_long_it_took(base, check, evidence):
    [attempt] = check(
        HEAD.format(base=base)
        + """
steps:
  - post: /v1/orders
    json: {user: ada}
    basic: {user: ada, password: pass}
"""
    )
    request, response = evidence(attempt, "request"), evidence(attempt, "response")
    assert request["body"] == '{"user":"ada"}'
    assert dict(request["headers"])["authorization"] == "***"
    assert (response["status"], response["certificate"]) == (201, "none")
    assert 0 < response["connect_s"] < response["first_byte_s"] <= response["total_s"]


def test_only_failures_are_kept_where_the_document_says_so(base, check):
    [attempt] = check(
        HEAD.format(base=base) + "keep: failed\nsteps: [{get: /cookie}, {get: /no}]\n"
    )
    assert [len(step.evidence) for step in attempt.steps] == [0, 2]


WRONG = [
    ("checks: a\nsteps:\n  - get: /\n    hedaers: {}\n", "4: steps.1.hedaers is not known",
     "Did you mean headers?"),
    ("checks: a\nsteps:\n  - gett: /\n", "3: steps.1 has no request", "Did you mean get?"),
    ("checks: a\nsteps:\n  - get: /\n    expect:\n      json: {'$.[': 1}\n", "5:", "JSONPath"),
    ("checks: a\nsteps:\n  - get: /\n    expect: {text: {matchs: a}}\n", "4:", "matches"),
    ("checks: a\nsteps:\n  - get: /\n    expect: {text: {matches: '('}}\n", "4:", "expression"),
    ("checks: a\nsteps:\n  - get: /\n    expect: {json: {$.a: {above: true}}}\n", "4:", "takes"),
    ("checks: a\nsteps:\n  - get: /\n    expect: {status: 20}\n", "4:", "no status"),
    ("checks: a\nsteps: []\n", "1:", "nothing to check"),
    ("checks: a\nretries: 99\nsteps: [{get: /}]\n", "2: retries", "10"),
    ("steps: [{get: /}]\n", "1: checks is missing", ""),
    ("checks: a\nbase: http://localhost\nrows: [{user: x}]\nsteps:\n  - get: /{usr}\n",
     "5: steps.1 uses {usr}", "Did you mean user?"),
    ("checks: a\nsteps:\n  - get: /\n  - get: [\n", "", "not valid YAML"),
    ("checks: a\nrows: [{n: 1}]\nsteps: [{get: /{n}}]\n", "3:", "Put quotes around"),
    ("checks: a\nchecks: b\n", "2: checks stands there twice", ""),
    ("checks: a\nsteps: [{post: /, json: {{id}: 1}}]\n", "2:", "quotes"),
    ("checks: a\nsteps: [{get: '/${NOT_SET_HERE}'}]\n", "NOT_SET_HERE is not set", "export"),
    ("checks: a\nsteps: [{get: /, expect: {schema: none.json}}]\n", "none.json", "cannot be read"),
    ("checks: a\nsteps: [{get: /, expect: {schema: {type: strin}}}]\n", "", "no JSON schema"),
    ("checks: a\nrows: none.csv\nsteps: [{get: /}]\n", "none.csv", "cannot be read"),
    ("checks: a\nrows: []\nsteps: [{get: /}]\n", "no rows", ""),
    ("", "", "is empty"),
    ("- a\n", "1", "dictionary"),
    ("a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
     "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
     "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n", "", "unfolds"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "where", "said"), WRONG)
def test_a_wrong_document_is_wrong_use_and_names_its_place(check, text, where, said):
    with pytest.raises(UsageError) as caught:
        check(text)
    assert where in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(("content", "said"), [("a,a\n1,2\n", "twice"), ("a,b\n1\n", "rows.csv:2")])
def test_a_wrong_file_of_rows_names_its_line(check, tmp_path: Path, content, said):
    (tmp_path / "rows.csv").write_text(content)
    with pytest.raises(UsageError, match=said):
        check("checks: a\nrows: rows.csv\nsteps: [{get: /}]\n")


def test_rows_may_be_generated_from_a_schema(base, check, tmp_path):
    (tmp_path / "shop.sql").write_text(
        "create table users (id int primary key, name varchar(20), price decimal(6, 2), born date);"
    )
    attempts = check(
        HEAD.format(base=base)
        + """
rows: {generate: shop.sql, table: users, rows: 12, seed: 3}
steps:
  - post: /v1/orders
    json: {user: "{id}", name: "{name}", price: "{price}", born: "{born}"}
    expect: {json: {$.order.user: "{id}", $.order.name: "{name}", $.order.price: "{price}"}}
"""
    )
    assert [one.status for one in attempts] == ["passed"] * 12
    assert len({one.name for one in attempts}) == 12


def test_a_pattern_captures_a_part_of_a_header_or_of_the_body(base, check):
    [attempt] = check(
        HEAD.format(base=base)
        + """
steps:
  - post: /login
    form: {user: ada}
    capture:
      cookie: {header: set-cookie, pattern: 'session=(\\w+)'}
      form: {pattern: 'user=\\w+'}
  - get: /echo/{cookie}
    expect: {json: {$.path: /echo/s3ss10n}}
  - get: /echo/{form}
    capture: {no: {json: $.path, pattern: 'nothing'}}
"""
    )
    assert [step.status for step in attempt.steps] == ["passed", "passed", "failed"]
    assert "there is no match of nothing in $.path" in attempt.message


def test_a_secret_of_a_row_is_in_no_name_and_no_evidence(base, check, store):
    attempts = check(
        HEAD.format(base=base)
        + """
rows: [{user: ada, password: hunter2-a}, {user: ada, password: hunter2-b}]
steps:
  - post: /login
    form: {user: "{user}", password: "{password}"}
    expect: {json: {$.form: {contains: nothing}}}
"""
    )
    assert [one.name for one in attempts] == [
        "Shop API[user=ada,password=***]",
        "Shop API[user=ada,password=***#2]",
    ]
    kept = "".join(store.get(e.sha256).decode() for a in attempts for s in a.steps
                   for e in s.evidence)  # fmt: skip
    assert "hunter2" not in kept + json.dumps(document("rest", attempts), default=str)


def test_a_variable_is_masked_in_what_was_seen_before_it_was_known(base, check, store, monkeypatch):
    text = HEAD.format(base=base) + "steps: [{get: '/echo/late-known-value'}]\n"
    check(text)
    monkeypatch.setenv("LATE", "late-known-value")
    [attempt] = check(text.replace("late-known-value", "${LATE}"))
    kept = "".join(store.get(e.sha256).decode() for s in attempt.steps for e in s.evidence)
    assert "late-known-value" not in kept + str(attempt)
