"""Renders what an answer says: its subject, its text and its HTML. Pure.

Not here: what is said (`receipt`), and the mail around it (`reply`; on Graph, Exchange makes it).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mail_ingest.receipt import receipt
from mail_ingest.visible import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from jinja2 import Environment

    from shared.ports import Answer

LONGEST_SUBJECT = 150
_REPLY_PREFIX = re.compile(r"\A((re|sv|aw|antw|vs|ref)\s*(\[\d+\])?\s*:\s*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedAnswer:
    """An answer as people read it; text and HTML say the same."""

    subject: str
    text: str
    html: str


def render_answer(
    answer: Answer,
    *,
    newsroom: str,
    cid_domain: str,
    thumbnails: Collection[int],
    suggestions: bool = False,
) -> RenderedAnswer:
    """Render an answer. `thumbnails` are the media numbers that have a picture, which the HTML
    shows under its `receipt.thumbnail_cid` in `cid_domain`. `suggestions`: see `Sender`.
    """
    content = receipt(answer, thumbnails=thumbnails, cid_domain=cid_domain, suggestions=suggestions)
    values = {"receipt": content, "newsroom": newsroom}
    return RenderedAnswer(
        subject=_subject(answer.submission.subject if content.proven else ""),
        text=_render("answer.txt.jinja", values),
        html=_render("answer.html.jinja", values),
    )


def _subject(subject: str) -> str:
    bare = _REPLY_PREFIX.sub("", visible(subject[:1000]))[:LONGEST_SUBJECT].strip()
    return f"Re: {bare}" if bare else "Re: your mail"


def _render(template: str, values: Mapping[str, object]) -> str:
    return _templates().get_template(template).render(values)


@cache
def _templates() -> Environment:
    # Imported here because it takes a tenth of a second, which a command line need not wait.
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader("mail_ingest"),
        autoescape=select_autoescape(("html.jinja",)),
        undefined=StrictUndefined,
        auto_reload=False,  # templates do not change while we run
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
