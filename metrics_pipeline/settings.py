"""The only reader of the environment and of `metrics.toml`.

A setting is looked for in this order: what the caller gives (a command's option), `METRICS_<NAME>` in the
environment, `<name>` in `metrics.toml` in the working directory, the default.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from metrics_pipeline import setting_values as values
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.refused_setting import refused_because
from metrics_pipeline.thresholds import THRESHOLDS, Severity
from metrics_pipeline.wording import did_you_mean, nearest

PREFIX = "METRICS_"
OTEL_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
FILE_NAME = "metrics.toml"
BASELINE = "baseline"
ALIKE_SETTINGS = 0.7
"""How alike a name must be to a setting's to be taken for a slip of the pen, 0 to 1."""


class Settings(BaseModel):
    """Everything that a user can set. Paths are absolute."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    data: Path = Path("data")
    """The data folder: everything the pipeline writes stands in it."""
    landing: Path | None = None
    """The folder of export files; `landing` in the data folder when not set."""
    definitions: Path = Path("metric_definitions")
    """The folder of metric definitions."""
    timezone: str = "UTC"
    """The project's time zone: where a conversation's day begins and ends."""
    first_day: date | None = None
    """The first day that Dagster shows; the earliest there are conversations of when not set."""
    model: str = BASELINE
    """`baseline`, any name that litellm knows, for example `openai/gpt-5-mini`, or `replay:PATH` of a recording."""
    api_base: str | None = None
    """The address of a model server of one's own."""
    api_key: SecretStr | None = None
    """The key for `api_base`; a provider's own variable (`OPENAI_API_KEY`, …) works as well."""
    client: Literal["auto", "litellm", "openai"] = "auto"
    """Who carries requests to a model: litellm reaches every provider; the `openai` client reaches a server of one's
    own with a third of the CPU. `auto` takes it for `openai/NAME` where `api_base` is set."""
    mode: Literal["direct", "batch"] = "direct"
    """How a model is asked: call by call, or in its provider's batches, for less, within a day."""
    batch_requests: int = Field(default=10_000, ge=1, le=50_000)
    """Requests in one batch, at most; OpenAI takes 50,000."""
    batch_megabytes: int = Field(default=20, ge=1, le=200)
    """The size of its file, at most; OpenAI takes 200. A run needs twice as much memory while it sends one."""
    batch_poll_seconds: float = Field(default=30, gt=0)
    """Before a provider is first asked how far its batches have come; then longer and longer, up to five minutes."""
    batch_corrections: Literal["batch", "direct"] = "batch"
    """Where a reply that does not hold is asked about again: in the next batch, or at once at the full price."""
    group_size: int = Field(default=6, ge=1, le=50)
    """Metrics asked about one conversation in one request, at most."""
    context_tokens: int | None = Field(default=None, ge=1000)
    """Tokens that the model can read and write at once: for one that litellm does not know, of which 32,000 are taken
    for granted. What is longer is judged on a window, or not at all. Another number is another judge."""
    concurrency: int = Field(default=64, ge=1, le=1024)
    """Requests in flight to a model, at most. Fewer where it refuses them, until it bears them again."""
    call_timeout_seconds: float = Field(default=60, gt=0)
    """A call that has not ended by then is given up, however busily it drips."""
    run_timeout_seconds: float = Field(default=6 * 3600, gt=0)
    """A run asks nothing new after this time; what is left is judged by the next run."""
    retries: int = Field(default=3, ge=0, le=10)
    """Further tries of a failed call, where one can help."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """Requests that a model is sent in any minute, at most: what its provider allows."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Tokens that they come to, prompts and replies, counted before they are sent."""
    budget_requests: int | None = Field(default=None, ge=0)
    """Requests a run may send to a model; without any budget, more than 1,000 ask first."""
    budget_requests_per_day: int | None = Field(default=None, ge=0)
    """Requests that all runs of one day may send, in the project's time zone."""
    budget_dollars: float | None = Field(default=None, ge=0)
    """What a run may cost, by litellm's list of prices; a model that is not on it is not stopped by it."""
    budget_dollars_per_day: float | None = Field(default=None, ge=0)
    """What all runs of one day may cost."""
    budget_requests_by_metric: dict[str, Annotated[int, Field(ge=0)]] = {}
    """Requests of a run that may ask about a metric, by its key, a table in `metrics.toml`; in the environment as
    JSON."""
    budget_dollars_by_metric: dict[str, Annotated[float, Field(ge=0)]] = {}
    """What a run may cost for a metric: a request about several is paid by all of them in equal parts."""
    second_model: str | None = None
    """A second judge, for a share of the conversations and every suspicious verdict; unset, none is asked."""
    second_share: float = Field(default=0.05, ge=0, le=1)
    """That share, always the same conversations."""
    record: Path | None = None
    """A file in which `metrics run` keeps its requests, by their hashes, and the replies to them, to be replayed."""
    record_transcripts: bool = False
    """Whether it holds whole requests as well, transcripts included."""
    lint_synonyms: tuple[tuple[str, ...], ...] = ()
    """Groups of words that `metrics lint` takes for one in names; in the environment `guest, visitor; room, suite`."""
    redact_phone_regions: tuple[str, ...] = ("US", "GB")
    """Countries whose telephone numbers are found without a word that says what they are; in the environment `US,GB`.
    Each further one finds more numbers, and takes more numbers of orders for them."""
    redact_patterns: dict[str, str] = {}
    """A team's own patterns by name, in RE2's language, a table in `metrics.toml`; in the environment as JSON."""
    redact_names: bool | str = False
    """Whether people's names are taken out: true, by the recogniser of the extra `names`; or `package.module:function`,
    a function of one's own that is given the texts of a conversation and says, for each, where names stand in it."""
    pull_url: str | None = None
    """The server of a Conversations API v3 to pull from, for example `https://api.us-1.platform.polyai.app`."""
    pull_token: SecretStr | None = None
    """The token it asks for."""
    pull_account: str | None = None
    """The account whose conversations are pulled."""
    pull_project: str | None = None
    """The project of that account."""
    pull_overlap_hours: float = Field(default=24, ge=0, le=24 * 36_525)
    """How far before the end of the last pull the next begins: what the server learns late is still found."""
    pull_page_size: int = Field(default=500, ge=1, le=1000)
    """Conversations in one reply, at most."""
    retention_days: int | None = Field(default=None, ge=1, le=36_525)
    """Each run erases conversations that are more than so many days old, and takes none in; unset, all are kept."""
    otel_endpoint: str | None = None
    """Where traces are sent, an OpenTelemetry collector's address for OTLP over HTTP, such as `http://localhost:4318`;
    `OTEL_EXPORTER_OTLP_ENDPOINT` works as well. Needs the extra `otel`."""
    checks: dict[str, Severity] = {}
    """What a check of the new tables does when it finds something, by its name: `warn` (each, unless told), `block`,
    which keeps the published generation, or `off`. A table in `metrics.toml`; in the environment as JSON."""
    check_limits: dict[str, float] = {}
    """What a check lets pass, by its name, where it is not what `thresholds.py` says."""
    check_days: int = Field(default=7, ge=1, le=92)
    """The newest complete days that the checks look at: what was wrong before does not come up again."""
    log_format: Literal["text", "json"] = "text"
    """`json`: each event of a run is a line of JSON on standard error, Dagster's own log included."""
    notify_urls: tuple[SecretStr, ...] = ()
    """Who is told after a night, as addresses of apprise, such as `mailto://…`, `slack://…`, `json://…`; in the
    environment with spaces between them."""
    link_base: str | None = None
    """The address of Dagster's web server, for the links of a message."""
    rate_floor: int = Field(default=10, ge=0)
    """A rate, a share or a mean out of fewer answers is marked in the tables as `is_too_few`: not to be drawn."""
    keep_generations: int = Field(default=5, ge=3)
    """Published generations that stay on disk, at least."""
    keep_generation_days: int = Field(default=0, ge=0, le=36_525)
    """Those that were published so many days ago or less stay as well, however many they are."""
    export_names: Literal["key", "name"] = "key"
    """How an export's `metrics` call a judged metric: by its key, or by the name that a dashboard shows."""
    catch_up_days: int = Field(default=14, ge=1, le=366)
    """Days back for which Dagster makes up nights that did not run; an older day waits until somebody names it."""
    keep_runs_days: int = Field(default=90, ge=1)
    """Days that Dagster's files of a run stay, its logs; what it materialized, and when, stays for ever."""

    _absolute = field_validator("data", "landing", "definitions", "record")(values.absolute)
    _plain_path = field_validator("data")(values.plain_path)
    _safe_for_a_token = field_validator("pull_url")(values.safe_for_a_token)
    _fit_for_a_header = field_validator("pull_token")(values.fit_for_a_header)
    _groups = field_validator("lint_synonyms", mode="before")(values.groups)
    _words = field_validator("lint_synonyms")(values.words)
    _listed = field_validator("redact_phone_regions", mode="before")(values.listed)
    _addresses = field_validator("notify_urls", mode="before")(values.addresses)
    _known_regions = field_validator("redact_phone_regions")(values.known_regions)
    _yes_no_or_function = field_validator("redact_names", mode="before")(values.yes_no_or_function)
    _table = field_validator("redact_patterns", "budget_requests_by_metric", "budget_dollars_by_metric", mode="before")(
        values.table
    )
    _known_checks = field_validator("checks", "check_limits", mode="before")(values.known_checks)
    _limits = field_validator("check_limits")(values.limits)
    _known_zone = field_validator("timezone")(values.known_zone)

    def severity_of(self, check: str) -> Severity:
        return self.checks.get(check, "warn")

    def limit_of(self, check: str) -> float:
        return self.check_limits.get(check, THRESHOLDS[check].limit)

    @property
    def landing_folder(self) -> Path:
        return self.landing or self.data / "landing"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


