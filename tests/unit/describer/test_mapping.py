from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from describer.providers import paths
from describer.providers.box_formats import read_box
from describer.providers.findings import read_findings
from describer.providers.mapping import load_mapping, shipped
from describer.providers.paths import Node
from shared.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from describer.providers.base import Findings
    from describer.providers.mapping import BoxFormat
    from shared.description import Box


def _read(name: str, answer: Any) -> Findings:
    findings = read_findings(load_mapping(name), answer, 1000, 500)
    assert findings is not None
    return findings


def test_an_answer_of_azure_content_understanding_is_read() -> None:
    answer: dict[str, Any] = {
        "status": "Succeeded",
        "result": {
            "analyzerId": "newsroom",
            "apiVersion": "2025-11-01",
            "contents": [
                {
                    "fields": {
                        "Summary": {"valueString": "A fire.", "confidence": 0.8},
                        "Labels": {
                            "valueArray": [{"valueString": "fire", "confidence": 0.7}, {}, 3]
                        },
                    }
                }
            ],
        },
    }
    findings = _read("azure-content-understanding", answer)
    assert (findings.model.id, findings.model.version) == ("newsroom", "2025-11-01")
    assert findings.caption is not None
    assert (findings.caption.text, findings.caption.confidence) == ("A fire.", 0.8)
    assert [(label.name, label.confidence) for label in findings.labels] == [("fire", 0.7)]


def test_an_answer_of_google_is_read() -> None:
    answer: dict[str, Any] = {
        "responses": [
            {
                "labelAnnotations": [{"description": "Sky", "score": 0.96}],
                "localizedObjectAnnotations": [
                    {
                        "name": "Person",
                        "score": 0.9,
                        "boundingPoly": {
                            "normalizedVertices": [
                                {"x": 0.1, "y": 0.2},
                                {"x": 0.5, "y": 0.2},
                                {"x": 0.5, "y": 0.9},
                                {"x": 0.1, "y": 0.9},
                            ]
                        },
                    }
                ],
                "faceAnnotations": [{}, {}],
                "fullTextAnnotation": {"text": "STOP\nHERE"},
                "safeSearchAnnotation": {"adult": "VERY_UNLIKELY", "violence": "LIKELY"},
            }
        ]
    }
    findings = _read("google-vision", answer)
    assert findings.labels[0].name == "Sky"
    assert findings.objects[0].box == (0.1, 0.2, 0.4, 0.7)
    assert (findings.people.persons, findings.people.faces) == (1, 2)
    assert (findings.text[0].text, findings.text[0].confidence) == ("STOP HERE", 1.0)
    assert (findings.safety.adult, findings.safety.violence) == (0.02, 0.8)


def test_an_answer_of_google_without_findings_is_still_an_answer() -> None:
    assert _read("google-vision", {"responses": [{}]}).labels == ()


def test_an_answer_of_rekognition_is_read() -> None:
    box = {"Width": 0.25, "Height": 0.5, "Left": 0.1, "Top": 0.2}
    answer: dict[str, Any] = {
        "LabelModelVersion": "3.0",
        "Labels": [
            {
                "Name": "Person",
                "Confidence": 98.5,
                "Instances": [{"BoundingBox": box, "Confidence": 97.0}] * 2,
            },
            {"Name": "Street", "Confidence": 120, "Instances": []},
        ],
    }
    findings = _read("rekognition", answer)
    assert [(label.name, label.confidence) for label in findings.labels] == [
        ("Person", 0.985),
        ("Street", 1.0),
    ]
    assert [(found.name, found.box) for found in findings.objects] == [
        ("Person", (0.1, 0.2, 0.25, 0.5))
    ] * 2
    assert findings.people.persons == 2


def test_nothing_of_an_answer_is_trusted() -> None:
    answer: dict[str, Any] = {
        "caption": {"text": "a\x00b\n" * 5000, "confidence": "sure"},
        "labels": [
            {"name": "x" * 999, "confidence": 10**400},
            {"name": "ok", "confidence": -5},
            {"name": 7, "confidence": True},
            *[{"name": "many", "confidence": 0.5}] * 1000,
        ],
        "objects": "none",
        "text": {"text": "odd"},
        "safety": {"adult": None},
    }
    findings = _read("plain", answer)
    assert findings.caption is not None
    assert len(findings.caption.text) == 2000
    assert findings.caption.text.isprintable()
    assert len(findings.labels) <= 200
    assert len(findings.labels[0].name) == 200
    assert all(0 <= label.confidence <= 1 for label in findings.labels)
    assert findings.objects == ()
    assert findings.safety.adult is None


