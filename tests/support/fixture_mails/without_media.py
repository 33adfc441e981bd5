"""Mails that hold no photo and no video."""

from __future__ import annotations

from tests.support.fixture_mails.fixture import Fixture
from tests.support.fixture_mails.names_and_types import PDF
from tests.support.mail_builder import attached, header, html, mail, multipart, text

MAILS = (
    Fixture(name="none/text_only", raw=mail("A question", text("How do I send you photos?"))),
    Fixture(name="none/html_only", raw=mail("A question", html("<p>How do I send photos?</p>"))),
    Fixture(name="none/header_only", raw=mail("No body", b"")),
    Fixture(name="none/empty", raw=b"", no_answer="no_address"),
    Fixture(
        name="none/no_header",
        raw=b"\r\nJust a line without any header field.\r\n",
        no_answer="no_address",
    ),
    Fixture(
        name="none/only_a_pdf",
        raw=mail(
            "Press release",
            multipart("mixed", text("Attached."), attached("release.pdf", PDF, "application/pdf")),
        ),
        left_out=(("release.pdf", "unsupported_type"),),
    ),
    Fixture(
        name="none/multipart_without_parts",
        raw=mail("Empty", header(("Content-Type", 'multipart/mixed; boundary="b"')) + b"\r\n"),
        defects_at_least=1,
    ),
)