Origin = Literal["option", "environment", "file", "default"]


def load_settings(
    options: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """The settings in force. See `origins` for where each came from.

    Args:
        options: What the caller was given; None as a value means not given.
        environment: The process's own when None.
        folder: Where `metrics.toml` may stand; the working directory when None.

    Raises:
        SettingsError: A value cannot be used, or `metrics.toml` cannot be read.
    """
    given, where = _gather(options, environment, folder)
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = []
        for problem in error.errors():
            name = str(problem["loc"][0])
            within = "".join(f", {part}" for part in problem["loc"][1:])
            problems.append(f"{_label(name, where.get(name, 'default'))}{within}: {refused_because(problem)}")
        raise SettingsError("; ".join(problems) + ". Correct it and run again.") from None


def origins(
    options: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> dict[str, Origin]:
    """Where each setting comes from, by name."""
    _, where = _gather(options, environment, folder)
    return {name: where.get(name, "default") for name in Settings.model_fields}


def unknown_variables(environment: Mapping[str, str] | None = None) -> str | None:
    """A sentence about variables that look like a setting and are none; None where there are none.

    Args:
        environment: The process's own when None.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    found = sorted(name for name in (os.environ if environment is None else environment) if name.startswith(PREFIX))
    said = []
    for name in found:
        if name not in known:
            near = nearest(name.removeprefix(PREFIX), [other.removeprefix(PREFIX) for other in known], ALIKE_SETTINGS)
            said.append(f"{name} (did you mean {PREFIX}{near[0]}?)" if near else name)
    return f"not a setting, and not read: {', '.join(said)}" if said else None


def working_environment() -> dict[str, str]:
    """A copy of the process's environment, for the programs we start."""
    return dict(os.environ)


def quiet_libraries() -> None:
    """Keep litellm, dbt and Dagster from talking to anybody but whom the user named."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


def dagster_home(folder: Path) -> Path:
    """Dagster's home: the one that the user has chosen, or `folder`."""
    return Path(os.environ.get("DAGSTER_HOME") or folder)


def set_dagster_home(folder: Path) -> None:
    """Make `folder` Dagster's home unless the user has chosen one."""
    if not os.environ.get("DAGSTER_HOME"):
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["DAGSTER_HOME"] = str(folder.absolute())


def _gather(
    options: Mapping[str, Any] | None, environment: Mapping[str, str] | None, folder: Path | None
) -> tuple[dict[str, Any], dict[str, Origin]]:
    environment = os.environ if environment is None else environment
    given: dict[str, Any] = {}
    where: dict[str, Origin] = {}
    for name, value in _read_file((folder or Path.cwd()) / FILE_NAME).items():
        given[name], where[name] = value, "file"
    if text := environment.get(OTEL_ENDPOINT, ""):
        given["otel_endpoint"], where["otel_endpoint"] = text, "environment"
    for name in Settings.model_fields:
        if text := environment.get(PREFIX + name.upper(), ""):
            given[name], where[name] = text, "environment"
    for name, value in (options or {}).items():
        if value is not None:
            given[name], where[name] = value, "option"
    return given, where


def _read_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML ({error}). Correct it or remove it.") from None
    if unknown := sorted(set(found) - set(Settings.model_fields)):
        near = did_you_mean(nearest(unknown[0], Settings.model_fields, ALIKE_SETTINGS))
        advice = near or f"The settings are {', '.join(Settings.model_fields)}."
        raise SettingsError(f"{path}: no such setting: {', '.join(unknown)}. {advice}")
    return found


def _label(name: str, origin: str) -> str:
    return {
        "environment": f"{PREFIX}{name.upper()} in the environment",
        "file": f"{name} in {FILE_NAME}",
        "option": f"--{name.replace('_', '-')}",
    }.get(origin, name)
