"""Nothing secret is in what leaves, and what is no secret comes back as it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golive_core.masks import PLACEHOLDER, Masks, is_card, is_dense
from golive_core.redact import redact

MIX = "aB3dE6gH9jK2mN5pQ8sT1vW4"
HEX = "0123456789abcdef"
SECRETS = {
    "github": "ghp_" + MIX + "xYz7", "github fine": "github_pat_" + MIX, "gitlab": "glpat-" + MIX,
    "slack": "xoxb-123456789012-" + MIX, "slack app": "xapp-1-A012-" + MIX,
    "aws id": "AKIA" + "Q7" * 8, "aws secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0." + MIX, "openai": "sk-proj-" + MIX,
    "anthropic": "sk-ant-api03-" + MIX, "stripe": "sk_live_" + MIX,
    "google": "AIza" + MIX + "0123456",
    "google oauth": "ya29." + MIX, "google refresh": "1//0g" + MIX + MIX, "npm": "npm_" + MIX + MIX,
    "pypi": "pypi-" + MIX + MIX, "sendgrid": f"SG.{MIX}.{MIX}", "mailgun": "key-" + HEX * 2,
    "mailchimp": HEX * 2 + "-us12", "twilio": "SK" + HEX * 2, "digitalocean": "dop_v1_" + HEX * 4,
    "vault": "hvs." + MIX, "atlassian": "ATATT" + MIX, "sonar": "squ_" + HEX * 3,
    "hugging face": "hf_" + MIX + "abcdefgh", "databricks": "dapi" + HEX * 2,
    "grafana": "glsa_" + MIX + "abcdefgh", "newrelic": "NRAK-" + "A7" * 14,
    "shopify": "shpat_" + HEX * 2, "linear": "lin_api_" + MIX + MIX, "notion": "ntn_" + MIX + MIX,
    "groq": "gsk_" + MIX, "xai": "xai-" + MIX, "replicate": "r8_" + MIX + MIX,
    "sentry": "sntrys_" + MIX, "terraform": "aB3dE6gH9jK2mN.atlasv1." + MIX + MIX,
    "doppler": "dp.pt." + MIX, "pulumi": "pul-" + HEX * 3, "supabase": "sbp_" + HEX * 3,
    "planetscale": "pscale_tkn_" + MIX, "netlify": "nfp_" + MIX, "figma": "figd_" + MIX,
    "jfrog": "AKCp" + MIX * 3, "square": "sq0atp-" + MIX, "telegram": "123456789:AA" + MIX + MIX,
    "key block": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    "dense": "Zx9Qw8Er7Ty6Ui5Op4As3Df2Gh1", "hash": HEX * 4, "mail": "ada.l@example.org",
    "card": "4111 1111 1111 1111", "iban": "DE89 3704 0044 0532 0130 00", "address": "10.20.30.40",
    "host": "db7.prod.corp",
}  # fmt: skip
AROUND = (
    "error: {} was refused", "token={}", "Authorization: Bearer {}", '{{"api_key": "{}"}}',
    "https://user:{}@git.example.org/x.git", "export SECRET='{}'", "curl -H 'X-Api-Key: {}' x",
)  # fmt: skip
ASSIGNED = (
    "password=hunter-7731", 'DB_PASSWORD: "hunter-7731"', "--token hunter-7731",
    "Server=x;Uid=sa;Pwd=hunter-7731;", "https://bob:hunter-7731@example.org/",
    "machine x login bob password hunter-7731", "?access_token=hunter-7731&x=1",
    "Cookie: session=hunter-7731", "client_secret => 'hunter-7731'",
)  # fmt: skip


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("around", AROUND)
def test_planted_secrets_of_every_kind_are_masked(kind: str, around: str) -> None:
    secret = SECRETS[kind]
    said = Masks().mask(around.format(secret))
    assert secret not in said
    assert PLACEHOLDER.search(said)


@pytest.mark.parametrize("text", ASSIGNED)
def test_what_stands_behind_a_telling_name_is_masked(text: str) -> None:
    assert "hunter-7731" not in Masks().mask(text)
    assert "hunter-7731" not in redact(text)


def test_one_text_has_one_placeholder_and_comes_back_but_for_secrets() -> None:
    masks = Masks()
    text = (
        "ada@example.org and bob@example.org asked db7.corp as ada@example.org, password=hunter22"
    )
    said = masks.mask(text)
    assert said.count("[[EMAIL_1]]") == 2
    assert masks.restore(said) == text.replace("hunter22", "[[SECRET_1]]")
    assert masks.counts() == {"EMAIL": 2, "HOST": 1, "SECRET": 1}
    assert len(masks) == 4
    assert masks.mask(said) == said


def test_shas_that_are_known_and_usual_words_stay() -> None:
    sha = "c0ffee" * 6 + "beef"
    text = f"commit {sha} of src/shop.c:12 version 1.2 in 3.5 s, test_total_of_an_empty_basket"
    assert Masks([sha]).mask(text) == text
    assert Masks().mask(f"commit {sha}") == "commit [[HASH_1]]"


def test_names_of_people_are_masked_and_come_back() -> None:
    masks = Masks(people=["Ada Lindqvist", "Ada"])
    said = masks.mask("by Ada Lindqvist, asked Ada about Adapter")
    assert said == "by [[PERSON_1]], asked [[PERSON_2]] about Adapter"
    assert masks.restore(said) == "by Ada Lindqvist, asked Ada about Adapter"


def test_a_placeholder_in_the_text_itself_is_no_way_to_a_secret() -> None:
    masks = Masks()
    said = masks.mask("password=hunter22 and [[SECRET_1]] and [[EMAIL_1]]")
    assert "hunter22" not in masks.restore(said)
    assert masks.restore("[[EMAIL_7]]") == "[[EMAIL_7]]"


@given(st.text(max_size=200))
def test_masking_again_changes_nothing(text: str) -> None:
    masks = Masks()
    said = masks.mask(text)
    assert masks.mask(said) == said


def test_cards_have_a_check_digit_and_keys_a_mix() -> None:
    assert is_card("4111111111111111")
    assert not is_card("4111111111111112")
    assert not is_card("0000000000000000")
    assert is_dense(json.dumps(MIX).strip('"'))
    assert not is_dense("test_that_all_attributes_are_expanded")
