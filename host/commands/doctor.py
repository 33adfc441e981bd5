"""mail-ingest doctor: checks the set-up, and says for each thing that is wrong what to do."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from host.extras import install_extra
from host.setting_names import unknown_settings
from host.terminal import say
from shared.config import given_names
from shared.errors import IngestError, SettingsError
from shared.settings import Settings

if TYPE_CHECKING:
    from describer.protocol import Mechanism
    from shared.classify import Rules

_HTTP, _HTTPS = 80, 443
_PATIENCE_S = 10.0
_LEAST_FREE_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: whether it passed, and a sentence. What `only_noted` says need not be mended."""

    passed: bool
    sentence: str
    only_noted: bool = False

    @property
    def mark(self) -> str:
        """The first word of its line."""
        if self.only_noted:
            return "note "
        return "ok   " if self.passed else "WRONG"


def doctor() -> int:
    """Run every check; exit code 1 when one did not pass."""
    findings = [("settings", finding) for finding in _setting_names()]
    try:
        settings = Settings.read()
    except SettingsError as exc:
        findings.append(("settings", Finding(passed=False, sentence=str(exc))))
    else:
        findings += [(name, _checked(name, check, settings)) for name, check in _CHECKS.items()]
        findings += _confinement(settings)
    for name, finding in findings:
        say(f"{finding.mark}  {name}: {finding.sentence}")
    wrong = sum(not finding.passed for _, finding in findings)
    say("Everything is in order." if not wrong else f"{wrong} of {len(findings)} need your hand.")
    return 1 if wrong else 0


def _setting_names() -> list[Finding]:
    given = given_names()
    unknown = [Finding(passed=False, sentence=sentence) for sentence in unknown_settings(given)]
    return unknown or [Finding(passed=True, sentence=f"{len(given)} are set, and all are known.")]


