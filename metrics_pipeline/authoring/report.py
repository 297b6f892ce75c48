"""Previews and estimates as text for a terminal, and everything as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from metrics_pipeline.authoring.answers import Answers, Share
from metrics_pipeline.authoring.estimate import Estimate
from metrics_pipeline.authoring.preview import Preview, Shown
from metrics_pipeline.consent import unasked_requests
from metrics_pipeline.evaluation.tally import Tally
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.settings import Settings
from metrics_pipeline.wording import counted

FEW_ANSWERS = 10
"""Below so many answers an interval says next to nothing."""


def preview_lines(found: Preview) -> Iterator[str]:
    """A preview, a line each, for a terminal."""
    metric = found.metric
    by = f", judged by {found.judge}" if found.judge else ""
    yield f"{metric.name} ({metric.key}, version {metric.version}, {metric.status}){by}"
    for answers in found.sources:
        yield ""
        yield f"{source_title(found, answers)}, of {counted(found.conversation_count, 'conversation')}"
        yield from _answer_lines(answers, metric.unit)
    yield ""
    yield from comparison_notes(found)
    for name, rows in found.shown.items():
        yield f"\n{name}"
        for shown in rows:
            yield from _shown_lines(shown)
    yield ""
    yield from cost_lines(found)


def source_title(found: Preview, answers: Answers) -> str:
    """Which source it is, and whether the tables count it."""
    beside = "" if answers.is_primary else " (beside the metric's value)" if len(found.sources) > 1 else ""
    return f"{answers.source}{beside}"


def state_rows(answers: Answers) -> list[tuple[str, Share]]:
    """The states that anything is in, and always those that say how sure the answers are."""
    always = ("answered", "undecided", "error")
    return [(name.replace("_", " "), one) for name, one in answers.states.items() if one.number or name in always]


def _answer_lines(answers: Answers, unit: str | None) -> Iterator[str]:
    for name, one in state_rows(answers):
        yield f"  {name:<24} {share_text(one)}"
    if answers.answers:
        yield f"  answers, of {answers.states['answered'].number} that are answered"
    for name, one in answers.answers.items():
        yield f"    {name:<22} {share_text(one)}"
    if answers.rate is not None:
        yield f"  {'rate':<24} {share_text(answers.rate)} of {answers.rate.out_of}"
    if answers.numbers is not None:
        yield f"  {numbers_text(answers, unit)}"


def numbers_text(answers: Answers, unit: str | None) -> str:
    """The mean with its interval, and the median."""
    numbers = answers.numbers
    assert numbers is not None
    interval = "" if numbers.low is None else f" ({numbers.low:.4g} to {numbers.high:.4g})"
    said = f" {unit}" if unit else ""
    return f"mean {numbers.mean:.4g}{interval}, median {numbers.median:.4g}{said}, of {numbers.out_of}"


def share_text(one: Share) -> str:
    """A share with its interval and count."""
    if one.share is None:
        return "   none"
    return f"{one.share:7.1%}  ({one.low:.1%} to {one.high:.1%})".ljust(30) + f"{one.number:>5}"


def comparison_notes(found: Preview) -> Iterator[str]:
    """What others say about the same conversations, and the definition's own examples, a sentence each."""
    for what, same in (("baseline", found.same_as_baseline), ("logged value", found.same_as_logged)):
        if same:
            yield f"the {what} says the same about {same[0]} of {same[1]} that both answer"
    for example in found.examples:
        verdict = "right" if example.right == example.given else "WRONG"
        yield f"example {example.number}: {verdict}, {example.given} (the file says {example.right})"
    answered = found.sources[0].states["answered"].number
    if answered < FEW_ANSWERS < found.conversation_count:
        yield f"only {answered} of {found.conversation_count} are answered: a larger --sample says more"


def cost_lines(found: Preview) -> Iterator[str]:
    """What the sample cost, what a night and what every day would."""
    yield f"this sample   {sent_text(found.tally)}; the ledger held {counted(found.held_count, 'answer')} before"
    days = counted(found.nightly_days, "day")
    yield f"a night       {estimate_text(found.nightly)}; by itself, on average over the newest {days}"
    yield f"every day     {estimate_text(found.backfill)}"


def _shown_lines(row: Shown) -> Iterator[str]:
    others = [("baseline", row.baseline), ("logged", row.logged)]
    beside = "".join(f" · {name}: {value}" for name, value in others if value is not None)
    yield f"  {one_line(row.conversation_id)}  {row.conversation_date}{beside}"
    if row.reason:
        yield f"    {one_line(row.reason)}"
    for item in row.evidence:
        yield f"    turn {item.turn_index}: “{one_line(item.quote)}”"


def estimate_lines(found: Estimate, settings: Settings) -> Iterator[str]:
    """An estimate, and whether a run of it asks first."""
    yield f"{settings.model}: {estimate_text(found)}"
    if settings.mode == "batch":
        yield "in batches: the dollars are those of batches; the time is the provider's, a day at most"
    if found.prompt_tokens and found.requests > (limit := unasked_requests(settings)):
        budget = "" if settings.budget_requests is None else ", and stops at this budget"
        yield f"more than {counted(limit, 'request')}: judging days by name asks first, or needs --yes{budget}"


def estimate_text(found: Estimate) -> str:
    """An estimate in one line."""
    answers = found.held_answers + found.open_answers
    if not answers:
        return "0 requests; there is nothing to judge"
    if not found.requests:
        return f"0 requests; the ledger holds {answers:,} of {counted(answers, 'answer')}"
    text = f"{counted(found.expected_requests, 'request')} (at most {found.most_requests:,})"
    text += f"; the ledger holds {found.held_answers:,} of {counted(answers, 'answer')}"
    if found.prompt_tokens:
        tokens = found.prompt_tokens + found.reply_tokens
        basis = "as earlier calls took" if found.is_measured else "by rule of thumb"
        text += f"; {counted(tokens, 'token')} (at most {found.most_tokens:,}), {_dollars(found)}"
        text += f", {_duration(found.seconds)}, {basis}"
    return text


def sent_text(tally: Tally) -> str:
    """What was sent, and what it cost where that is known."""
    cost = "" if tally.cost_dollars is None else f", {tally.cost_dollars:.4f} dollars"
    return (
        f"{counted(tally.requests, 'request')} sent, {counted(tally.prompt_tokens + tally.reply_tokens, 'token')}{cost}"
    )


def plain(value: Any) -> Any:
    """`value` as what JSON can hold."""
    if isinstance(value, MetricDefinition):
        return {"key": value.key, "version": value.version, "status": value.status, "model": value.model}
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


def _dollars(found: Estimate) -> str:
    if found.dollars is None or found.most_dollars is None:
        return "price not known"
    return f"{found.dollars:,.2f} dollars (at most {found.most_dollars:,.2f})"


def _duration(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"


def one_line(text: str) -> str:
    """`text` without what could move the cursor or end the line."""
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))
