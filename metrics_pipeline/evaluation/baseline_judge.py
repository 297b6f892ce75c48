"""The built-in judge: no network, no model, no training. It compares words, and is honest about how far that goes.

For each metric it takes the conditions as the definition says them, one for each answer, and weighs every turn
against every condition: a word counts the more, the fewer of the metric's conditions have it (the idf of BM25; S.
Robertson and H. Zaragoza, The probabilistic relevance framework, 2009), and a long condition counts for no more than
a short one. Cues that any reader would use raise or lower that: a turn that denies something speaks for a condition
that denies something; a question shows that a thing was asked, not that it was done; a condition that names the agent
is met by what the agent said; and where several turns speak, `attempts` says which counts.

The answer is that of the condition best met, with the turn that met it; `undecided` where the second best is too
near. Constants were chosen by reason, on invented examples, and are not fitted to any data:

- `MARGIN`: the best must beat the second by a tenth of itself.
- `FOUND`: the weight of about one distinctive word. Less than that in all turns means that nothing was found.
- the factors: two to one where a cue speaks clearly, a third of that where it only leans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any, NamedTuple

import msgspec

from metrics_pipeline.conversations.record import Turn, shown_text
from metrics_pipeline.evaluation.containment import visible
from metrics_pipeline.evaluation.judge import JudgeKind, JudgeReply, JudgeRequest
from metrics_pipeline.evaluation.phrases import Phrase, read_phrase
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.parts import UNDECIDED

VERSION = 2
MARGIN = 0.1
FOUND = 0.35
DENIES_ALIKE, DENIES_OTHERWISE = 1.2, 0.6
ONLY_ASKED = 0.5
SAID_BY_THE_OTHER = 0.7
ORDER_LEAN = 0.25
"""How much more the turn counts that `attempts` prefers, from one end of the conversation to the other."""
LENGTH_LEAN = 0.5
"""How far a condition's length is evened out: `b` of BM25, halfway."""
DEFINITION_SHARE = 0.5
"""A word that only the definition has, not the condition, counts for half."""
MAX_QUOTE_CHARACTERS = 200
REST_LABELS = frozenset({"other", "others", "none", "neither", "unknown", "something else", "anything else"})


class BaselineJudge:
    """Phrases and word statistics: what a judge has to beat."""

    kind: JudgeKind = "baseline"
    name = "baseline"
    reads_prompt = False

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"version": VERSION}

    async def ask(self, request: JudgeRequest) -> JudgeReply:
        turns = [_read_turn(turn) for turn in request.turns]
        said = {metric.key: _judge(metric, turns) for metric in request.metrics}
        return JudgeReply(text=msgspec.json.encode(said).decode(), model_served=f"baseline-{VERSION}")


class _Turn(NamedTuple):
    turn_index: int
    speaker: str
    shown: str
    phrase: Phrase


class _Condition(NamedTuple):
    answer: str
    phrase: Phrase
    weights: Mapping[str, float]


class _Match(NamedTuple):
    score: float
    turn: _Turn | None


class _Compiled(NamedTuple):
    conditions: tuple[_Condition, ...]
    applies: _Condition | None
    rest: str | None
    """The label that stands for none of the others."""


NOTHING = _Match(0.0, None)


def _read_turn(turn: Turn) -> _Turn:
    text = visible(shown_text(turn))
    return _Turn(turn.turn_index, turn.speaker, text, read_phrase(text))


def _judge(metric: MetricDefinition, turns: Sequence[_Turn]) -> dict[str, Any]:
    compiled = _compile(metric)
    applies_from_turn = None
    if compiled.applies is not None:
        started = _first_match(compiled.applies, turns)
        if started is None:
            return _said("nothing in the transcript meets applies_when", UNDECIDED, None, None, applies=False)
        applies_from_turn = started.turn_index
        turns = [turn for turn in turns if turn.turn_index >= started.turn_index]
    matches = {condition.answer: _best_match(condition, turns, metric.attempts) for condition in compiled.conditions}
    ranked = sorted(matches.items(), key=lambda item: -item[1].score)
    (answer, best), second = ranked[0], ranked[1][1] if len(ranked) > 1 else NOTHING
    if best.score < FOUND or best.turn is None:
        return _nothing_found(metric, compiled, applies_from_turn)
    if best.score - second.score < MARGIN * best.score:
        return _said("two answers are met about equally", UNDECIDED, best.turn, applies_from_turn)
    return _said("the words of this answer's condition come nearest here", answer, best.turn, applies_from_turn)


def _nothing_found(metric: MetricDefinition, compiled: _Compiled, applies_from_turn: int | None) -> dict[str, Any]:
    if metric.type == "boolean":
        return _said("nothing in the transcript speaks of it", "false", None, applies_from_turn)
    return _said("no label's words are in the transcript", compiled.rest or UNDECIDED, None, applies_from_turn)


