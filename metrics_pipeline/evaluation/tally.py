"""What a run has sent and received so far, all metrics together."""

from __future__ import annotations

from collections import Counter

from metrics_pipeline.evaluation.judge import JudgeReply


class Tally:
    """What a run has sent and received so far."""

    def __init__(self) -> None:
        self.requests = 0
        """Those that reached a provider, or are on their way."""
        self.never_sent = 0
        """Tries that reached nobody: no connection, no provider of that name, no key."""
        self.retries = 0
        """Of these, second and further tries."""
        self.replies = 0
        self.failures: Counter[str] = Counter()
        self.prompt_tokens = 0
        self.reply_tokens = 0
        self.cached_tokens = 0
        """Of the prompt's, those that the provider's cache held."""
        self.cost_dollars: float | None = None

    def include(self, other: Tally) -> None:
        """Count what another run sent as well."""
        self.requests += other.requests
        self.never_sent += other.never_sent
        self.retries += other.retries
        self.replies += other.replies
        self.failures.update(other.failures)
        self.prompt_tokens += other.prompt_tokens
        self.reply_tokens += other.reply_tokens
        self.cached_tokens += other.cached_tokens
        if other.cost_dollars is not None:
            self.cost_dollars = (self.cost_dollars or 0.0) + other.cost_dollars

    def add(self, reply: JudgeReply) -> None:
        self.replies += 1
        self.prompt_tokens += reply.prompt_tokens or 0
        self.reply_tokens += reply.reply_tokens or 0
        self.cached_tokens += reply.cached_tokens or 0
        if reply.cost_dollars is not None:
            self.cost_dollars = (self.cost_dollars or 0.0) + reply.cost_dollars
