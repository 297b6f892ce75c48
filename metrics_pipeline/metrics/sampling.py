"""Which conversations belong to a metric's sample: always the same ones, and more of them as the share grows."""

from __future__ import annotations

import hashlib

from metrics_pipeline.metrics.definition import MetricDefinition


def position(metric: str, conversation_id: str) -> float:
    """Where a conversation stands among all, 0 up to but not 1, evenly spread and different for each metric.

    The first 32 bits of MD5, so that SQL can work it out as well; nothing here has to be kept secret.
    """
    digest = hashlib.md5(f"{metric}:{conversation_id}".encode("utf-8", "surrogatepass"), usedforsecurity=False)
    return int(digest.hexdigest()[:8], 16) / 2**32


def is_sampled(metric: MetricDefinition, conversation_id: str) -> bool:
    """Whether the metric's judge is asked about the conversation at all."""
    return metric.sample is None or position(metric.key, conversation_id) < metric.sample
