"""The Terraform module, read as HCL: every reference leads somewhere, everything at rest is sealed.

It is never planned or applied here (docs/deploy.md).
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import hcl2
import pytest
import yaml

from tests.conftest import ROOT

FOLDER = ROOT / "deploy" / "terraform"
FILES = sorted(FOLDER.glob("*.tf"))
TEXT = "\n".join(path.read_text() for path in FILES)
BARE = re.sub(r"(?m)^\s*#.*$", "", TEXT)


def bare(name: str) -> str:
    return name.strip('"')


def blocks() -> dict[str, dict[str, Any]]:
    """Return kind to address to body of every block of all files."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for path in FILES:
        for kind, items in hcl2.loads(path.read_text()).items():
            for item in items:
                for label, body in item.items():
                    if kind in ("resource", "data"):
                        for name, inner in body.items():
                            found[kind][f"{bare(label)}.{bare(name)}"] = inner
                    else:
                        found[kind][bare(label)] = body
    return found


BLOCKS = blocks()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_hcl(path: Any) -> None:
    assert hcl2.loads(path.read_text())


def test_every_variable_is_used_and_every_used_one_is_there() -> None:
    assert set(re.findall(r"\bvar\.(\w+)", BARE)) == set(BLOCKS["variable"])
    for name, body in BLOCKS["variable"].items():
        assert "description" in body, name


def test_every_reference_leads_to_a_resource() -> None:
    data = set(re.findall(r"\bdata\.(\w+\.\w+)", BARE))
    assert data == set(BLOCKS["data"])
    named = set(re.findall(r"(?<![\w.])(aws_\w+\.\w+)", BARE))
    assert named <= set(BLOCKS["resource"]), named - set(BLOCKS["resource"])


def test_a_reference_to_nothing_would_be_found() -> None:
    assert "aws_s3_bucket.other" not in BLOCKS["resource"]
    assert {"aws_eks_cluster.this", "aws_db_instance.this", "aws_s3_bucket.lake",
            "aws_kms_key.this", "aws_vpc.this"} <= set(BLOCKS["resource"])  # fmt: skip


def test_everything_at_rest_is_sealed_with_the_key_of_ours() -> None:
    found = BLOCKS["resource"]
    for address, key in [
        ("aws_db_instance.this", "kms_key_id"), ("aws_backup_vault.this", "kms_key_arn"),
    ]:  # fmt: skip
        assert "aws_kms_key.this.arn" in str(found[address][key])
    assert "aws_kms_key.this.arn" in str(found["aws_eks_cluster.this"]["encryption_config"])
    sealed = found["aws_s3_bucket_server_side_encryption_configuration.lake"]
    assert "aws_kms_key.this.arn" in str(sealed)
    assert found["aws_db_instance.this"]["storage_encrypted"] is True
    assert found["aws_kms_key.this"]["enable_key_rotation"] is True


def test_nothing_is_open_to_the_world() -> None:
    found = BLOCKS["resource"]
    closed = found["aws_s3_bucket_public_access_block.lake"]
    switches = ("block_public_acls", "block_public_policy", "ignore_public_acls",
                "restrict_public_buckets")  # fmt: skip
    assert all(closed[name] is True for name in switches)
    assert found["aws_db_instance.this"]["publicly_accessible"] is False
    assert not re.search(r'cidr_ipv4\s*=\s*"0\.0\.0\.0/0"', BARE)
    assert BLOCKS["variable"]["api_cidrs"]["default"] == []


def test_no_rule_removes_what_the_lake_needs() -> None:
    rule = str(BLOCKS["resource"]["aws_s3_bucket_lifecycle_configuration.lake"])
    assert "noncurrent_version_expiration" in rule
    assert not re.search(r"'expiration'", rule)


def test_the_database_cannot_be_lost_by_a_slip() -> None:
    database = BLOCKS["resource"]["aws_db_instance.this"]
    assert database["deletion_protection"] is True
    assert database["skip_final_snapshot"] is False
    assert database["manage_master_user_password"] is True
    assert "password" not in database


def test_the_manifests_and_the_module_agree() -> None:
    network = (ROOT / "deploy" / "kubernetes" / "network.yaml").read_text()
    assert bare(BLOCKS["variable"]["cidr"]["default"]) in network
    account = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "access.yaml").read_text())
    said = account["metadata"]
    assert f"system:serviceaccount:{said['namespace']}:{said['name']}" in TEXT


def test_the_code_is_laid_out_as_terraform_does() -> None:
    """What `terraform fmt` does, as far as it can be told: two spaces, `=` in a row aligned."""
    for path in FILES:
        run: list[int] = []
        for line in [*path.read_text().splitlines(), ""]:
            assert line == line.rstrip()
            assert not re.match(r" *\t", line)
            assert (len(line) - len(line.lstrip(" "))) % 2 == 0, f"{path.name}: {line}"
            match = re.match(r"^( *)([\w.\"/-]+)( +)= \S", line)
            opens = line.rstrip().endswith(("{", "[", "("))
            if match and not opens:
                run.append(line.index(" = ") if " = " in line else -1)
            else:
                assert len(set(run)) <= 1, f"{path.name}: above {line!r}"
                run = []
