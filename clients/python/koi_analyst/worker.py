"""Reads, answers, goes on; and says how it does."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any, Callable

from fastapi import FastAPI, Response

from .model import Analyst
from .transport import Transport

LOG = logging.getLogger("koi_analyst")

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
"""Seconds between two tries where Koi is out of reach: doubled from the first to the longest."""

STALE_AFTER = 90.0
"""Seconds without a word from Koi after which the worker is not well."""


@dataclass
class State:
    answered: int = 0
    refused: int = 0
    skipped: int = 0
    failures_in_a_row: int = 0
    last_seen: float = 0.0


class Worker:
    def __init__(self, connect: Callable[[], Transport]) -> None:
        self._connect = connect
        self._analyst = Analyst()
        self._stop = threading.Event()
        self.state = State()

    def run(self) -> None:
        """Works until `stop`; a failure is waited out, never fatal."""
        transport = self._connect()
        while not self._stop.is_set():
            try:
                for questions in transport.questions():
                    self.state.last_seen = time.monotonic()
                    self.state.failures_in_a_row = 0
                    self._take(transport, questions)
                    if self._stop.is_set():
                        return
            except Exception as error:  # The other side may do anything; the next try decides.
                self.state.failures_in_a_row += 1
                wait = min(FIRST_WAIT * 2 ** min(self.state.failures_in_a_row - 1, 10), LONGEST_WAIT)
                LOG.warning("%s; again in %.1f s", type(error).__name__, wait)
                self._stop.wait(wait)

    def stop(self) -> None:
        self._stop.set()

    def _take(self, transport: Transport, questions: list[dict[str, Any]]) -> None:
        answers = []
        for question in questions:
            answer = None
            try:
                answer = self._analyst.answer(question)
            except (KeyError, TypeError, ValueError) as error:
                LOG.warning("question %s cannot be read: %s", question.get("id"), type(error).__name__)
            if answer is None:
                self.state.skipped += 1
            else:
                answers.append(answer)
        if not answers:
            return
        refused = transport.answer(answers)
        self.state.refused += len(refused)
        self.state.answered += len(answers) - len(refused)

    def health(self) -> tuple[bool, dict[str, Any]]:
        silent = time.monotonic() - self.state.last_seen if self.state.last_seen else None
        well = silent is not None and silent < STALE_AFTER
        state = asdict(self.state)
        state["last_seen"] = None if silent is None else round(silent, 1)
        return well, {"status": "ok" if well else "waiting", **state}


def health_app(worker: Worker) -> FastAPI:
    app = FastAPI(title="koi-analyst", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def healthz(response: Response) -> dict[str, Any]:
        well, state = worker.health()
        response.status_code = 200 if well else 503
        return state

    return app
