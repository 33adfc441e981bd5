from __future__ import annotations

from pathlib import Path

import pytest

from shared.classify import Classifier, Evidence, Rules, Topic, evidence_of, load_rules
from shared.description import Description, DetectedObject, Label, Model, TextLine
from shared.errors import SettingsError
from shared.model import Kind

SHIPPED = Path(__file__).parents[3] / "shared" / "rules" / "categories.toml"

RULES = Rules(
    topic=(
        Topic(
            code="medtop:03000000",
            name="disaster",
            words=("flood*", "car crash"),
            labels=("ambulance",),
        ),
        Topic(code="medtop:15000000", name="sport", words=("goal",), labels=("ski*",)),
    )
)


def codes(evidence: Evidence, rules: Rules = RULES) -> list[str]:
    return [category.code for category in Classifier(rules).classify(evidence)]


def test_a_star_stands_for_any_ending() -> None:
    assert codes(Evidence(subject="FLOODING in the old town")) == ["medtop:03000000"]


def test_without_a_star_only_the_whole_word_counts() -> None:
    assert codes(Evidence(text="the goalkeeper")) == []
    assert codes(Evidence(text="what a goal!")) == ["medtop:15000000"]


def test_words_of_one_entry_must_follow_each_other() -> None:
    assert codes(Evidence(text="a car\ncrash")) == ["medtop:03000000"]
    assert codes(Evidence(text="crash of a car")) == []


def test_a_weak_label_alone_says_too_little() -> None:
    assert codes(Evidence(labels=(("ambulance", 0.4),))) == []
    assert codes(Evidence(labels=(("ambulance", 0.8),))) == ["medtop:03000000"]


def test_the_strongest_category_comes_first_and_says_what_spoke_for_it() -> None:
    evidence = Evidence(subject="Flood", text="goal flood", labels=(("skis", 0.5),))
    first, second = Classifier(RULES).classify(evidence)
    assert first.name == "disaster"
    assert first.because == ("subject: flood", "text: flood")
    assert second.because == ("text: goal", "label: skis (0.50)")


def test_no_more_than_the_set_number_is_suggested() -> None:
    rules = Rules(topic=RULES.topic, most=1)
    assert codes(Evidence(subject="flood goal"), rules) == ["medtop:03000000"]


def test_evidence_takes_the_best_sight_of_a_thing_and_the_text_in_the_picture() -> None:
    description = Description(
        kind=Kind.PHOTO,
        provider="test",
        model=Model(id="m", version="1"),
        labels=(Label(name="Ambulance", confidence=0.5),),
        objects=(DetectedObject(name="ambulance", confidence=0.9),),
        text=(TextLine(text="GOAL", confidence=0.9),),
    )
    evidence = evidence_of(description)
    assert evidence.labels == (("ambulance", 0.9),)
    assert evidence.picture_text == "GOAL"


def test_the_shipped_rules_cover_the_seventeen_top_topics() -> None:
    rules = load_rules(SHIPPED)
    assert [t.code for t in rules.topic] == [f"medtop:{n:02}000000" for n in range(1, 18)]


def test_the_shipped_rules_know_a_rocket_launch() -> None:
    rules = load_rules(SHIPPED)
    evidence = Evidence(subject="Rocket launch over the bay", labels=(("missile", 0.6),))
    assert codes(evidence, rules)[0] == "medtop:13000000"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("topic = 3", "not a rules file"),
        ("[[topic]", "not a rules file"),
        ('[[topic]]\ncode = "03"\nname = "x"', "write it like medtop:03000000"),
    ],
)
def test_a_broken_rules_file_says_what_to_mend(
    tmp_path: Path, content: str, complaint: str
) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=complaint):
        load_rules(path)


def test_a_missing_rules_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml cannot be read"):
        load_rules(tmp_path / "nowhere.toml")
