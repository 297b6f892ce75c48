"""A model server on loopback that speaks the chat completions protocol, answers by the schema, and fails on demand.

It says nothing about quality: it gives every metric its first answer and quotes the first turn of the transcript.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from serving import served

TURN = re.compile(r'^\{"turn_index":.*\}$', re.MULTILINE)


class ModelServer(ThreadingHTTPServer):
    """Counts requests by body; `fault` names how every one of them fails, or is empty; `said` is what every one is
    told in place of answers by its schema."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self, fault: str = "", latency_seconds: float = 0.0, handler: type[BaseHTTPRequestHandler] | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), handler or Handler)
        self.fault, self.latency_seconds = fault, latency_seconds
        self.said = ""
        self.refuses = ""
        """Requests in which this pattern is found are refused."""
        self.answers_left: int | None = None
        """Answers that are still given; then the server hangs."""
        self.answered: Counter[str] = Counter()
        """Answers by the request's body: what a provider is paid for."""
        self.retry_after = "2"
        """What a refused call is told to wait, as a header says it."""
        self.flooded_bytes = 0
        self.called_at: list[float] = []
        self.bodies: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.lock = threading.Lock()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def request_count(self) -> int:
        with self.lock:
            return self.bodies.total()

    def fault_of(self, body: str) -> str:
        """How a request fails; empty where it does not."""
        if self.refuses and re.search(self.refuses, body, re.DOTALL):
            return "400"
        with self.lock:
            if self.answers_left is not None and not self.fault:
                self.answers_left -= 1
                return "hang" if self.answers_left < 0 else ""
        return self.fault


@contextmanager
def model_server(fault: str = "", latency_seconds: float = 0.0) -> Iterator[ModelServer]:
    with served(ModelServer(fault, latency_seconds)) as server:
        yield server


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ModelServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with self.server.lock:
            self.server.bodies[body] += 1
            self.server.called_at.append(time.monotonic())
            self.server.keys.add(self.headers.get("Authorization", ""))
        time.sleep(self.server.latency_seconds)
        fault = self.server.fault_of(body)
        if fault.isdigit():
            code = "insufficient_quota" if fault == "4290" else "fault"
            self._send(int(fault[:3]), {"error": {"message": f"fault {code}", "type": code, "code": code}})
        elif fault == "hang":
            time.sleep(3600)
        elif fault == "drop":
            self.close_connection = True
            self.connection.close()
        elif fault == "drip":
            self._drip()
        elif fault == "flood":
            self._flood()
        elif fault == "html":
            self._send(200, "<html>Bad Gateway</html>")
        else:
            with self.server.lock:
                self.server.answered[body] += 1
            self._send(200, self.completion(json.loads(body), fault))

    def completion(self, request: dict[str, Any], fault: str) -> dict[str, Any]:
        schema = request["response_format"]["json_schema"]["schema"]
        turns = [json.loads(line) for line in TURN.findall(request["messages"][1]["content"])]
        text = self.server.said
        if not text:
            text = json.dumps({key: _answer(part, turns) for key, part in schema["properties"].items()})
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        finish = {"length": "length", "filter": "content_filter"}.get(fault, "stop")
        if fault in ("filter", "refusal"):
            message |= {"content": None, "refusal": "No." if fault == "refusal" else None}
        choices = [{"index": 0, "message": message, "finish_reason": finish}]
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        return {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": "served-model",
            "choices": [] if fault == "no_choice" else choices,
            "usage": usage,
        }

    def _drip(self) -> None:
        """A byte now and then, always in time for whoever counts from one to the next."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(b" ")
                time.sleep(0.05)

    def _flood(self) -> None:
        """A body without an end."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            while True:
                self.wfile.write(b" " * 65536)
                self.server.flooded_bytes += 65536

    def _send(self, status: int, content: dict[str, Any] | str) -> None:
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 429:
            self.send_header("Retry-After", self.server.retry_after)
        self.end_headers()
        self.wfile.write(body)


def _answer(part: dict[str, Any], turns: list[dict[str, Any]]) -> dict[str, Any] | list[Any]:
    if part["type"] == "array":
        return []
    first = turns[0]
    said = {
        "applies": True,
        "applies_from_turn": first["turn_index"],
        "evidence": [{"turn_index": first["turn_index"], "quote": first["text"]}],
        "reason": "the first turn shows it",
        "answer": part["properties"]["answer"]["enum"][0],
    }
    return {key: said[key] for key in part["properties"]}
