from __future__ import annotations

import re

import pytest

from shared import ids


def test_an_id_is_its_source_and_twenty_six_characters_of_base32() -> None:
    assert re.fullmatch(r"mail-[a-z2-7]{26}", ids.submission_id("mail", "a key"))


def test_the_same_cause_gives_the_same_id_and_another_cause_another() -> None:
    assert ids.submission_id("mail", "a") == ids.submission_id("mail", "a")
    assert ids.submission_id("mail", "a") != ids.submission_id("mail", "b")
    assert ids.submission_id("mail", "a") != ids.submission_id("http", "a")


def test_a_message_id_alone_does_not_make_two_mails_one() -> None:
    first = ids.mailbox_key("photos@newsroom.example", "<1@x>", "2026-11-24T10:00:00Z")
    second = ids.mailbox_key("photos@newsroom.example", "<1@x>", "2026-11-24T10:00:01Z")
    assert ids.submission_id("mail", first) != ids.submission_id("mail", second)


def test_a_replay_again_is_another_submission() -> None:
    assert ids.replay_key("00ff") != ids.replay_key("00ff", "run-2")


def test_a_key_with_undecodable_bytes_still_gives_an_id() -> None:
    assert ids.submission_id("mail", "caf\udce9")


def test_a_media_instance_id_can_be_taken_apart() -> None:
    assert ids.split_media_instance_id(ids.media_instance_id("mail-abc", 3)) == ("mail-abc", 3)


@pytest.mark.parametrize("text", ["mail-abc", ":1", "mail-abc:", "mail-abc:x"])
def test_what_is_no_media_instance_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ids.split_media_instance_id(text)


def test_a_later_revision_is_another_answer() -> None:
    assert ids.reply_id("mail-abc") == "mail-abc"
    assert ids.reply_id("mail-abc", 2) == "mail-abc.r2"


@pytest.mark.parametrize("first", ["mail-abc", "mail-abc#17", "mail-abc#2026-11-24T10:00:00.000Z"])
def test_each_copy_of_a_queue_message_has_an_id_of_its_own(first: str) -> None:
    chain = [first]
    while len(chain) < 12:
        chain.append(ids.copied_message_id(chain[-1]))
    assert len(set(chain)) == 12
    assert [ids.copies_before(each) for each in chain] == list(range(12))
    assert {each.partition("#")[0] for each in chain} == {"mail-abc"}
