"""Those to whom messages are sent, on loopback: a web hook, and a mail server."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from serving import served


class WebHook(ThreadingHTTPServer):
    """Keeps what it is sent, and answers with `status`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.received: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        return f"json://me:very-secret@127.0.0.1:{self.server_port}/very-secret-path"


class _Handler(BaseHTTPRequestHandler):
    server: WebHook

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.status == 200:
            self.server.received.append(body)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def web_hook() -> Iterator[WebHook]:
    with served(WebHook()) as server:
        yield server


class MailServer:
    """Keeps the text of each mail."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str]] = []
        """(subject, text)."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mail = message_from_bytes(bytes(envelope.content or b""))
        parts = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
        text = bytes(parts[0].get_payload(decode=True)).decode() if parts else ""
        self.received.append((str(mail["Subject"]), text))
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[MailServer, str]]:
    """The server, and its address as apprise writes it."""
    handler = MailServer()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield (
            handler,
            f"mailto://127.0.0.1:{port}?from=metrics@example.com&to=team@example.com&mode=insecure&format=text",
        )
    finally:
        controller.stop()
