"""Previews, comparisons and estimates as text, Markdown and JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from metrics_pipeline.authoring.estimate import Estimate
from metrics_pipeline.authoring.flips import Comparison
from metrics_pipeline.authoring.preview import Preview, Shown
from metrics_pipeline.authoring.workbench import Comparisons
from metrics_pipeline.evaluation.asking import Tally
from metrics_pipeline.metrics.definition import MetricDefinition

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~@])")


def preview_lines(found: Preview) -> Iterator[str]:
    """A preview, a line each, for a terminal."""
    metric, states = found.metric, found.states
    yield f"{metric.name} ({metric.key}, version {metric.version}, {metric.status})"
    yield f"{found.conversation_count} conversations: " + ", ".join(
        f"{count} {state.replace('_', ' ')}" for state, count in states.items() if count
    )
    for row in found.answers:
        yield f"  {row.answer:<24} {row.share:6.1%}  ({row.low:.1%} to {row.high:.1%})  {row.answer_count}"
    if found.mean is not None:
        yield f"  mean {found.mean:.4g} {metric.unit or ''}".rstrip()
    if found.same_as_baseline:
        yield "the baseline says the same about {} of {} that both answer".format(*found.same_as_baseline)
    if found.same_as_logged:
        yield "the logged value says the same about {} of {} that both answer".format(*found.same_as_logged)
    for number, right, given in found.examples:
        yield f"example {number}: {'right' if right == given else 'WRONG'}, {given} (the file says {right})"
    for name, rows in found.shown.items():
        yield f"\n{name}"
        for shown in rows:
            yield from _shown_lines(shown)
    yield ""
    yield f"this sample   {_sent(found.tally)}; the ledger held {found.held_count:,} answers"
    yield f"newest day    {estimate_line(found.nightly)}"
    yield f"every day     {estimate_line(found.backfill)}"


def _shown_lines(row: Shown) -> Iterator[str]:
    others = [("baseline", row.baseline), ("logged", row.logged)]
    beside = "".join(f" · {name}: {value}" for name, value in others if value is not None)
    yield f"  {row.conversation_id}  {row.conversation_date}{beside}"
    if row.reason:
        yield f"    {_one_line(row.reason)}"
    for item in row.evidence:
        yield f"    turn {item.turn_index}: “{_one_line(item.quote)}”"


def comparison_lines(found: Comparisons) -> Iterator[str]:
    """What differs, a line each, for a terminal."""
    if not found.metrics:
        yield "no definition differs"
    for metric in found.metrics:
        yield f"{metric.metric}: {_what(metric)}"
        if metric.compared_count:
            yield f"  {metric.flip_count} of {metric.compared_count} conversations flip"
        for (before, after), count in metric.directions.items():
            yield f"    {before} → {after}: {count}"
        if metric.change is not None:
            yield f"  {_change(metric)}"
        for flip in metric.flips:
            yield f"    {flip.conversation_id}  {flip.conversation_date}  {flip.before} → {flip.after}"
            if flip.reason_after:
                yield f"      {_one_line(flip.reason_after)}"
            for item in flip.evidence:
                yield f"      turn {item.turn_index}: “{_one_line(item.quote)}”"
    if any(metric.compared_count for metric in found.metrics):
        held = sum(metric.held_count for metric in found.metrics)
        yield f"{found.sample_count} conversations; {_sent(found.tally)}; the ledger held {held:,} answers"


def comparison_markdown(found: Comparisons) -> Iterator[str]:
    """What differs, as a comment on a pull request. Quotes and reasons are escaped: they are hostile text."""
    yield f"### Metrics: {len(found.metrics)} changed, {found.flip_count} flips"
    for metric in found.metrics:
        yield f"\n**`{metric.metric}`** {_what(metric)}\n"
        if metric.change is not None:
            yield f"{_change(metric)}\n"
        if metric.directions:
            yield "| before | after | conversations |\n|---|---|---:|"
            for (before, after), count in metric.directions.items():
                yield f"| {_escaped(before)} | {_escaped(after)} | {count} |"
        if metric.flips:
            yield f"\n<details><summary>{len(metric.flips)} of {metric.flip_count} flips</summary>\n"
            for flip in metric.flips:
                quotes = "; ".join(f"turn {item.turn_index}: “{_escaped(item.quote)}”" for item in flip.evidence)
                yield (
                    f"- {_escaped(flip.conversation_id)}: {_escaped(flip.before)} → {_escaped(flip.after)}. "
                    f"{_escaped(flip.reason_after or '')} {quotes}".rstrip()
                )
            yield "\n</details>"
    yield f"\n{found.sample_count} conversations in the frozen sample; {_sent(found.tally)}."


def estimate_line(found: Estimate) -> str:
    """An estimate in one line."""
    if not found.requests:
        return f"0 requests; the ledger holds all {found.held_cells:,} answers"
    basis = "as earlier calls took" if found.is_measured else "by rule of thumb"
    text = f"{found.requests:,} requests (at most {found.most_requests:,}); the ledger holds {found.held_cells:,} of "
    text += f"{found.held_cells + found.open_cells:,} answers"
    if found.prompt_tokens:
        tokens = found.prompt_tokens + found.reply_tokens
        text += f"; about {tokens:,} tokens (at most {found.most_tokens:,}), {_dollars(found)}"
        text += f", {_duration(found.seconds)}, {basis}"
    return text


def plain(value: Any) -> Any:
    """`value` as what JSON can hold."""
    if isinstance(value, MetricDefinition):
        return {"key": value.key, "version": value.version, "status": value.status}
    if isinstance(value, Tally):
        return vars(value) | {"failures": dict(value.failures)}
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.asdict(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    if isinstance(value, Mapping):
        return {" -> ".join(key) if isinstance(key, tuple) else key: plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value


def _what(metric: Comparison) -> str:
    if metric.before is None:
        return "is new"
    if metric.after is None:
        return "is removed"
    if metric.is_same_question:
        return f"asks what it asked (version {metric.after.version}): nothing is judged anew"
    return f"version {metric.before.version} → {metric.after.version}"


def _change(metric: Comparison) -> str:
    change = metric.change
    assert change is not None
    certain = "more than chance" if change.p_value < 0.05 else "no more than chance may give"
    return (
        f"rate {change.before:.1%} → {change.after:.1%} of {change.pair_count} that count in both; step "
        f"{change.after - change.before:+.1%} ({change.low:+.1%} to {change.high:+.1%}), "
        f"McNemar exact p = {change.p_value:.3g}: {certain}"
    )


def _sent(tally: Tally) -> str:
    cost = "" if tally.cost_dollars is None else f", {tally.cost_dollars:.4f} dollars"
    return f"{tally.requests:,} requests sent, {tally.prompt_tokens + tally.reply_tokens:,} tokens{cost}"


def _dollars(found: Estimate) -> str:
    if found.dollars is None or found.most_dollars is None:
        return "price not known"
    return f"{found.dollars:,.2f} dollars (at most {found.most_dollars:,.2f})"


def _duration(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _one_line(text))
