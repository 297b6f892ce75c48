"""A Conversations API v3 on loopback that keeps to its interface, and does all of it wrong on demand."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from serving import served

TOKEN = "the-right-token"
BROKEN = ("500", "503", "429", "429 seconds", "429 date", "hang", "drip", "drop", "cut", "cut open", "html", "empty")
"""Faults of one reply that another try gets past."""
UNTRUE = ("repeat", "skip", "loop", "early end", "early end whole")
"""Faults of what a reply says."""


class ConversationsServer(ThreadingHTTPServer):
    """Serves `conversations`. `plan` names the fault of each request by its number, from 0; `always` that of all."""

    daemon_threads = True

    def __init__(
        self, conversations: Sequence[dict[str, Any]], offsets: bool, plan: dict[int, str], project: str
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.conversations = sorted(conversations, key=lambda one: (one["started_at"], one["id"]))
        self.offsets, self.plan = offsets, plan
        self.path = f"/v3/acme/{quote(project)}/conversations"
        self.always = ""
        self.strange_cursor = ""
        self.takes_offset = True
        self.on_request: Callable[[int], None] = lambda number: None
        self.requests: list[dict[str, str]] = []
        self.lock = threading.Lock()

    def handle_error(self, *_: Any) -> None:
        """A client that was killed or had enough is no news."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def conversations_server(
    conversations: Sequence[dict[str, Any]],
    *,
    offsets: bool = False,
    plan: dict[int, str] | None = None,
    project: str = "hotel one",
) -> Iterator[ConversationsServer]:
    with served(ConversationsServer(conversations, offsets, plan or {}, project)) as server:
        yield server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet: else each reply waits for the client's delayed acknowledgement.
    wbufsize = 1 << 16
    server: ConversationsServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        server, address = self.server, urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        with server.lock:
            number = len(server.requests)
            server.requests.append(asked)
        server.on_request(number)
        fault = server.always or server.plan.get(number, "")
        if self.headers.get("x-api-key") != TOKEN:
            self._send(401, b"{}")
        elif address.path != server.path:
            self._send(404, b"{}")
        elif fault.split()[0:1] == ["429"]:
            soon = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=0.1), usegmt=True)
            waits = {"429 seconds": "0.02", "429 date": soon, "429 long": "86400"}
            self._send(429, b"{}", **({"Retry-After": waits[fault]} if fault in waits else {}))
        elif fault.isdigit():
            self._send(int(fault), b"<html>broken</html>", Location="http://127.0.0.1:9/elsewhere")
        elif fault == "hang":
            time.sleep(1)
        elif fault == "drop":
            self.close_connection = True
            self.connection.close()
        elif fault == "html":
            self._send(200, b"<html>Please log in</html>")
        elif fault == "empty":
            self._send(200, b"")
        elif fault == "bomb":
            self._send(200, gzip.compress(b" " * (3 << 20)), **{"Content-Encoding": "gzip"})
        else:
            self._page(asked, fault)

    def _page(self, asked: dict[str, str], fault: str) -> None:
        held = [
            one for one in self.server.conversations if asked["start_time"] <= one["started_at"] < asked["end_time"]
        ]
        size, start = int(asked["limit"]), 0
        if "cursor" in asked:
            try:
                start = int(base64.urlsafe_b64decode(asked["cursor"]).split(b":")[-1])
            except ValueError:
                self._send(400, b"{}")
                return
        elif self.server.takes_offset:
            start = int(asked.get("offset", 0))
        stop: int | None = start + size
        shown = held[start:stop]
        if fault == "repeat":
            shown = held[max(0, start - size) : start] or shown
        elif fault == "skip":
            stop = start + 2 * size
        elif fault == "loop":
            stop = max(0, start - size)
        has_more = start + size < len(held) and not (fault.startswith("early end"))
        reply: dict[str, Any] = {"conversations": shown, "cursor": None}
        if has_more:
            # A cursor that looks new each time hides a circle.
            salt = len(self.server.requests) if fault == "loop" else 0
            reply["cursor"] = base64.urlsafe_b64encode(f"{salt}:{stop}".encode()).decode()
        if fault == "cursor":
            reply["cursor"] = self.server.strange_cursor
        if self.server.offsets and (has_more or (fault == "early end" and start + size < len(held))):
            reply["next_offset"] = stop
        content = json.dumps(reply).encode()
        if fault == "cut":
            self._send(200, content[: len(content) // 2], **{"Content-Length": str(len(content))})
            self.close_connection = True
        elif fault == "cut open":
            self._send(200, content[: len(content) // 2], **{"Content-Length": "", "Connection": "close"})
            self.close_connection = True
        elif fault == "drip":
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            for place in range(20):
                self.wfile.write(content[place : place + 1])
                self.wfile.flush()
                time.sleep(0.05)
            self.close_connection = True
        else:
            self._send(200, content)

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(content))} | headers
        ).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
