"""Where questions come from and answers go: Koi's topics over HTTP, or the same topics on Kafka."""

from __future__ import annotations

import json
from typing import Any, Iterator, Protocol

import httpx

WAIT_SECONDS = 10
"""How long one request waits for a question; the most that Koi allows."""

BATCH = 50
TIMEOUT = httpx.Timeout(10.0, read=WAIT_SECONDS + 20.0)


class Transport(Protocol):
    """Questions in their order. Those read are done with only once `answer` has returned: after a crash they come again,
    which is harmless, as a question has one answer."""

    def questions(self) -> Iterator[list[dict[str, Any]]]: ...

    def answer(self, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Sends answers; gives back what was refused."""
        ...


class Http:
    """Koi's own topics, by long polling with an API key of the scope `advice`."""

    def __init__(self, url: str, key: str, cursor: str | None = None) -> None:
        self._client = httpx.Client(
            base_url=url.rstrip("/") + "/api/v1",
            headers={"authorization": f"Bearer {key}"},
            timeout=TIMEOUT,
            follow_redirects=False,
        )
        self.cursor = cursor

    def questions(self) -> Iterator[list[dict[str, Any]]]:
        while True:
            params: dict[str, Any] = {"limit": BATCH, "wait_seconds": WAIT_SECONDS}
            if self.cursor:
                params["cursor"] = self.cursor
            reply = self._client.get("/advice/questions", params=params)
            reply.raise_for_status()
            page = reply.json()
            yield page["data"]
            self.cursor = page["next_cursor"]

    def answer(self, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        reply = self._client.post("/advice/answers", json=answers)
        reply.raise_for_status()
        return reply.json()["rejected"]


class Kafka:
    """The same messages on Kafka topics; offsets are committed once the answers are there."""

    def __init__(self, brokers: str, questions: str, answers: str, group: str) -> None:
        from confluent_kafka import Consumer, Producer  # Only where Kafka is used.

        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        self._consumer.subscribe([questions])
        self._producer = Producer({"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True})
        self._answers = answers

    def questions(self) -> Iterator[list[dict[str, Any]]]:
        while True:
            messages = self._consumer.consume(BATCH, timeout=WAIT_SECONDS)
            failed = next((message.error() for message in messages if message.error()), None)
            if failed:
                raise ConnectionError(failed.name())
            yield [json.loads(message.value()) for message in messages]
            if messages:
                self._consumer.commit(asynchronous=False)

    def answer(self, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        failures: list[str] = []

        def told(error: Any, _: Any) -> None:
            if error:
                failures.append(error.name())

        for answer in answers:
            value = json.dumps(answer, ensure_ascii=False).encode()
            self._producer.produce(self._answers, key=answer["question"].encode(), value=value, on_delivery=told)
        if self._producer.flush(30) or failures:
            raise ConnectionError(failures[0] if failures else "answers were not taken in time")
        return []
