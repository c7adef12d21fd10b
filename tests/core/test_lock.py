"""A lock is held by one process at a time and goes with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from golive_core.lock import alone, is_held

HOLD = """
import sys, time
from pathlib import Path
from golive_core.lock import alone
with alone(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_held_by_one_and_free_after_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        assert is_held(tmp_path, "it")
        assert not is_held(tmp_path, "another")
        process.kill()
    with alone(tmp_path, "it"):
        assert is_held(tmp_path, "it")


def test_any_name_makes_a_file_in_the_folder(tmp_path: Path) -> None:
    with alone(tmp_path / "locks", "../a b/ü"):
        assert [one.name for one in (tmp_path / "locks").iterdir()] == [".._a_b__"]
