"""What second opinions came to, in words."""

from __future__ import annotations

from metrics_pipeline.evaluation.second_opinion import SHARE, Opinions
from metrics_pipeline.serving.summary import wilson_interval


def said_of(opinions: Opinions) -> str:
    """Those on one metric, in a sentence."""
    interval = wilson_interval(opinions.agree, opinions.both_answered)
    share = f" ({interval[0]:.0%} to {interval[1]:.0%})" if interval else ""
    suspicious = sum(count for because, count in opinions.chosen.items() if because != SHARE)
    left = f"; {opinions.open_count:,} left open" if opinions.open_count else ""
    return (
        f"{opinions.metric}: {opinions.judge} gave a second opinion on {opinions.chosen.get(SHARE, 0):,} drawn and "
        f"{suspicious:,} suspicious verdicts. Of {opinions.both_answered:,} drawn that both answered, "
        f"{opinions.agree:,} agree{share}{left}."
    )
