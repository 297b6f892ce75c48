"""Comparisons as text for a terminal, and as a comment on a pull request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from metrics_pipeline.authoring.flips import Comparison, Flip, Judgement, Said, scoring
from metrics_pipeline.authoring.report import estimate_text, one_line, sent_text
from metrics_pipeline.authoring.workbench import Comparisons
from metrics_pipeline.wording import counted

KINDS = ("changed", "new", "retired", "removed")
SHOWN_CHARACTERS = 300
"""Of a quote or reason in a comment: ten flips of many metrics must fit into one."""


def comparison_lines(found: Comparisons) -> Iterator[str]:
    """What differs, a line each, for a terminal."""
    if not found.metrics:
        yield "no definition differs in what it asks"
        return
    for metric in found.metrics:
        yield f"{metric.metric}: {_what(metric)}"
        for judgement in metric.judgements:
            yield f"  {_counted(judgement)}"
            for (before, after), count in judgement.directions.items():
                yield f"    {one_line(before)} → {one_line(after)}: {count}"
            for sentence in _rate_sentences(judgement):
                yield f"  {sentence}"
            for flip in judgement.flips:
                yield from _flip_lines(flip)
    yield from _cost_lines(found)


def comparison_markdown(found: Comparisons) -> Iterator[str]:
    """What differs, as a comment on a pull request.

    What was said, and what a judge wrote, is hostile text: it stands in code, where it is no markup, no link, and
    mentions nobody.
    """
    unfinished = ", not finished" if found.stopped else ""
    yield f"### Metrics: {_kinds(found)}, {flips(found.flip_count)}{unfinished}"
    for metric in found.metrics:
        yield f"\n**`{metric.metric}`** {_what(metric)}"
        for judgement in metric.judgements:
            yield f"\n{_counted(judgement)}"
            yield from (f"\n{sentence}" for sentence in _rate_sentences(judgement))
            if judgement.directions:
                yield "\n| before | after | conversations |\n|---|---|---:|"
                for (before, after), count in judgement.directions.items():
                    yield f"| {_cell(before)} | {_cell(after)} | {count} |"
            if judgement.flips:
                yield f"\n<details><summary>{len(judgement.flips)} of {flips(judgement.flip_count)}</summary>\n"
                for flip in judgement.flips:
                    yield f"- {_code(flip.conversation_id)}, {flip.conversation_date}"
                    yield f"  - before: {_said(flip.before)}"
                    yield f"  - after: {_said(flip.after)}"
                yield "\n</details>"
    yield "\n" + "\\\n".join(_cost_lines(found))
    if found.stopped:
        yield f"\n**Not finished:** {found.stopped}"


def flips(count: int) -> str:
    return counted(count, "flip")


def _kinds(found: Comparisons) -> str:
    """How many metrics are changed, new, retired and removed; those that there are."""
    counts = Counter(map(_kind, found.metrics))
    return ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]) or "none changed"


def _kind(metric: Comparison) -> str:
    before, after = metric.before, metric.after
    if after is None:
        return "removed"
    if after.status == "retired":
        return "retired"
    return "new" if before is None or before.status == "retired" else "changed"


def _what(metric: Comparison) -> str:
    before, after = metric.before, metric.after
    if after is None:
        return "is removed"
    if after.status == "retired":
        return "is retired"
    if before is None or before.status == "retired":
        return "is new, a draft" if after.status == "draft" else "is new"
    status = "" if before.status == after.status else f", {before.status} → {after.status}"
    if metric.is_same_question:
        counted = "; its answers count differently" if scoring(before) != scoring(after) else ""
        return f"asks what it asked (version {after.version}): nothing is judged anew{counted}{status}"
    model = ""
    if before.model != after.model:
        model = f", judged by {before.model or 'the model in use'} → {after.model or 'the model in use'}"
    version = after.version if before.version == after.version else f"{before.version} → {after.version}"
    return f"version {version}{model}{status}"


def _counted(judgement: Judgement) -> str:
    before, after = judgement.sources
    how = before if before == after else f"{before} → {after}"
    conversations = counted(judgement.compared_count, "conversation")
    verb = "flips" if judgement.flip_count == 1 else "flip"
    return f"{how}: {judgement.flip_count} of {conversations} {verb}"


def _rate_sentences(judgement: Judgement) -> Iterator[str]:
    before, after, change = judgement.rate_before, judgement.rate_after, judgement.change
    if before is not None and after is not None and before.share is not None and after.share is not None:
        yield (
            f"rate {before.share:.1%} of {before.out_of} ({before.low:.1%} to {before.high:.1%}) → "
            f"{after.share:.1%} of {after.out_of} ({after.low:.1%} to {after.high:.1%})"
        )
    if change is not None:
        certain = "more than chance" if change.p_value < 0.05 else "no more than chance may give"
        yield (
            f"of the {change.pair_count} that count in both: {change.before:.1%} → {change.after:.1%}, step "
            f"{change.after - change.before:+.1%} ({change.low:+.1%} to {change.high:+.1%}), {change.gained_count} "
            f"gained and {change.lost_count} lost, McNemar exact p = {change.p_value:.3g}: {certain}"
        )


def _flip_lines(flip: Flip) -> Iterator[str]:
    yield f"    {one_line(flip.conversation_id)}  {flip.conversation_date}"
    for name, said in (("before", flip.before), ("after ", flip.after)):
        reason = f": {one_line(said.reason)}" if said.reason else ""
        yield f"      {name} {one_line(said.outcome)}{reason}"
        for item in said.evidence:
            yield f"             turn {item.turn_index}: “{one_line(item.quote)}”"


def _cost_lines(found: Comparisons) -> list[str]:
    held = sum(metric.held_count for metric in found.metrics)
    lines = []
    if any(metric.judgements for metric in found.metrics):
        size = len(found.conversation_ids)
        sent = sent_text(found.tally)
        lines.append(
            f"this sample of {counted(size, 'conversation')}: {sent}; the ledger held {counted(held, 'answer')} before"
        )
    if found.nightly.open_answers:
        lines.append(f"a night of what is new or asks anew: {estimate_text(found.nightly)}")
        lines.append(f"every day of it: {estimate_text(found.backfill)}")
    return lines


def _said(said: Said) -> str:
    quotes = "; ".join(f"turn {item.turn_index} {_code(item.quote)}" for item in said.evidence)
    return " ".join(part for part in (_code(said.outcome), _code(said.reason or ""), quotes) if part)


def _code(text: str) -> str:
    """`text` as code: the one place where no character means anything."""
    text = one_line(text)[:SHOWN_CHARACTERS]
    if not text:
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def _cell(text: str) -> str:
    # A bar ends a cell even in code.
    return _code(text).replace("|", r"\|")