@pytest.mark.parametrize("answer", [None, [], {}, "text", 7, {"result": {}}])
def test_another_form_is_no_answer(answer: Any) -> None:
    assert read_findings(load_mapping("plain"), answer, 10, 10) is None


@pytest.mark.parametrize(
    ("value", "form", "unit", "box"),
    [
        ([0.1, 0.2, 0.3, 0.4], "xywh", (1, 1), (0.1, 0.2, 0.3, 0.4)),
        ({"x": 100, "y": 50, "w": 200, "h": 100}, "xywh", (1000, 500), (0.1, 0.1, 0.2, 0.2)),
        ([100, 50, 300, 150], "xyxy", (1000, 500), (0.1, 0.1, 0.2, 0.2)),
        ([{"x": 0.5}, {"x": 0.7, "y": 0.3}], "vertices", (1, 1), (0.5, 0.0, 0.2, 0.3)),
        ([0.1, 0.1, 0.4, 0.1, 0.4, 0.6], "vertices", (1, 1), (0.1, 0.1, 0.3, 0.5)),
        ([-5, -5, 20, 20], "xywh", (10, 10), (0.0, 0.0, 1.0, 1.0)),
        ([0.1, 0.2, 0.0, 0.4], "xywh", (1, 1), None),
        ([0.5, 0.5, 0.1, 0.1], "xyxy", (1, 1), None),
        ([0.1, 0.2], "xywh", (1, 1), None),
        ([0.1, "a", 0.3, 0.4], "xywh", (1, 1), None),
        ({"x": 1}, "xywh", (1, 1), None),
        ([], "vertices", (1, 1), None),
        ([1, 2, 3], "vertices", (1, 1), None),
        (None, "xywh", (1, 1), None),
    ],
)
def test_boxes_of_every_form_become_ours(
    value: Any, form: BoxFormat, unit: tuple[float, float], box: Box | None
) -> None:
    found = read_box(value, form, unit)
    assert found == (box if box is None else pytest.approx(box))


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("", [{"a": [{"b~c/d": 1, "e": 2}, {"e": 3}]}]),
        ("/a/0/b~0c~1d", [1]),
        ("/a/*/e", [2, 3]),
        ("/a/*/*", [1, 2, 3]),
        ("/a/7/e", []),
        ("/a/-1/e", []),
        ("/a/x", []),
        ("/nothing/*", []),
        ("/a/0/e/deeper", []),
    ],
)
def test_a_path_finds_what_it_names(path: str, values: list[Any]) -> None:
    root = Node({"a": [{"b~c/d": 1, "e": 2}, {"e": 3}]})
    assert [node.value for node in paths.find(root, path)] == values


def test_a_path_goes_up_from_an_element() -> None:
    root = Node({"a": [{"name": "x", "in": [1, 2]}]})
    found = [paths.first(node, "../../name") for node in paths.find(root, "/a/*/in/*")]
    assert found == ["x", "x"]


def test_every_shipped_mapping_is_good() -> None:
    assert {"azure-content-understanding", "google-vision", "plain", "rekognition"} <= set(
        shipped()
    )
    for name in shipped():
        assert load_mapping(name).name == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name = 'x'",
        "name = 'X/../y'\n[answer]",
        "name = 'x'\n[answer]\nlabel = '/typo'",
        "name = 'x'\n[answer]\ncaption = 'no-slash'",
        "name = 'x'\n[answer]\nscale = 10",
        "name = 'x'\n[request]\nbytes_json = '{'\n[answer]",
        "not toml",
    ],
)
def test_a_mapping_with_a_mistake_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "mapping.toml").write_text(text)
    with pytest.raises(SettingsError, match="no good mapping"):
        load_mapping(str(tmp_path / "mapping.toml"))


def test_a_changed_mapping_or_url_is_another_version(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("name = 'a'\n[answer]\ncaption = '/x'")
    (tmp_path / "b.toml").write_text("name = 'a'\n[answer]\ncaption = '/y'")
    (tmp_path / "c.toml").write_text("# a comment\nname = 'a'\n[answer]\ncaption = '/x'")
    a, b, c = (load_mapping(str(tmp_path / f"{name}.toml")) for name in "abc")
    assert a.fingerprint("https://x/") == c.fingerprint("https://x/")
    assert (
        len({a.fingerprint("https://x/"), b.fingerprint("https://x/"), a.fingerprint("https://y/")})
        == 3
    )