def _said(
    reason: str, answer: str, turn: _Turn | None, applies_from_turn: int | None, applies: bool = True
) -> dict[str, Any]:
    evidence = [{"turn_index": turn.turn_index, "quote": _quote(turn.shown)}] if turn is not None else []
    return {
        "applies": applies,
        "applies_from_turn": applies_from_turn,
        "evidence": evidence,
        "reason": reason,
        "answer": answer,
    }


def _quote(text: str) -> str:
    text = text.strip()
    if len(text) <= MAX_QUOTE_CHARACTERS:
        return text
    cut = text[:MAX_QUOTE_CHARACTERS]
    return cut.rsplit(" ", 1)[0] or cut


def _best_match(condition: _Condition, turns: Sequence[_Turn], attempts: str | None) -> _Match:
    best = NOTHING
    last = max(len(turns) - 1, 1)
    for place, turn in enumerate(turns):
        score = _score(condition, turn)
        if score == 0.0:
            continue
        if attempts != "best" and attempts != "any":
            share = place / last
            score *= 1 + ORDER_LEAN * (1 - share if attempts == "first" else share)
        if score > best.score:
            best = _Match(score, turn)
    return best


def _first_match(condition: _Condition, turns: Sequence[_Turn]) -> _Turn | None:
    """Where a metric begins to apply: that something is asked is enough."""
    return next((turn for turn in turns if _overlap(condition, turn) >= FOUND), None)


def _overlap(condition: _Condition, turn: _Turn) -> float:
    weights = condition.weights
    return sum(weights[stem] for stem in turn.phrase.stems if stem in weights)


def _score(condition: _Condition, turn: _Turn) -> float:
    score = _overlap(condition, turn)
    if score == 0.0:
        return 0.0
    score *= DENIES_ALIKE if condition.phrase.is_negated == turn.phrase.is_negated else DENIES_OTHERWISE
    if turn.phrase.is_question:
        score *= ONLY_ASKED
    if condition.phrase.speaks_of not in (None, turn.speaker):
        score *= SAID_BY_THE_OTHER
    return score


_COMPILED: dict[str, _Compiled] = {}


def _compile(metric: MetricDefinition) -> _Compiled:
    """A definition's conditions as weighed words; worked out once a version."""
    if metric.version not in _COMPILED:
        _COMPILED[metric.version] = _compiled(metric)
    return _COMPILED[metric.version]


def _compiled(metric: MetricDefinition) -> _Compiled:
    if metric.type == "boolean":
        texts = {
            "true": metric.true_when or metric.definition,
            "false": metric.false_when or f"not {metric.definition}",
        }
        rest = None
    else:
        texts = {label.name: f"{label.name.replace('_', ' ')}. {label.when or ''}" for label in metric.labels}
        rest = next((name for name in texts if name.replace("_", " ").casefold() in REST_LABELS), None)
        texts = {name: text for name, text in texts.items() if name != rest}
    phrases = {answer: read_phrase(text) for answer, text in texts.items()}
    conditions = [_Condition(answer, phrase, _weights(phrase, phrases)) for answer, phrase in phrases.items()]
    if metric.type == "boolean":
        conditions = [_with_definition(condition, metric.definition, phrases) for condition in conditions]
    applies = None
    if metric.applies_when:
        phrase = read_phrase(metric.applies_when)
        # There is nothing to tell it apart from: one word of it in five, or one of few, is taken as a sign.
        applies = _Condition(
            "", phrase, dict.fromkeys(phrase.stems, max(FOUND / 2, 2 * FOUND / (len(phrase.stems) or 1)))
        )
    return _Compiled(tuple(conditions), applies, rest)


def _weights(phrase: Phrase, phrases: Mapping[str, Phrase]) -> dict[str, float]:
    average = sum(len(other.stems) for other in phrases.values()) / len(phrases) or 1.0
    length = 1 - LENGTH_LEAN + LENGTH_LEAN * len(phrase.stems) / average
    return {stem: _idf(stem, phrases) / length for stem in phrase.stems}


def _idf(stem: str, phrases: Mapping[str, Phrase]) -> float:
    having = sum(stem in other.stems for other in phrases.values())
    return log(1 + (len(phrases) - having + 0.5) / (having + 0.5))


def _with_definition(condition: _Condition, definition: str, phrases: Mapping[str, Phrase]) -> _Condition:
    """The definition says what a yes is: its words stand with the answer `true`, for less."""
    if condition.answer != "true":
        return condition
    known = frozenset().union(*(phrase.stems for phrase in phrases.values()))
    extra = read_phrase(definition).stems - known
    typical = max(condition.weights.values(), default=FOUND)
    return condition._replace(weights=dict(condition.weights) | dict.fromkeys(extra, DEFINITION_SHARE * typical))
