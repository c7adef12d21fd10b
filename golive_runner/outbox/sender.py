"""The process that hands attempts in while a suite runs: `-m golive_runner.outbox.sender FOLDER`.

A process and no thread: what a suite does to its own process (fakes of time and network, forks,
crashes) does not reach it, and it takes no time from the tests. A line on its standard input, or
the end of it, tells that the suite is over. Exit code 0: all was taken; 1: reports are left, and
standard output says why.
"""

from __future__ import annotations

import http.client
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from golive_core.settings import variable
from golive_runner.outbox.folder import Outbox

TOKEN = "GOLIVE_TOKEN"  # noqa: S105 - the name of a variable
FIRST_S, GROWTH, LONGEST_S = 1.0, 1.3, 10.0
"""Seconds between batches: short at first, so that a run is seen at once."""
CONNECT_S, ANSWER_S = 2.0, 20.0
LAST_TRIES = 2
"""Tries behind the end of the suite, LAST_WAIT_S apart."""
LAST_WAIT_S = 0.3
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class Answer(NamedTuple):
    """What became of a batch; `why` is empty where it was taken."""

    why: str = ""
    is_final: bool = False
    wait_s: float = 0.0


@dataclass
class Sender:
    """Sends one run, and afterwards what earlier runs beside it left."""

    outbox: Outbox
    token: str
    ended: threading.Event = field(default_factory=threading.Event)
    why: str = ""

    def run(self) -> bool:
        """Send until the suite is over and everything is there; return whether it is."""
        url, query = self.outbox.described()
        wait, tries = FIRST_S, LAST_TRIES
        while tries:
            is_over = self.ended.wait(wait)
            answer = self._send(url, query)
            self.why = answer.why
            if answer.is_final:
                self.ended.wait()  # the suite still writes
                return False
            if is_over and not answer.why:
                return True
            if is_over:
                tries -= 1
                time.sleep(LAST_WAIT_S if tries else 0)
            wait = max(min(wait * GROWTH, LONGEST_S), min(answer.wait_s, 3 * LONGEST_S))
        return False

    def _send(self, url: str, query: dict[str, str]) -> Answer:
        """Send batch by batch what there is."""
        while True:
            end, body = self.outbox.batch()
            if not body:
                return Answer()
            answer = post(url, query, self.token, body)
            if answer.why:
                return answer
            self.outbox.taken(end)

    def adopt(self) -> None:
        """Send what runs before this one could not, to the same gateway, until it refuses one."""
        url = self.outbox.described()[0]
        for folder in sorted(self.outbox.folder.parent.iterdir()):
            other = Outbox(folder)
            if folder == self.outbox.folder or not folder.is_dir() or other.described()[0] != url:
                continue
            with suppress(OSError):
                if not self._adopted(other):
                    return

    def _adopted(self, other: Outbox) -> bool:
        lock = other.held()
        if lock is None:
            return True
        with lock:
            if other.journal.exists():
                other.cut()
            url, query = other.described()
            for report in other.reports():
                if post(url, query, self.token, report.read_bytes()).why:
                    return False
                report.unlink()
            other.remove()
        return True


def post(url: str, query: dict[str, str], token: str, body: bytes) -> Answer:
    """Hand a report in; returns and never raises what went wrong."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {
        "Authorization": f"Bearer {token}", "X-File-Name": "pytest.jsonl",
        "Content-Type": "application/x-ndjson",
    }  # fmt: skip
    path = f"{parts.path.rstrip('/')}/v1/reports?{urlencode(query)}"
    link = kind(parts.hostname or "", parts.port, timeout=CONNECT_S)
    try:
        link.connect()
        if link.sock:
            link.sock.settimeout(ANSWER_S)
        link.request("POST", path, body, headers)
        answer = link.getresponse()
        said, after = answer.read(500), answer.getheader("retry-after") or ""
    except (OSError, http.client.HTTPException) as error:
        return Answer(f"{url} does not answer: {error}")
    finally:
        link.close()
    if answer.status == HTTPStatus.ACCEPTED:
        return Answer()
    wait = float(after) if after.isdigit() else 0.0
    why = f"{url} answered {answer.status}: {said.decode(errors='replace')[:200]}"
    return Answer(why, answer.status not in AGAIN, wait)


def main() -> None:
    """Run for the folder that is named."""
    sender = Sender(Outbox(Path(sys.argv[1])), variable(TOKEN).strip())
    threading.Thread(target=_listen, args=(sender.ended,), daemon=True).start()
    is_sent = sender.run()
    if is_sent:
        sender.outbox.emptied()
        sender.adopt()
        sender.outbox.remove()
    else:
        sender.outbox.cut()
        sys.stdout.write(sender.why)
    sys.exit(0 if is_sent else 1)


def _listen(ended: threading.Event) -> None:
    sys.stdin.readline()
    ended.set()


if __name__ == "__main__":
    main()
