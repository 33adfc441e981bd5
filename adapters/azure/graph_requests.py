"""Makes requests for Graph from the SDK's builders: their URLs, our own JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kiota_abstractions.base_request_builder import BaseRequestBuilder
    from kiota_abstractions.request_information import RequestInformation

    from shared.model import JsonObject

_IMMUTABLE_IDS = 'IdType="ImmutableId"'  # on every request, or the IDs die with each move


def request(
    builder: BaseRequestBuilder,
    method: str = "GET",
    *,
    query: Mapping[str, str | list[str]] | None = None,
    prefer: Sequence[str] = (),
    body: JsonObject | None = None,
    mime: bytes | None = None,
    suffix: str = "",
) -> RequestInformation:
    """A request to where a builder of the SDK leads, or to `suffix` below it. `query` is without
    the ``$`` of its names; `mime` is a body in base64.
    """
    from kiota_abstractions.method import Method
    from kiota_abstractions.request_information import RequestInformation

    template = builder.url_template
    if suffix:
        template = template.partition("{?")[0] + suffix
    made = RequestInformation(Method[method], template, dict(builder.path_parameters))
    made.query_parameters.update({f"%24{name}": value for name, value in (query or {}).items()})
    _prefer(made, prefer)
    if body is not None:
        made.set_stream_content(msgspec.json.encode(body), "application/json")
    elif mime is not None:
        made.set_stream_content(mime, "text/plain")
    return made


def follow(link: str, *, prefer: Sequence[str] = ()) -> RequestInformation:
    """A GET of a link that Graph gave; ask `GraphClient.is_ours` before."""
    from kiota_abstractions.method import Method
    from kiota_abstractions.request_information import RequestInformation

    made = RequestInformation(Method.GET)
    made.url = link
    _prefer(made, prefer)
    return made


def _prefer(made: RequestInformation, wishes: Sequence[str]) -> None:
    made.headers.add("Prefer", ", ".join((_IMMUTABLE_IDS, *wishes)))
