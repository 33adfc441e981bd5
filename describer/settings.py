"""The settings of the describer, read once from the environment of its process."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "MAIL_INGEST_"
# Every variable that is read here, for whoever looks for mistyped ones.
NAMES = frozenset(
    _PREFIX + name
    for name in (
        *("DESCRIBER", "MAX_PIXELS", "DESCRIBER_MEMORY_MB", "OCR"),
        *("THIRD_PARTY_URL", "THIRD_PARTY_KEY", "THIRD_PARTY_AUTH", "THIRD_PARTY_MODE"),
        *("THIRD_PARTY_MAPPING", "THIRD_PARTY_TIMEOUT_S", "THIRD_PARTY_DEADLINE_S"),
        *("THIRD_PARTY_POLL_S", "THIRD_PARTY_MAX_ANSWER_BYTES"),
        "THIRD_PARTY_ALLOW_LOOPBACK_HTTP",
    )
)
_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})


class ProviderKind(StrEnum):
    """Who says what media shows."""

    LOCAL_MODELS = "local_models"
    THIRD_PARTY = "third_party"


class SendMode(StrEnum):
    """What a third party gets: the media itself, or a URL to fetch it from."""

    BYTES = "bytes"
    URL = "url"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdPartySettings:
    """How to reach a description service. `auth` is none, bearer, or ``header:<name>``."""

    url: str
    key: str = field(default="", repr=False)
    auth: str = "bearer"
    mode: SendMode = SendMode.BYTES
    mapping: str = "plain"  # the name of a shipped mapping, or the path of a TOML file
    timeout_s: float = 30.0  # of one HTTP exchange
    deadline_s: float = 300.0  # of the whole description, with all polling
    poll_s: float = 2.0  # between polls, where the service names no pause
    max_answer_bytes: int = 8_000_000
    allow_loopback_http: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`max_pixels` of one picture, `memory_mb` of the process (0: no limit)."""

    provider: ProviderKind = ProviderKind.LOCAL_MODELS
    max_pixels: int = 100_000_000
    memory_mb: int = 4096
    ocr: bool = False
    third_party: ThirdPartySettings | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read MAIL_INGEST_* variables. Raises SettingsError, naming the variable."""
        read = _Reader(env)
        provider = read.choice("DESCRIBER", ProviderKind, ProviderKind.LOCAL_MODELS)
        third_party = provider is ProviderKind.THIRD_PARTY
        return cls(
            provider=provider,
            max_pixels=read.whole("MAX_PIXELS", 100_000_000, least=1),
            memory_mb=read.whole("DESCRIBER_MEMORY_MB", 4096, least=0),
            ocr=read.flag("OCR"),
            third_party=_third_party(read) if third_party else None,
        )


def _third_party(read: _Reader) -> ThirdPartySettings:
    return ThirdPartySettings(
        url=read.required("THIRD_PARTY_URL"),
        key=read.text("THIRD_PARTY_KEY", ""),
        auth=read.text("THIRD_PARTY_AUTH", "bearer"),
        mode=read.choice("THIRD_PARTY_MODE", SendMode, SendMode.BYTES),
        mapping=read.text("THIRD_PARTY_MAPPING", "plain"),
        timeout_s=read.seconds("THIRD_PARTY_TIMEOUT_S", 30.0),
        deadline_s=read.seconds("THIRD_PARTY_DEADLINE_S", 300.0),
        poll_s=read.seconds("THIRD_PARTY_POLL_S", 2.0),
        max_answer_bytes=read.whole("THIRD_PARTY_MAX_ANSWER_BYTES", 8_000_000, least=1),
        allow_loopback_http=read.flag("THIRD_PARTY_ALLOW_LOOPBACK_HTTP"),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Typed reads of prefixed variables; an empty variable counts as unset."""

    env: Mapping[str, str]

    def text(self, name: str, default: str) -> str:
        return self.env.get(_PREFIX + name, "").strip() or default

    def required(self, name: str) -> str:
        value = self.text(name, "")
        if not value:
            raise SettingsError(_PREFIX + name, "is missing; set it, or use the local models.")
        return value

    def whole(self, name: str, default: int, *, least: int) -> int:
        text = self.text(name, str(default)).replace("_", "")
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise SettingsError(_PREFIX + name, f"write a whole number of at least {least}.")
        return int(text)

    def seconds(self, name: str, default: float) -> float:
        try:
            value = float(self.text(name, str(default)))
        except ValueError:
            value = -1.0
        if not 0 < value <= 86_400:
            raise SettingsError(_PREFIX + name, "write seconds, more than 0, at most 86400.")
        return value

    def flag(self, name: str) -> bool:
        text = self.text(name, "").lower()
        if text not in _YES | _NO:
            raise SettingsError(_PREFIX + name, "write 1 or 0.")
        return text in _YES

    def choice[E: StrEnum](self, name: str, kind: type[E], default: E) -> E:
        text = self.text(name, default.value)
        if text not in set(kind):
            raise SettingsError(_PREFIX + name, f"write one of: {', '.join(kind)}.")
        return kind(text)
