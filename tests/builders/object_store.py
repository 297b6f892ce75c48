"""A server on loopback that speaks as much of S3's protocol as an upload takes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Store:
    """What stands in it, by path, and whether it refuses all that comes."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.refuses_parts = False
        self.url = ""


def signed_chunks(body: bytes) -> bytes:
    """What stands in a body that its sender has cut into chunks, each with its size before it."""
    found, place = [], 0
    while True:
        end = body.index(b"\r\n", place)
        size = int(body[place:end].split(b";")[0], 16)
        if not size:
            return b"".join(found)
        found.append(body[end + 2 : end + 2 + size])
        place = end + 2 + size + 2


@contextmanager
def object_store() -> Iterator[Store]:
    store = Store()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def answer(self, status, body=b"", **headers):
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), "Content-Type": "application/xml", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def content(self):
            body = self.chunks() if "Transfer-Encoding" in self.headers else self.rfile.read(self.length())
            return signed_chunks(body) if "aws-chunked" in self.headers.get("Content-Encoding", "") else body

        def length(self):
            return int(self.headers.get("Content-Length", 0))

        def chunks(self):
            found = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                found.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(found)

        def do_HEAD(self):
            self.answer(200 if self.path.partition("?")[0] in store.objects else 404)

        def do_PUT(self):
            path, _, query = self.path.partition("?")
            body, part = self.content(), re.search(r"partNumber=(\d+)", query)
            if store.refuses_parts:
                self.answer(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
            elif part:
                store.parts.setdefault(path, {})[int(part[1])] = body
                self.answer(200, ETag='"part"')
            else:
                store.objects[path] = body
                self.answer(200, ETag='"whole"')

        def do_POST(self):
            path, _, query = self.path.partition("?")
            self.content()
            if query.startswith("uploads"):
                self.answer(
                    200,
                    b"<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>",
                )
            else:
                store.objects[path] = b"".join(body for _, body in sorted(store.parts.pop(path).items()))
                self.answer(200, b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    store.url = f"s3://someone:hidden@bucket/exports/%s?scheme=http&endpoint_override=127.0.0.1:{server.server_port}"
    store.url += "&region=us-east-1"
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
