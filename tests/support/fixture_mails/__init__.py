"""The fixture mails, by group: what each looks like on the wire, and what must come of it."""

from __future__ import annotations

from tests.support.fixture_mails import (
    broken,
    clients,
    demo,
    forwards,
    hostile,
    links_and_crowds,
    names_and_types,
    odd_structures,
    outlook,
    robots,
    smime,
    without_media,
)
from tests.support.fixture_mails.fixture import Fixture

ALL: tuple[Fixture, ...] = (
    *clients.MAILS,
    *outlook.MAILS,
    *forwards.MAILS,
    *names_and_types.MAILS,
    *broken.MAILS,
    *smime.MAILS,
    *robots.MAILS,
    *without_media.MAILS,
    *links_and_crowds.MAILS,
    *hostile.MAILS,
    *odd_structures.MAILS,
    *demo.MAILS,
)
