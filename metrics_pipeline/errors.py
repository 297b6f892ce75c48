"""Every deliberate error of the pipeline.

::

    PipelineError                 what the user sees as one sentence; exit code 1
    ├── SettingsError             a setting that cannot be used; exit code 2
    ├── LandingError              nothing to land
    ├── PullError                 conversations cannot be fetched; what came is kept
    │   ├── PullBusyError         worth another try: rate limit, server error, time-out, broken reply
    │   └── CursorRefusedError    the server does not know a cursor of its own
    ├── DefinitionError           a metric definition that cannot be loaded
    ├── DataFolderError           the data folder cannot be used: other format, locked, full
    ├── LedgerError               the ledger cannot be opened or written
    ├── ErasingError              a conversation is not known, or something of it is left
    ├── ExportError               rows cannot be written to where they should go
    ├── JudgeError                a judge gave no reply to one request
    │   ├── JudgeBusyError        worth another try: rate limit, server error, time-out
    │   └── JudgeRefusedError     not worth one: bad request, too long, unknown model
    │       └── JudgeClosedError  no request will succeed: key, permission, quota, no server
    ├── StoppedError              the user ended the command; exit code 130
    ├── NotifyError               a message got to nobody, or not to everybody
    └── PublishError              what was built cannot be published
        ├── AuditError            the audit of a build found something wrong
        └── BlockedError          a check that blocks found something

A message says what, where, and what to do. It never holds a transcript or a secret.
"""


class PipelineError(Exception):
    """An error that is ours to explain: its text is what the user reads."""

    exit_code = 1


class SettingsError(PipelineError):
    """A setting, option or path given by the user cannot be used."""

    exit_code = 2


class LandingError(PipelineError):
    """There is nothing to land."""


class PullError(PipelineError):
    """Conversations cannot be fetched from where they are. What came before is kept."""


class PullBusyError(PullError):
    """A failure that may pass: rate limit, server error, time-out, a reply that is none."""

    def __init__(self, message: str, *, is_rate_limit: bool = False, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.is_rate_limit = is_rate_limit
        self.retry_after_seconds = retry_after_seconds


class CursorRefusedError(PullError):
    """The server does not know a cursor that it gave: it is too old, or never was one."""


class DefinitionError(PipelineError):
    """A metric definition cannot be loaded."""


class DataFolderError(PipelineError):
    """The data folder cannot be used."""


class LedgerError(PipelineError):
    """The ledger cannot be opened, read or written."""


class ErasingError(PipelineError):
    """A conversation cannot be erased: nothing of it is known, or something of it is left."""


class ExportError(PipelineError):
    """Rows cannot be written to a store or database."""


class JudgeError(PipelineError):
    """A judge gave no reply to one request."""


class JudgeBusyError(JudgeError):
    """A failure that may pass: rate limit, server error, time-out, broken connection."""

    def __init__(self, message: str, *, kind: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after_seconds = retry_after_seconds


class JudgeRefusedError(JudgeError):
    """A failure that would come again for the same request."""

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class JudgeClosedError(JudgeRefusedError):
    """A failure that would come again for every request: the run stops asking."""


class StoppedError(PipelineError):
    """The user ended the command."""

    exit_code = 130


class NotifyError(PipelineError):
    """A message did not get to all who are to be told."""


class PublishError(PipelineError):
    """What was built cannot be published."""


class AuditError(PublishError):
    """The audit of a build found something wrong; what was published before is still read."""


class BlockedError(PublishError):
    """A check that is set to block found something; what was published before is still read."""
