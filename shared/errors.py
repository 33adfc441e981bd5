"""The errors of the product: one small tree, each with its facts as attributes and a sentence for
people.

Not here: refusals that are part of normal life (a mail that gets no answer, an attachment that is
left out). Those are values, because a retry cannot cure them.
"""

from __future__ import annotations


class IngestError(Exception):
    """The root of every error that we raise on purpose; its text is a sentence for people."""


def log_text(exc: Exception) -> str:
    """What a log line may hold of an error: a sentence of ours, else no more than its kind, because
    nobody has looked at what its text holds.
    """
    return str(exc) if isinstance(exc, IngestError) else type(exc).__name__


class BlobNotFoundError(IngestError):
    """There is no complete blob under this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no blob named {name}.")
        self.name = name


class StorageFullError(IngestError):
    """The disk or the storage quota is full; nothing of the write is visible."""

    def __init__(self, where: str) -> None:
        super().__init__(f"The storage at {where} is full. Free some space; then send it again.")
        self.where = where


class StorageCorruptError(IngestError):
    """Our own state cannot be read: a damaged database or a record that is no record."""

    def __init__(self, where: str, detail: str) -> None:
        super().__init__(
            f"The state in {where} cannot be read ({detail}). Restore a copy of it, or move it away"
            " and replay the stored originals."
        )
        self.where = where
        self.detail = detail


class ServiceUnavailableError(IngestError):
    """A service that we depend on did not answer properly; a retry may cure it."""

    def __init__(self, service: str, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(
            f"The service {service} is not available{f': {detail}' if detail else ''}."
        )
        self.service = service
        self.detail = detail
        self.retry_after_s = retry_after_s


class AccessRefusedError(ServiceUnavailableError):
    """A service does not let our identity do something. Until a person has granted the right it is
    like any service that is down: no submission's fault, and tried again.
    """

    def __init__(self, service: str, answer: str, cure: str) -> None:
        super().__init__(service, f"it refuses us ({answer}); {cure}")
        self.answer = answer


class OtherSubmissionError(IngestError):
    """The submission of this ID has come from somebody else."""

    def __init__(self, submission_id: str) -> None:
        super().__init__(f"The submission {submission_id} is another one.")
        self.submission_id = submission_id


class SettingsError(IngestError):
    """A setting is missing or makes no sense; the text names it and says what to write."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting}: {problem}")
        self.setting = setting
        self.problem = problem


class UnknownSubmissionError(IngestError):
    """No submission has this ID."""

    def __init__(self, submission_id: str) -> None:
        super().__init__(f"There is no submission with the ID {submission_id}.")
        self.submission_id = submission_id


class TooLargeError(IngestError):
    """What was sent is larger than a limit of ours."""

    def __init__(self, what: str, limit_bytes: int) -> None:
        super().__init__(f"{what} is larger than the limit of {limit_bytes:,} bytes.")
        self.what = what
        self.limit_bytes = limit_bytes


class NewerStateError(IngestError):
    """A newer release has written our state; this one must not touch it."""

    def __init__(self, where: str, found: int, known: int) -> None:
        super().__init__(
            f"The state in {where} was written by a newer release (version {found}; this one knows"
            f" {known}). Install that release again, or name another data folder."
        )
        self.where = where
        self.found = found
        self.known = known
