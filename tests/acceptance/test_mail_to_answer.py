"""A mail in, an answer out: the whole system as users and operators meet it, in a process of its
own.
"""

from __future__ import annotations

import json
import smtplib
import socket
import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.local_http import local_http
from tests.support.server_process import ServerProcess, free_port
from tests.support.third_party_server import GOOD, Reply, json_reply, third_party_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.third_party_server import ThirdPartyServer

FIXTURES = Path(__file__).parents[1] / "fixtures"
PHOTO = (FIXTURES / "media" / "cat.jpg").read_bytes()
DOWN = Reply(status=503)


def third_party(service: ThirdPartyServer, **more: str) -> dict[str, str]:
    return {
        "MAIL_INGEST_DESCRIBER": "third_party",
        "MAIL_INGEST_THIRD_PARTY_URL": service.url,
        "MAIL_INGEST_THIRD_PARTY_AUTH": "none",
        "MAIL_INGEST_THIRD_PARTY_ALLOW_LOOPBACK_HTTP": "1",
        "MAIL_INGEST_DESCRIBER_WORKERS": "1",
        **more,
    }


def a_mail(*photos: bytes, subject: str = "Our cat") -> bytes:
    message = EmailMessage()
    message["From"] = "Ann Reader <ann@example.org>"
    message["To"] = "photos@newsroom.example"
    message["Subject"] = subject
    message["Message-ID"] = "<1@example.org>"
    message.set_content("Please look.")
    for photo in photos:
        message.add_attachment(photo, maintype="image", subtype="jpeg", filename="cat.jpg")
    return message.as_bytes()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path, {})
    yield process
    process.kill()


def started(server: ServerProcess, settings: dict[str, str]) -> ServerProcess:
    server.settings = settings
    server.start()
    server.wait_until_ready()
    return server


def by_smtp(server: ServerProcess, mail: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=30) as client:
        client.sendmail("ann@example.org", ["photos@newsroom.example"], mail)


