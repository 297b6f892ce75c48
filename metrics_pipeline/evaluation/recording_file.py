"""A file of requests and replies from which a run can be replayed: JSON, one object a line.

The first line says whose replies these are. Each further one holds a request's key, the judge that was asked, and its
reply or the kind of its refusal; the request itself, transcript included, only where that was asked for.

A request is known by what is asked and not by where: the mark around a transcript is each project's own secret and is
left out of the key, so that a recording of one data folder answers in another.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from metrics_pipeline.conversations.record import shown_turns
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.evaluation.judge import JudgeKind, JudgeReply, JudgeRequest

FORMAT = "metrics-recording/1"


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose replies a recording holds."""

    format: str
    judge: str
    """The judge that was in use, by name; definitions may have named others."""
    kind: JudgeKind
    prompt_version: str
    context_tokens: Mapping[str, int] = {}
    """What each judge could read at once, by name; none where it had no limit."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One request and what came of it."""

    key: str
    judge: str
    metrics: tuple[str, ...] = ()
    reply: JudgeReply | None = None
    refusal: str | None = None
    """Where there was no reply and would be none: the kind of failure."""
    messages: tuple[Mapping[str, str], ...] = ()
    """What was sent, where that was to be kept."""


def request_key(judge: str, request: JudgeRequest) -> str:
    """Fingerprint of a request to the judge of that name, the same in every data folder."""
    messages = [dict(message) for message in request.messages]
    for message in messages:
        opening, _, _ = message["content"].partition("\n")
        if opening.startswith("<transcript ") and opening.endswith(">"):
            mark = opening.removeprefix("<transcript ").removesuffix(">")
            message["content"] = message["content"].replace(mark, "")
    asked: list[Any] = [judge, messages, dict(request.reply_schema), request.max_reply_tokens]
    if not messages:
        # A judge that reads no prompt knows a definition by its version, and reads the turns.
        versions = [(metric.key, metric.version) for metric in request.metrics]
        asked = [judge, shown_turns(request.turns), versions]
    return hashlib.blake2b(msgspec.json.encode(asked), digest_size=16).hexdigest()


class Recording:
    """What a recording holds, read once."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            SettingsError: There is no recording there, or it cannot be read.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SettingsError(f"{path}: the recording cannot be read ({error.strerror}). Correct its path.") from None
        self.path = path
        self.fingerprint = hashlib.blake2b(content, digest_size=8).hexdigest()
        """Of all it holds: a recording that has grown is another one."""
        # What a killed run has left unfinished is no line.
        first, *lines = content[: content.rfind(b"\n") + 1].splitlines() or [b""]
        self.header = _header(path, first)
        self._entries: dict[str, Entry] = {}
        for number, line in enumerate(lines, start=2):
            entry = _decoded(line)
            if entry is None:
                raise SettingsError(f"{path}:{number}: is no line of a recording. Record the run anew.")
            self._entries.setdefault(entry.key, entry)

    def find(self, key: str) -> Entry | None:
        """What came of the request of that key; None where it was never recorded."""
        return self._entries.get(key)


class RecordingWriter:
    """Appends to a recording; only its owner can read it, for replies quote transcripts."""

    def __init__(self, path: Path, header: Header) -> None:
        """
        Raises:
            SettingsError: Something else stands there, or it cannot be written.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
            content = self._file.read()
            if content and _header(path, content.split(b"\n", 1)[0]) != header:
                raise SettingsError(
                    f"{path}: is a recording of another judge or prompt. Give METRICS_RECORD another path."
                )
            path.chmod(0o600)
            self._file.seek(content.rfind(b"\n") + 1)
            self._file.truncate()
            if not content:
                self._write(header)
        except OSError as error:
            raise SettingsError(
                f"{path}: nothing can be recorded there ({error.strerror}). Correct METRICS_RECORD."
            ) from None

    def add(self, entry: Entry) -> None:
        """Keep one request and its outcome.

        Raises:
            SettingsError: It cannot be written any more.
        """
        try:
            self._write(entry)
        except OSError as error:
            raise SettingsError(f"{self._path}: nothing more can be recorded ({error.strerror}).") from None

    def _write(self, line: Header | Entry) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()


def _header(path: Path, line: bytes) -> Header:
    try:
        header = msgspec.json.decode(line, type=Header)
    except msgspec.DecodeError:
        header = None
    if header is None or header.format != FORMAT:
        raise SettingsError(f"{path}: is no recording ({FORMAT}). Make one with METRICS_RECORD=PATH metrics run.")
    return header


def _decoded(line: bytes) -> Entry | None:
    try:
        return msgspec.json.decode(line, type=Entry)
    except msgspec.DecodeError:
        return None
