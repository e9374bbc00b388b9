"""`koi-analyst`: everything is set by the environment.

KOI_URL and KOI_KEY name Koi and an API key of the scope `advice`; or KOI_KAFKA names brokers, with KOI_QUESTIONS and
KOI_ANSWERS the topics. KOI_HEALTH (127.0.0.1:8099) is where /healthz answers.
"""

from __future__ import annotations

import logging
import os
import sys
import threading

import uvicorn

from .transport import Http, Kafka, Transport
from .worker import Worker, health_app


def connect() -> Transport:
    env = os.environ
    if brokers := env.get("KOI_KAFKA"):
        questions, answers = env.get("KOI_QUESTIONS", "koi.advice.questions"), env.get("KOI_ANSWERS", "koi.advice.answers")
        return Kafka(brokers.removeprefix("kafka://"), questions, answers, env.get("KOI_GROUP", "koi-analyst"))
    if (url := env.get("KOI_URL")) and (key := env.get("KOI_KEY")):
        return Http(url, key)
    sys.exit("koi-analyst: set KOI_URL and KOI_KEY, or KOI_KAFKA")


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    connect()  # What is missing is told at once.
    worker = Worker(connect)
    thread = threading.Thread(target=worker.run, name="worker", daemon=True)
    thread.start()
    host, _, port = os.environ.get("KOI_HEALTH", "127.0.0.1:8099").rpartition(":")
    # Ends on SIGTERM; what was not answered then is asked again at the next start.
    uvicorn.run(health_app(worker), host=host or "127.0.0.1", port=int(port), log_level="warning")
    worker.stop()


if __name__ == "__main__":
    main()
