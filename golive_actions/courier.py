"""Carries the requests of one verb to its server, and the answers back."""

from __future__ import annotations

from urllib.parse import urlsplit

from golive_actions.target import Flow, Target
from golive_core.errors import SourceDataError
from golive_core.http import Answer, Http, Request
from golive_core.http.retry import SAFE


class Courier:
    """Runs flows of one target; a dry one stops before the first request that changes something.

    `stopped` is that request. The client is made when it is needed, so that showing a request
    that needs no lookup needs no secret either.
    """

    def __init__(self, target: Target, *, is_dry: bool) -> None:
        self._target, self._is_dry = target, is_dry
        self._http: Http | None = None
        self.stopped: Request | None = None

    def __enter__(self) -> Courier:
        return self

    def __exit__(self, *_: object) -> None:
        if self._http:
            self._http.close()

    def run(self, flow: Flow) -> object:
        """Return the result of the flow, None if it was stopped; raises what answers mean."""
        try:
            request = next(flow)
            while not self._stops(request):
                request = flow.send(self._fetch(request))
        except StopIteration as end:
            return end.value
        flow.close()
        return None

    def _stops(self, request: Request) -> bool:
        if self._is_dry and request.method not in SAFE:
            self.stopped = request
        return self.stopped is not None

    def _fetch(self, request: Request) -> Answer:
        self._http = self._http or self._target.http()
        answer = self._http.fetch(request)
        if request.method not in SAFE:
            self._arrived(answer)
        return answer

    def _arrived(self, answer: Answer) -> None:
        """Refuse an answer from elsewhere: most redirects turn a POST into a GET, that is nothing.

        Where the server itself lives at another address, the url of the instance is wrong.
        """
        here, there = urlsplit(self._target.root()), urlsplit(answer.url)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise SourceDataError(
                f"was sent on to {there.scheme}://{there.netloc}, and perhaps nothing was done",
                where=self._target.place.instance.name, hint="Give that address as url",
            )  # fmt: skip
