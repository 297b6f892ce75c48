"""A model server with a batch interface, on loopback, that does every part of it wrong when it is told to.

Files, batches and their results are those of OpenAI's protocol; requests are answered as by the model server. It keeps
count of every step, and of every request that it was paid for.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from model_server import Handler, ModelServer
from serving import served

Results = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""Lines of the output file, and of the error file."""


class BatchServer(ModelServer):
    """Its knobs may be turned at any time."""

    def __init__(self) -> None:
        super().__init__(handler=_BatchHandler)
        self.faults: dict[str, list[str]] = {}
        """By step (upload, create, list, retrieve, content, cancel), how its next calls go wrong: a status; `drop`, the
        connection ends unanswered; `done then 500`, it is done all the same; `twice then 500`, done twice; empty: not
        at all."""
        self.looks = 0
        """How often a batch is still in progress when it is looked at."""
        self.status = "completed"
        """With which batches end."""
        self.shape: Callable[[list[dict[str, Any]]], Results] = lambda lines: (lines, [])
        """What becomes of the results, which come in any order."""
        self.says: Callable[[dict[str, Any]], str] = lambda body: ""
        """What a request is answered with in place of its schema's first answers."""
        self.usage: dict[str, int] | None = None
        self.page = 100
        """Batches in one page of the list, at most."""
        self.on_step: Callable[[str], None] = lambda moment: None
        """Called as `before create` and `after create` about each step, while its caller waits."""
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.steps: Counter[str] = Counter()
        self.paid: Counter[str] = Counter()
        """Requests that were answered in batches, by body."""

    def create(self, input_file_id: str, metadata: dict[str, str] | None) -> dict[str, Any]:
        batch = {
            "id": f"batch_{len(self.batches) + 1}",
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": input_file_id,
            "completion_window": "24h",
            "created_at": int(time.time()),
            "status": "in_progress",
            "metadata": metadata,
            "looks": self.looks,
        }
        self.batches[batch["id"]] = batch
        return batch

    def look(self, batch: dict[str, Any], handler: _BatchHandler) -> dict[str, Any]:
        if batch["status"] == "in_progress":
            if batch["looks"] > 0:
                batch["looks"] -= 1
            else:
                self._end(batch, handler)
        return batch

    def _end(self, batch: dict[str, Any], handler: _BatchHandler) -> None:
        batch["status"] = self.status
        if self.status == "failed":
            batch["errors"] = {"object": "list", "data": [{"code": "token_limit_exceeded", "message": "too much"}]}
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        results = []
        for line in lines if self.status != "failed" else ():
            completion = handler.completion(line["body"], "")
            if said := self.says(line["body"]):
                completion["choices"][0]["message"]["content"] = said
            completion["usage"] = self.usage or completion["usage"]
            response = {"status_code": 200, "request_id": "r", "body": completion}
            results.append({"id": "x", "custom_id": line["custom_id"], "response": response, "error": None})
        bodies = {line["custom_id"]: json.dumps(line["body"], sort_keys=True) for line in lines}
        output, errors = self.shape(results)
        random.Random(len(lines)).shuffle(output)
        self.paid.update({bodies[one] for one in {line["custom_id"] for line in output} & bodies.keys()})
        for name, found in (("output_file_id", output), ("error_file_id", errors)):
            if found:
                batch[name] = f"file_{len(self.files) + 1}"
                self.files[batch[name]] = b"".join(json.dumps(line).encode() + b"\n" for line in found)


@contextmanager
def batch_server() -> Iterator[BatchServer]:
    with served(BatchServer()) as server:
        yield server


class _BatchHandler(Handler):
    server: BatchServer

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        if path.endswith("/chat/completions"):
            super().do_POST()
            return
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path.endswith("/files"):
            self._step("upload", lambda: self._upload(content))
        elif path.endswith("/cancel"):
            self._step("cancel", lambda: self._cancel(path.split("/")[-2]))
        else:
            asked = json.loads(content)
            self._step("create", lambda: self.server.create(asked["input_file_id"], asked.get("metadata")))

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.endswith("/content"):
            self._step("content", lambda: self.server.files[parts.path.split("/")[-2]].decode())
        elif parts.path.endswith("/batches"):
            self._step("list", lambda: self._listed(parse_qs(parts.query)))
        else:
            name = parts.path.split("/")[-1]
            if name not in self.server.batches:
                self._send(404, {"error": {"message": "no such batch", "code": "not_found"}})
                return
            self._step("retrieve", lambda: self.server.look(self.server.batches[name], self))

    def _step(self, step: str, act: Callable[[], dict[str, Any] | str]) -> None:
        with self.server.lock:
            self.server.steps[step] += 1
            faults = self.server.faults.get(step, [])
            fault = faults.pop(0) if faults else ""
            self.server.on_step(f"before {step}")
            is_done = not fault or fault.startswith(("done", "twice"))
            found = act() if is_done else {}
            if fault.startswith("twice"):
                act()
            self.server.on_step(f"after {step}")
            if fault.endswith("drop"):
                self.close_connection = True
                self.connection.close()
            elif fault:
                status = int(fault[-3:])
                self._send(status, {"error": {"message": f"fault {status}", "code": "fault", "type": "fault"}})
            else:
                self._send(200, found)

    def _upload(self, content: bytes) -> dict[str, Any]:
        boundary = self.headers["Content-Type"].split("boundary=")[1].strip('"').encode()
        parts = [part.partition(b"\r\n\r\n") for part in content.split(b"--" + boundary)]
        name = f"file_{len(self.server.files) + 1}"
        [self.server.files[name]] = [body.removesuffix(b"\r\n") for head, _, body in parts if b"filename=" in head]
        size = len(self.server.files[name])
        about = {"id": name, "object": "file", "purpose": "batch", "status": "processed", "filename": "x"}
        return {**about, "bytes": size, "created_at": int(time.time())}

    def _cancel(self, name: str) -> dict[str, Any]:
        self.server.batches[name]["status"] = "cancelled"
        return self.server.batches[name]

    def _listed(self, query: dict[str, list[str]]) -> dict[str, Any]:
        ids = list(self.server.batches)[::-1]
        start = ids.index(query["after"][0]) + 1 if "after" in query else 0
        size = min(self.server.page, int(query.get("limit", ["20"])[0]))
        data = [self.server.batches[one] for one in ids[start : start + size]]
        return {"object": "list", "data": data, "has_more": start + size < len(ids)}
