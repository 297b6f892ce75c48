"""A judge that says what another once said, from a recording; and one that is recorded while it answers.

A replay asks nobody and makes nothing up: what the recording lacks is an error of that cell. It has a name, a kind and
a fingerprint of its own, so that it never passes for the model.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from metrics_pipeline.errors import JudgeClosedError, JudgeRefusedError
from metrics_pipeline.evaluation.judge import BoundedJudge, Judge, JudgeKind, JudgeReply, JudgeRequest, RemoteJudge
from metrics_pipeline.evaluation.litellm_library import count_tokens
from metrics_pipeline.evaluation.prompt import prompt_version
from metrics_pipeline.evaluation.recording_file import Entry, Recording, RecordingWriter, request_key
from metrics_pipeline.wording import counted


class ReplayJudge:
    """The recorded replies of one judge."""

    kind: JudgeKind = "replay"

    def __init__(self, recording: Recording, judge: str | None = None) -> None:
        """
        Args:
            judge: The recorded judge's name; None for the one that was in use.
        """
        self._recording, self._judge = recording, judge or recording.header.judge
        self.reads_prompt = recording.header.kind == "model"
        self.name = f"replay of {self._judge}"
        self._lacking = 0

    @property
    def context_tokens(self) -> int:
        """As it was when it was recorded: the same conversations were too long then."""
        return self._recording.header.context_tokens.get(self._judge, sys.maxsize)

    def count_tokens(self, text: str) -> int:
        """As the recorded judge counted: by its name, which is all that counting needs."""
        return count_tokens(self._judge, text)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"recording": self._recording.fingerprint}

    async def ask(self, request: JudgeRequest) -> JudgeReply:
        found = self._recording.find(request_key(self._judge, request))
        if found is None:
            self._lacking += 1
            return JudgeReply(text="", finish="not_recorded")
        if found.reply is None:
            raise JudgeRefusedError("the recorded request was refused", kind=found.refusal or "refused")
        # Nothing is paid for a second time.
        return replace(found.reply, prompt_tokens=None, reply_tokens=None, cached_tokens=None, cost_dollars=None)

    @property
    def lacks(self) -> str | None:
        """What was asked and is not in the recording, in a sentence; None where everything was."""
        if not self._lacking:
            return None
        recorded = self._recording.header.prompt_version
        other = (
            ""
            if recorded == prompt_version()
            else f" It was made with the prompt {recorded}, this is {prompt_version()}."
        )
        return (
            f"{counted(self._lacking, 'request')} to {self._judge} stand in no line of the recording "
            f"{self._recording.path}: they are errors (not_recorded).{other} Conversations, definitions and "
            "METRICS_GROUP_SIZE must be those of the recorded run."
        )


class RecordedJudge:
    """A judge whose replies are kept in a recording as they come; the same judge to everybody else."""

    def __init__(self, judge: Judge, writer: RecordingWriter, keeps_messages: bool) -> None:
        self._asked, self._writer, self._keeps_messages = judge, writer, keeps_messages
        self.kind, self.name, self.reads_prompt = judge.kind, judge.name, judge.reads_prompt

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._asked.settings

    @property
    def context_tokens(self) -> int:
        return self._asked.context_tokens if isinstance(self._asked, BoundedJudge) else sys.maxsize

    def count_tokens(self, text: str) -> int:
        return self._asked.count_tokens(text) if isinstance(self._asked, BoundedJudge) else 0

    @property
    def client(self) -> str:
        return self._asked.client if isinstance(self._asked, RemoteJudge) else self.name

    def load(self) -> None:
        if isinstance(self._asked, RemoteJudge):
            self._asked.load()

    async def close(self) -> None:
        if isinstance(self._asked, RemoteJudge):
            await self._asked.close()

    async def ask(self, request: JudgeRequest) -> JudgeReply:
        try:
            reply = await self._asked.ask(request)
        except JudgeClosedError:
            raise
        except JudgeRefusedError as error:
            self._keep(request, None, error.kind)
            raise
        self._keep(request, reply, None)
        return reply

    def _keep(self, request: JudgeRequest, reply: JudgeReply | None, refusal: str | None) -> None:
        keys = tuple(metric.key for metric in request.metrics)
        messages = request.messages if self._keeps_messages else ()
        self._writer.add(Entry(request_key(self.name, request), self.name, keys, reply, refusal, messages))
