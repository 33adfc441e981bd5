"""The label rules against the words of the models: a rule that nothing can meet is a mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from describer.models import vocabulary
from host.commands.doctor import doctor
from shared.classify import (
    Classifier,
    Evidence,
    Rules,
    Topic,
    labels_without_a_word,
    load_rules,
)
from shared.settings import SHIPPED_RULES

if TYPE_CHECKING:
    from pathlib import Path


def test_every_shipped_label_rule_can_count() -> None:
    assert labels_without_a_word(load_rules(SHIPPED_RULES), vocabulary()) == ()


def test_no_word_that_only_services_say_is_one_of_the_models() -> None:
    topics = load_rules(SHIPPED_RULES).topic
    apart = Rules(
        topic=tuple(Topic(code=t.code, name=t.name, labels=t.service_labels) for t in topics)
    )
    words = {word for topic in topics for word in topic.service_labels}
    assert words
    assert set(labels_without_a_word(apart, vocabulary())) == words


def test_a_word_that_no_model_has_is_found() -> None:
    topic = Topic(
        code="medtop:03000000", name="disaster", labels=("fire truck", "fire engine", "fireb*")
    )
    assert labels_without_a_word(Rules(topic=(topic,)), vocabulary()) == ("fire engine",)


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("hot dog", "medtop:10000000"),
        ("fire truck", "medtop:03000000"),
        ("race car", "medtop:15000000"),
        ("half-track", "medtop:16000000"),
        ("bridegroom", "medtop:08000000"),
        ("yawl (boat)", "medtop:10000000"),
    ],
)
def test_what_a_model_is_sure_of_gets_its_category(label: str, code: str) -> None:
    classifier = Classifier(load_rules(SHIPPED_RULES))
    assert label in vocabulary()
    suggested = classifier.classify(Evidence(labels=((label, 0.95),)))
    assert [category.code for category in suggested] == [code]


def test_what_only_a_service_says_counts_too() -> None:
    classifier = Classifier(load_rules(SHIPPED_RULES))
    (category,) = classifier.classify(Evidence(labels=(("fire engine", 0.9),)))
    assert category.code == "medtop:03000000"


def test_doctor_names_the_labels_that_no_model_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[topic]]\ncode = "medtop:03000000"\nname = "disaster"\n'
        'labels = ["fire engine", "volcano"]\n'
    )
    monkeypatch.setenv("MAIL_INGEST_RULES", str(rules))
    monkeypatch.setenv("MAIL_INGEST_DATA", str(tmp_path / "data"))
    assert doctor() == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "categories:" in line]
    assert line.startswith("WRONG")
    assert 'No local model says: "fire engine".' in line
    monkeypatch.setenv("MAIL_INGEST_DESCRIBER", "third_party")
    monkeypatch.setenv("MAIL_INGEST_THIRD_PARTY_URL", "http://127.0.0.1:1/")
    doctor()
    assert "ok     categories: 1 categories" in capsys.readouterr().out