def the_submission(server: ServerProcess, state: str, within_s: float = 60) -> dict[str, Any]:
    """The only submission, once it is in this state."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        lines = server.command("status", "--json").stdout.splitlines()
        if lines and json.loads(lines[0])["state"] == state:
            assert len(lines) == 1
            return json.loads(lines[0])
        time.sleep(0.2)
    raise AssertionError((server.folder / "server.log").read_text("utf-8")[-3000:])


def answers(server: ServerProcess) -> list[EmailMessage]:
    files = sorted((server.folder / "data" / "outbox").glob("*.eml"))
    return [message_from_bytes(f.read_bytes(), EmailMessage, policy=default) for f in files]


def text_of(answer: EmailMessage) -> str:
    body = answer.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_a_real_mail_by_smtp_is_described_by_the_models_and_answered(
    server: ServerProcess,
) -> None:
    started(server, {"MAIL_INGEST_DESCRIBER_WORKERS": "1"})
    by_smtp(server, (FIXTURES / "emails" / "demo" / "cat_rescue_from_iphone.eml").read_bytes())
    entry = the_submission(server, "done")
    assert entry["outcome"] == "completed"
    (answer,) = answers(server)
    assert answer["Auto-Submitted"] == "auto-replied"
    assert answer["Subject"] == "Re: your mail"
    assert "we have your photo" in text_of(answer)
    assert "IMG_4711" not in answer.as_string()  # nothing proves who sent the mail
    assert server.stop() == 0


BELIEVED = {
    "MAIL_INGEST_DESCRIBER_WORKERS": "1",
    "MAIL_INGEST_AUTHSERV_ID": "mx.newsroom.example",
    "MAIL_INGEST_SMTP_TRUSTED_PEERS": "127.0.0.1",
}


def judged(verdicts: str, mail: bytes) -> bytes:
    return f"Authentication-Results: mx.newsroom.example; {verdicts}\r\n".encode() + mail


def test_a_sender_whom_our_server_proves_reads_of_each_file(server: ServerProcess) -> None:
    started(server, BELIEVED)
    by_smtp(server, judged("dmarc=pass header.from=example.org", a_mail(PHOTO)))
    the_submission(server, "done")
    (answer,) = answers(server)
    assert answer["Subject"] == "Re: Our cat"
    assert "cat.jpg" in text_of(answer)
    assert not any(word in answer.as_string() for word in ("Suggestions", "Filed under", "We see"))


def test_suggestions_are_in_answers_where_a_setting_asks_for_them(server: ServerProcess) -> None:
    started(server, {**BELIEVED, "MAIL_INGEST_ANSWER_SUGGESTIONS": "1"})
    by_smtp(server, judged("spf=pass smtp.mailfrom=ann@example.org", a_mail(PHOTO)))
    the_submission(server, "done")
    assert "Suggestions: " in text_of(answers(server)[0])


def test_a_sender_whom_our_server_found_forged_is_not_answered(server: ServerProcess) -> None:
    started(server, BELIEVED)
    by_smtp(server, judged("spf=fail; dkim=none; dmarc=fail", a_mail(PHOTO)))
    entry = the_submission(server, "done")
    assert answers(server) == []
    said = server.command("status", entry["submission_id"]).stdout
    assert "none: Our mail server found that the sender did not send it" in said


def test_forged_mails_to_all_variants_of_an_address_give_few_small_answers(
    server: ServerProcess,
) -> None:
    started(server, {"MAIL_INGEST_DESCRIBER_WORKERS": "1", "MAIL_INGEST_ANSWERS_PER_DAY": "3"})
    victims = [f"vi.ctim+{n}@gmail.com" for n in range(8)] + ["v.ictim@googlemail.com"]
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=30) as client:
        for number, victim in enumerate(victims):
            mail = a_mail(PHOTO, subject="Buy").replace(b"<1@", f"<{number}@".encode())
            client.sendmail(victim, ["photos@newsroom.example"], mail)
    lines: list[str] = []
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        lines = server.command("status", "--state", "done", "--json").stdout.splitlines()
        if len(lines) == len(victims):
            break
        time.sleep(0.2)
    assert len(lines) == len(victims)
    sent = answers(server)
    assert len(sent) == 3
    assert all(len(answer.as_bytes()) < 12_000 for answer in sent)
    assert not any("cat.jpg" in a.as_string() or "Buy" in a.as_string() for a in sent)


def test_old_mail_in_the_mailbox_is_taken_and_not_answered(server: ServerProcess) -> None:
    started(server, {"MAIL_INGEST_DESCRIBER_WORKERS": "1"})
    old = b"Date: Mon, 14 Mar 2011 09:00:00 +0100\n" + a_mail(PHOTO)
    (server.folder / "data" / "mailbox" / "new" / "1.M1P1.mbsync").write_bytes(old)
    entry = the_submission(server, "done")
    assert entry["outcome"] == "completed"
    assert answers(server) == []
    said = server.command("status", entry["submission_id"]).stdout
    assert "The mail is too old" in said
    assert "Its Date is 2011-03-14." in said


def test_a_replay_answers_nobody_unless_asked_to(server: ServerProcess) -> None:
    server.settings = {"MAIL_INGEST_DESCRIBER_WORKERS": "1"}
    file = server.folder / "1.eml"
    file.write_bytes(a_mail(PHOTO))
    dry = server.command("replay", str(file), "--dry-run", "--answer", "--json")
    assert json.loads(dry.stdout)["answer"] == "ann@example.org", dry.stderr
    assert not (server.folder / "data").exists()  # not even a folder is made

    quiet = server.command("replay", str(file), "--wait")
    assert quiet.returncode == 0, quiet.stderr
    assert "Nobody is answered." in quiet.stdout
    assert answers(server) == []
    again = server.command("replay", str(file), "--dry-run", "--json")
    assert json.loads(again.stdout)["first"] is False

    asked = server.command("replay", str(file), "--wait", "--answer", "--again", "2")
    assert asked.returncode == 0, asked.stderr
    assert len(answers(server)) == 1


def test_while_the_third_party_is_down_a_submission_waits_and_finishes_later(
    server: ServerProcess,
) -> None:
    slow_down = Reply(status=429, headers={"Retry-After": "1"})
    with third_party_server(DOWN, slow_down, DOWN, json_reply(GOOD)) as service:
        started(server, third_party(service))
        by_smtp(server, a_mail(PHOTO))
        entry = the_submission(server, "done")
        assert entry["outcome"] == "completed"
        assert len(service.seen) == 4


def test_what_nobody_describes_in_time_goes_to_the_desk_which_decides(
    server: ServerProcess,
) -> None:
    with third_party_server(DOWN) as service:
        desk = {"MAIL_INGEST_DESK_ADDRESS": "desk@newsroom.example"}
        started(server, third_party(service, MAIL_INGEST_ESCALATE_AFTER_S="1", **desk))
        by_smtp(server, a_mail(PHOTO))
        entry = the_submission(server, "done")
    assert entry["escalated"] == [1]
    to_desk, to_ann = sorted(answers(server), key=lambda answer: "desk" not in str(answer["To"]))
    assert entry["submission_id"] in text_of(to_desk)
    assert "person" in text_of(to_ann)

    submission_id = entry["submission_id"]
    assert submission_id in server.command("desk", "list").stdout
    wrong = server.command("desk", "decide", submission_id, "1", "--category", "fishing")
    assert wrong.returncode == 1
    assert "'fishing' is none of these" in wrong.stderr
    decided = server.command(
        "desk", "decide", submission_id, "1", "--category", "sport", "--answer"
    )
    assert decided.returncode == 0, decided.stderr
    assert "Nothing waits" in server.command("desk", "list").stdout
    assert len(answers(server)) == 3
    again = server.command("desk", "decide", submission_id, "1", "--category", "sport")
    assert "nothing has changed" in again.stdout


def test_a_late_description_is_recorded_without_a_second_answer(server: ServerProcess) -> None:
    with third_party_server(*[DOWN] * 3, json_reply(GOOD)) as service:
        started(server, third_party(service, MAIL_INGEST_ESCALATE_AFTER_S="0.5"))
        by_smtp(server, a_mail(PHOTO))
        entry = the_submission(server, "done")
        deadline = time.monotonic() + 60
        while the_submission(server, "done")["escalated"] and time.monotonic() < deadline:
            time.sleep(0.3)
    one = server.command("status", entry["submission_id"], "--json")
    outcome = json.loads(one.stdout)["outcome"]
    assert outcome["revision"] == 1
    assert outcome["media"][0]["status"] == "described"
    assert len(answers(server)) == 1


def test_a_mail_without_media_is_told_how_to_send_some(server: ServerProcess) -> None:
    started(server, {"MAIL_INGEST_DESCRIBER_WORKERS": "1"})
    by_smtp(server, a_mail())
    assert the_submission(server, "done")["outcome"] == "no_media"
    (answer,) = answers(server)
    assert "photo" in text_of(answer)


def test_a_broken_photo_is_unreadable_and_the_other_one_still_goes_through(
    server: ServerProcess,
) -> None:
    started(server, {"MAIL_INGEST_DESCRIBER_WORKERS": "1"})
    by_smtp(server, a_mail(PHOTO, PHOTO[:2000]))
    entry = the_submission(server, "done")
    assert entry["outcome"] == "partly"
    assert "we have your 2 photos" in text_of(answers(server)[0])


def test_a_folder_of_mails_is_replayed_without_a_server(server: ServerProcess) -> None:
    server.settings = {"MAIL_INGEST_DESCRIBER_WORKERS": "1"}
    folder = FIXTURES / "emails" / "linked"
    first = server.command("replay", str(folder), "--wait", "--json")
    assert first.returncode == 0, first.stderr
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    assert len(lines) == len(list(folder.glob("*.eml")))
    assert {line["state"] for line in lines} == {"done"}
    second = server.command("replay", str(folder), "--wait", "--json")
    assert not any(json.loads(line)["first"] for line in second.stdout.splitlines())


def test_an_empty_file_is_a_problem_that_does_not_stop_the_other_mails(
    server: ServerProcess,
) -> None:
    done = server.command("replay", str(FIXTURES / "emails" / "none"), "--json")
    assert done.returncode == 1
    problems = {
        json.loads(line)["path"]: json.loads(line)["problem"] for line in done.stdout.splitlines()
    }
    assert [Path(path).name for path, problem in problems.items() if problem] == ["empty.eml"]


def complaint(server: ServerProcess, *words: str) -> str:
    """What a command that cannot work says, in one line."""
    done = server.command(*(words or ("serve",)))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    line = [each for each in done.stderr.splitlines() if each.startswith("mail-ingest: ")]
    assert len(line) == 1, done.stderr
    return line[0]


def test_a_port_in_use_is_said_in_one_sentence(server: ServerProcess) -> None:
    with socket.create_server(("127.0.0.1", server.http_port)):
        assert "MAIL_INGEST_HTTP_PORT" in complaint(server)


def test_an_open_address_without_keys_is_refused(server: ServerProcess) -> None:
    server.settings = {"MAIL_INGEST_HTTP_HOST": "0.0.0.0"}
    assert "MAIL_INGEST_KEYS" in complaint(server)


def test_an_open_address_without_a_public_url_is_refused(server: ServerProcess) -> None:
    server.settings = {
        "MAIL_INGEST_HTTP_HOST": "0.0.0.0",
        "MAIL_INGEST_KEYS": f"partner={'0' * 64}",
    }
    assert "MAIL_INGEST_PUBLIC_URL" in complaint(server)


def test_a_data_folder_of_a_newer_version_is_left_alone(server: ServerProcess) -> None:
    (server.folder / "data").mkdir()
    (server.folder / "data" / "version").write_text("99\n")
    assert "newer version" in complaint(server)


@pytest.mark.parametrize("name", ["state.db", "engine.db"])
def test_a_corrupt_database_is_named(server: ServerProcess, name: str) -> None:
    started(server, {"MAIL_INGEST_DESCRIBER_WORKERS": "1"}).stop()
    assert (server.folder / "data" / name).stat().st_size > 0
    (server.folder / "data" / name).write_bytes(b"this is no database" * 1000)
    assert name in complaint(server)


def test_two_servers_on_one_folder_are_one_too_many(server: ServerProcess) -> None:
    started(server, {"MAIL_INGEST_DESCRIBER_WORKERS": "1"})
    assert "served by another process" in complaint(server)


def test_a_setting_that_makes_no_sense_is_named(server: ServerProcess) -> None:
    server.settings = {"MAIL_INGEST_ESCALATE_AFTER_S": "soon"}
    assert "MAIL_INGEST_ESCALATE_AFTER_S" in complaint(server)


def test_an_unknown_submission_is_named(server: ServerProcess) -> None:
    started(server, {"MAIL_INGEST_DESCRIBER_WORKERS": "1"}).stop()
    assert "mail-none" in complaint(server, "status", "mail-none")


def test_the_doctor_finds_everything_in_order(server: ServerProcess) -> None:
    done = server.command("doctor")
    assert done.returncode == 0, done.stdout
    assert "Everything is in order." in done.stdout


def test_the_doctor_names_a_third_party_and_a_mail_server_that_do_not_answer(
    server: ServerProcess,
) -> None:
    nobody = free_port()
    server.settings = {
        "MAIL_INGEST_DESCRIBER": "third_party",
        "MAIL_INGEST_THIRD_PARTY_URL": f"http://127.0.0.1:{nobody}/describe",
        "MAIL_INGEST_THIRD_PARTY_AUTH": "none",
        "MAIL_INGEST_THIRD_PARTY_ALLOW_LOOPBACK_HTTP": "1",
        "MAIL_INGEST_SMTP_HOST": "127.0.0.1",
        "MAIL_INGEST_SMTP_PORT": str(nobody),
    }
    done = server.command("doctor")
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    assert len(wrong) == 2
    assert f"127.0.0.1:{nobody} does not answer" in wrong[0]
    assert "MAIL_INGEST_THIRD_PARTY_URL" in wrong[0]
    assert "MAIL_INGEST_SMTP_HOST" in wrong[1]


def test_readiness_tells_of_what_was_given_up(server: ServerProcess) -> None:
    started(server, {"MAIL_INGEST_DESCRIBER_WORKERS": "1"})
    ready = local_http.get(f"{server.url}/health/ready").json()
    assert ready["ready"]
    assert ready["dead_letters"] == 0
