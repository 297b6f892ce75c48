"""How far published verdicts agree with a truth that stands beside them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from metrics_pipeline.serving.published_database import published_database


class Agreement(NamedTuple):
    """Of one metric: over the conversations that both answer."""

    pair_count: int
    """Conversations with an answer in the verdicts and in the truth."""
    share: float | None
    """How many of them have the same answer, 0 to 1."""
    kappa: float | None
    """Cohen's kappa; None where chance alone would agree always."""


def agreements(generation: Path, truth: Path) -> dict[str, Agreement]:
    """Agreement of each metric's primary verdicts with `truth`, by metric.

    Args:
        generation: A published generation.
        truth: Parquet with conversation_id, metric, answer; `not_applicable` counts as no answer.
    """
    pairs: dict[str, list[tuple[str, str]]] = {}
    with published_database(generation) as database:
        rows = database.execute(
            """
            select verdicts.metric, verdicts.answer, truth.answer
            from fct_verdicts as verdicts
            inner join read_parquet(?) as truth using (conversation_id, metric)
            where verdicts.is_primary and verdicts.state = 'answered' and truth.answer != 'not_applicable'
            order by verdicts.metric, conversation_id
            """,
            [str(truth)],
        ).fetchall()
    for metric, given, true in rows:
        pairs.setdefault(metric, []).append((given, true))
    return {metric: agreement(found) for metric, found in pairs.items()}


def agreement(pairs: list[tuple[str, str]]) -> Agreement:
    """Agreement over pairs of (answer given, true answer).

    Source of kappa: J. Cohen, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20 (1960).
    """
    if not pairs:
        return Agreement(0, None, None)
    count = len(pairs)
    share = sum(given == true for given, true in pairs) / count
    given, true = Counter(pair[0] for pair in pairs), Counter(pair[1] for pair in pairs)
    chance = sum(given[answer] * true[answer] for answer in given) / count**2
    return Agreement(count, share, None if chance == 1 else (share - chance) / (1 - chance))