def _checked(name: str, check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return check(settings)
    except IngestError as exc:
        return Finding(passed=False, sentence=str(exc))
    except OSError as exc:
        return Finding(passed=False, sentence=f"{name} cannot be checked: {exc}.")


def _python(settings: Settings) -> Finding:
    del settings
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(sys.version_info[:2] == (3, 13), f"Python {version} (3.13 is needed).")


def _libmagic(settings: Settings) -> Finding:
    del settings
    from mail_ingest.sniff import require_libmagic, sniff

    require_libmagic()

    told = sniff(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02")
    return Finding(told == "image/png", f"libmagic tells {told} for a PNG.")


def _data_folder(settings: Settings) -> Finding:
    from host.data_folder import DataFolder

    folder = DataFolder.at(settings.place.data)
    place = next(each for each in (folder.path, *folder.path.parents) if each.exists())
    with tempfile.TemporaryFile(dir=place) as probe:
        probe.write(b"can be written")
    free = shutil.disk_usage(place).free
    state = "" if place == folder.path else ", to be made by the first start"
    state = ", served now" if folder.is_served() else state
    sentence = f"{folder.path}{state}, {free / 1e9:.1f} GB free."
    if free < _LEAST_FREE_BYTES:
        return Finding(passed=False, sentence=f"{sentence} Free some space.")
    return Finding(passed=True, sentence=sentence)


def _rules(settings: Settings) -> Finding:
    from shared.classify import Classifier, load_rules

    rules = load_rules(settings.place.rules)
    Classifier(rules)
    sentence = f"{len(rules.topic)} categories in {settings.place.rules}."
    if unknown := _unknown_labels(rules):
        listed = ", ".join(f'"{label}"' for label in unknown)
        remedy = (
            "Write the models' own words (describer/models/imagenet.txt and coco.txt), or move them"
            " to service_labels."
        )
        return Finding(passed=False, sentence=f"{sentence} No local model says: {listed}. {remedy}")
    return Finding(passed=True, sentence=sentence)


def _unknown_labels(rules: Rules) -> tuple[str, ...]:
    """The labels that can never count. What words a third-party service has is not known."""
    from describer.models import vocabulary
    from describer.settings import Settings as DescriberSettings
    from shared.classify import labels_without_a_word

    if DescriberSettings.from_env(os.environ).third_party is not None:
        return ()
    return labels_without_a_word(rules, vocabulary())


def _describer(settings: Settings) -> Finding:
    del settings
    from describer.describe import Describer
    from describer.settings import Settings as DescriberSettings

    describer = DescriberSettings.from_env(os.environ)
    loaded = Describer.load(describer)
    if describer.third_party is None:
        return Finding(passed=True, sentence=f"{loaded.identity.id} is loaded.")
    url = urlsplit(describer.third_party.url)
    port = url.port or (_HTTP if url.scheme == "http" else _HTTPS)
    return _reachable(
        url.hostname or "",
        port,
        "Until it does, submissions wait, and the desk is asked when they have waited too long."
        " Mend the network, or MAIL_INGEST_THIRD_PARTY_URL.",
    )


def _confinement(settings: Settings) -> list[tuple[str, Finding]]:
    """What a describer, started as the server starts it, says of what confines it here."""
    from describer.child import DescriberLostError, DescriberProcess
    from host.describers import Describers

    async def ask() -> tuple[Mechanism, ...]:
        rules = Describers.read(settings).rules
        process = await DescriberProcess.start(rules.command, rules.environment, rules.ready_within)
        await process.stop()
        return process.confinement

    try:
        mechanisms = asyncio.run(ask())
    except SettingsError:
        return []  # the check of the describer has said so
    except DescriberLostError as exc:
        sentence = f"A describer process does not start: {exc} Its log lines say why."
        return [("confinement", Finding(passed=False, sentence=sentence))]
    return [(f"confinement, {one.name}", _confined(one)) for one in mechanisms]


def _confined(mechanism: Mechanism) -> Finding:
    if mechanism.holds:
        return Finding(passed=True, sentence=f"{mechanism.detail}.")
    sentence = f"{mechanism.detail}. Photos are described all the same; see docs/security.md."
    return Finding(passed=True, sentence=sentence, only_noted=True)


def _picture_text(settings: Settings) -> Finding:
    del settings
    from describer.providers.identity import reads_text
    from describer.settings import Settings as DescriberSettings

    describer = DescriberSettings.from_env(os.environ)
    if not describer.ocr or describer.third_party is not None:
        return Finding(passed=True, sentence="The local models are not asked to read text.")
    if reads_text(describer):
        return Finding(passed=True, sentence="The local models read text.")
    remedy = f"MAIL_INGEST_OCR is set, and no text will be read: {install_extra('ocr')}"
    return Finding(passed=False, sentence=remedy)


def _telemetry(settings: Settings) -> Finding:
    from host.telemetry import exporter_type, trace_share

    endpoint = settings.telemetry.otlp_endpoint
    if not endpoint:
        return Finding(passed=True, sentence="No collector is set: nothing is exported.")
    exporter_type()
    trace_share(settings.telemetry)
    return Finding(passed=True, sentence=f"Traces and metrics go to {endpoint}.")


def _http_door(settings: Settings) -> Finding:
    from host.intake import read_keys

    keys = read_keys(settings.http.keys)
    return _port(
        settings,
        settings.http.host,
        settings.http.port,
        "MAIL_INGEST_HTTP_PORT",
        f"; {len(keys)} clients have keys",
    )


def _smtp_door(settings: Settings) -> Finding:
    smtp = settings.smtp_in
    if smtp.port < 0:
        return Finding(passed=True, sentence="The listener is switched off.")
    return _port(settings, smtp.host, smtp.port, "MAIL_INGEST_SMTP_LISTEN_PORT", "")


def _port(settings: Settings, host: str, port: int, setting: str, more: str) -> Finding:
    from host.data_folder import DataFolder

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            if DataFolder.at(settings.place.data).is_served():
                return Finding(
                    passed=True, sentence=f"{host}:{port} is in use, by our server it seems{more}."
                )
            return Finding(
                passed=False,
                sentence=f"{host}:{port} is in use. Stop what uses it, or set {setting}.",
            )
    return Finding(passed=True, sentence=f"{host}:{port} is free{more}.")


def _answers(settings: Settings) -> Finding:
    answer = settings.answer
    if not answer.smtp_host:
        return Finding(
            passed=True,
            sentence="No mail server is set: answers are written into the outbox folder.",
        )
    return _reachable(
        answer.smtp_host,
        answer.smtp_port,
        "Until it does, answers wait. Mend the network, or MAIL_INGEST_SMTP_HOST and _PORT.",
    )


def _reachable(host: str, port: int, otherwise: str) -> Finding:
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE_S):
            return Finding(passed=True, sentence=f"{host}:{port} answers.")
    except OSError as exc:
        problem = f"{host}:{port} does not answer ({exc.strerror or exc}). {otherwise}"
        return Finding(passed=False, sentence=problem)


_CHECKS: dict[str, Callable[[Settings], Finding]] = {
    "Python": _python,
    "file types": _libmagic,
    "data folder": _data_folder,
    "categories": _rules,
    "describer": _describer,
    "text in pictures": _picture_text,
    "telemetry": _telemetry,
    "HTTP": _http_door,
    "SMTP": _smtp_door,
    "answers": _answers,
}
