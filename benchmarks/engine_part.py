"""One part of `engine.py`, in a process of its own: prints what it took as JSON.

.venv/bin/python benchmarks/engine_part.py judge --data FOLDER --api-base URL --client openai
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "builders"))

import msgspec
import pyarrow.parquet as pq
from landed import land

from metrics_pipeline import pipeline
from metrics_pipeline.conversations.record import Conversation, Turn
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.errors import JudgeError
from metrics_pipeline.evaluation import prompt
from metrics_pipeline.evaluation.chat_completions import parameters
from metrics_pipeline.evaluation.forecast import plan_requests
from metrics_pipeline.evaluation.judge import JudgeReply, JudgeRequest, RemoteJudge
from metrics_pipeline.evaluation.judges import open_judges
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.evaluation.options import Judges, Options
from metrics_pipeline.evaluation.runner import Report, evaluate
from metrics_pipeline.evaluation.settling import FENCE_SECRET
from metrics_pipeline.metrics.catalog import Catalog, load_catalog
from metrics_pipeline.settings import Settings

DEFINITIONS = HERE / "definitions" / "engine"
FIRST_DAY = date(2026, 1, 1)
A_DAY = 1_000
WORDS = (
    "order parcel delivery sofa lamp table broken late refund voucher address street number please today tomorrow week "
    "price colleague call back sorry thank you waiting shop courier driver door size colour invoice account receipt"
).split()


def conversations(count: int, seed: int = 1) -> Iterator[Conversation]:
    """Made-up conversations of 10 to 18 turns, about 1,000 characters each."""
    draw = random.Random(seed)
    for number in range(count):
        day = FIRST_DAY + timedelta(days=number // A_DAY)
        turns = tuple(
            Turn(index, ("agent", "user")[index % 2], f"{' '.join(draw.choices(WORDS, k=draw.randint(5, 18)))}.")
            for index in range(draw.randint(10, 18))
        )
        yield Conversation(
            conversation_id=f"c{number:07d}",
            conversation_date=day,
            started_at=datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(seconds=number % A_DAY),
            source="benchmark",
            turns=turns,
            reported_turn_count=len(turns),
            channel="voice",
        )


class InstantJudge:
    """Answers every metric with its first answer and a quote of the first turn, at once."""

    kind, reads_prompt, name, settings = "model", True, "instant", {}

    async def ask(self, request: JudgeRequest) -> JudgeReply:
        first = request.turns[0]
        said = {
            "evidence": [{"turn_index": first.turn_index, "quote": first.text}],
            "reason": "the first turn shows it",
        }
        answers = {metric.key: said | {"answer": metric.answers[0]} for metric in request.metrics}
        text = msgspec.json.encode(answers).decode()
        return JudgeReply(text=text, model_served="instant", prompt_tokens=500, reply_tokens=100)


def land_part(options: argparse.Namespace) -> dict[str, Any]:
    folder = open_data_folder(options.data)
    for start in range(0, options.conversations, 20 * A_DAY):
        wanted = min(20 * A_DAY, options.conversations - start)
        found = (one for number, one in enumerate(conversations(start + wanted)) if number >= start)
        land(folder, found)
    return {}


def judge_part(options: argparse.Namespace) -> dict[str, Any]:
    settings, catalog = _settings(options), _catalog(options)
    asyncio.run(_load(settings))
    folder = open_data_folder(options.data)
    started, cpu = time.perf_counter(), time.process_time()
    report = pipeline.judge(folder, catalog, settings)
    return _took(started, cpu) | {
        "requests": report.tally.requests,
        "states": _states(report),
        "open": report.open_count,
        **_said(folder),
    }


def instant_part(options: argparse.Namespace) -> dict[str, Any]:
    settings, catalog = _settings(options), _catalog(options)
    folder, judge = open_data_folder(options.data), InstantJudge()
    how = Options(pipeline.limits(settings), settings.group_size, pipeline.now)
    if options.profile:
        import cProfile

        profile = cProfile.Profile()
        profile.enable()
    started, cpu = time.perf_counter(), time.process_time()
    with Ledger(folder.ledger) as ledger:
        report = evaluate(folder, catalog, Judges(judge, lambda record: judge), ledger, how)
    took = _took(started, cpu)
    if options.profile:
        profile.disable()
        profile.dump_stats(options.profile)
    return took | {"requests": report.tally.requests}


def bare_part(options: argparse.Namespace) -> dict[str, Any]:
    """The same bodies through aiohttp and nothing else: encoded before the clock starts, replies read and dropped."""
    import aiohttp

    settings, catalog = _settings(options), _catalog(options)
    folder, judges = open_data_folder(options.data), open_judges(settings)
    how = Options(pipeline.limits(settings), settings.group_size, pipeline.now)
    bodies = []
    with Ledger(folder.ledger) as ledger:
        secret = ledger.secret(FENCE_SECRET, b"x" * 32)
        for day in plan_requests(folder, catalog, judges, ledger, how):
            for asked in day.requests:
                metrics, one = asked.metrics, asked.subject
                messages = prompt.render(one.conversation.turns, metrics, one.judged_hash, secret)
                limit = prompt.max_reply_tokens(metrics)
                request = JudgeRequest((), metrics, messages, prompt.reply_schema(metrics), limit)
                bodies.append(json.dumps({"model": "sim", **parameters(request)}).encode())

    async def send_all() -> None:
        left = iter(bodies)
        headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:

            async def send() -> None:
                for body in left:
                    async with session.post(f"{options.api_base}/chat/completions", data=body) as response:
                        await response.read()

            await asyncio.gather(*(send() for _ in range(options.concurrency)))

    started, cpu = time.perf_counter(), time.process_time()
    asyncio.run(send_all())
    return _took(started, cpu) | {"requests": len(bodies)}


async def _load(settings: Settings) -> None:
    """Ask where nobody answers: a client loads most of itself at its first call."""
    judge = open_judges(settings.model_copy(update={"api_base": "http://127.0.0.1:9/v1"})).current
    with suppress(JudgeError):
        await judge.ask(JudgeRequest((), (), ({"role": "user", "content": ""},), {}, 1))
    if isinstance(judge, RemoteJudge):
        await judge.close()


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        data=options.data,
        model="openai/sim",
        api_base=options.api_base,
        client=options.client,
        concurrency=options.concurrency,
        group_size=options.group_size,
        call_timeout_seconds=options.call_timeout_seconds,
        # As at night: without a budget a run is planned twice, to ask before it sends many.
        budget_requests=1_000_000,
    )


def _catalog(options: argparse.Namespace) -> Catalog:
    catalog = load_catalog(DEFINITIONS).require_sound()
    return catalog._replace(definitions=catalog.definitions[: options.metrics])


def _took(started: float, cpu: float) -> dict[str, float]:
    return {
        "wall_seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _states(report: Report) -> dict[str, int]:
    return dict(sum((states for states in report.states.values()), Counter()))


def _said(folder: DataFolder) -> dict[str, Any]:
    """Verdicts by what they say in detail."""
    details: Counter[str] = Counter()
    for path in folder.table("verdicts").glob("metric=*/day=*.parquet"):
        details.update(pq.read_table(path, columns=["detail"], partitioning=None)["detail"].to_pylist())
    details.pop(None, None)
    return {"details": details}


def main() -> None:
    parts = {"land": land_part, "judge": judge_part, "instant": instant_part, "bare": bare_part}
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=parts)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--conversations", type=int, default=2_000)
    parser.add_argument("--api-base", default="http://127.0.0.1:9/v1")
    parser.add_argument("--client", default="auto")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--group-size", type=int, default=6)
    parser.add_argument("--metrics", type=int, default=4)
    parser.add_argument("--call-timeout-seconds", type=float, default=60)
    parser.add_argument("--profile", type=Path)
    options = parser.parse_args()
    print(json.dumps(parts[options.part](options)))


if __name__ == "__main__":
    main()
