from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw, ImageFont

from describer import models
from describer.describe import Described, Describer, Unreadable
from describer.media import Source
from describer.models import ModelDamagedError, ModelFile, manifest
from describer.providers.base import Unavailable
from describer.providers.identity import identify
from describer.settings import Settings
from shared.codec import from_json, to_json
from shared.description import Description
from shared.model import Kind

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def describer() -> Describer:
    return Describer.load(Settings())


def _describe(describer: Describer, path: Path, kind: Kind = Kind.PHOTO) -> Description:
    outcome = describer.describe(Source(path=path, kind=kind, media_type=""))
    assert isinstance(outcome, Described)
    assert outcome.thumbnail.startswith(b"\xff\xd8\xff")
    return outcome.description


def _names(description: Description) -> set[str]:
    return {found.name for found in (*description.labels, *description.objects)}


def test_a_cat_is_a_cat(describer: Describer, media: Path) -> None:
    assert "cat" in _names(_describe(describer, media / "cat.jpg"))


def test_a_coffee_is_an_espresso_in_a_cup(describer: Describer, media: Path) -> None:
    description = _describe(describer, media / "coffee.jpg")
    assert {"espresso", "cup"} <= _names(description)
    cup = next(found for found in description.objects if found.name == "cup")
    assert cup.box is not None
    x, y, width, height = cup.box
    assert 0.2 < x + width / 2 < 0.8
    assert 0 <= y <= y + height <= 1


@pytest.mark.parametrize(
    ("name", "thing"), [("photographer.jpg", "tripod"), ("officer_portrait_hopper.jpg", "tie")]
)
def test_a_portrait_shows_one_person_with_one_face(
    describer: Describer, media: Path, name: str, thing: str
) -> None:
    description = _describe(describer, media / name)
    assert (description.people.persons, description.people.faces) == (1, 1)
    assert thing in _names(description)


def test_the_caption_is_marked_as_a_template(describer: Describer, media: Path) -> None:
    caption = _describe(describer, media / "photographer.jpg").caption
    assert caption is not None
    assert caption.generated == "template"
    assert caption.text == "Photo that seems to show: 1 person, tripod."


def test_nothing_known_gives_an_honest_caption(describer: Describer, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "grey").save(tmp_path / "grey.png")
    caption = _describe(describer, tmp_path / "grey.png").caption
    assert caption is not None
    assert caption.text == "Photo; nothing was recognised."


def test_harmless_photos_have_a_low_adult_score(describer: Describer, media: Path) -> None:
    for name in ("cat.jpg", "coffee.jpg", "officer_portrait_hopper.jpg"):
        adult = _describe(describer, media / name).safety.adult
        assert adult is not None
        assert adult < 0.2


def test_a_video_is_described_over_its_frames(describer: Describer, media: Path) -> None:
    description = _describe(describer, media / "scenes3.mp4", Kind.VIDEO)
    assert {"cat", "cup", "espresso"} <= _names(description)
    times = {found.name: found.t_ms for found in description.objects}
    assert 2000 <= (times["cat"] or 0) < 4000 <= (times["cup"] or 0)
    assert description.video is not None
    assert description.capture.camera == "Apple iPhone 15"


def test_a_description_says_who_and_survives_json(describer: Describer, media: Path) -> None:
    description = _describe(describer, media / "cat_exif_gps_orient6.jpg")
    assert (description.provider, description.model.version) == ("local-models", "1")
    assert len(description.perceptual_hash) == 16
    assert (description.width, description.height) == (451, 300)
    assert from_json(to_json(description), Description, where="a test") == description


def test_extreme_shapes_are_described(describer: Describer, tmp_path: Path) -> None:
    for width, height in ((1, 1), (3000, 1), (1, 3000), (2000, 20)):
        Image.new("RGB", (width, height), "blue").save(tmp_path / "shape.png")
        assert _describe(describer, tmp_path / "shape.png").width == width


def test_an_unreadable_file_is_a_value_with_a_sentence(
    describer: Describer, tmp_path: Path
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"junk")
    outcome = describer.describe(
        Source(path=tmp_path / "photo.jpg", kind=Kind.PHOTO, media_type="image/jpeg")
    )
    assert outcome == Unreadable(reason="It is no photo in a format that we can read.")


def test_a_file_that_is_gone_may_come_back(describer: Describer, tmp_path: Path) -> None:
    source = Source(path=tmp_path / "gone.jpg", kind=Kind.PHOTO, media_type="image/jpeg")
    assert describer.describe(source) == Unavailable(reason="The file to describe is not there.")


def test_a_changed_model_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.onnx").write_bytes(b"other weights")
    monkeypatch.setattr(models, "_here", lambda: tmp_path)
    model = ModelFile(file="model.onnx", sha256="0" * 64, id="", licence="", source="")
    with pytest.raises(ModelDamagedError, match="not the one that we ship"):
        model.read()


def test_every_model_says_its_licence_and_source() -> None:
    for model in manifest().values():
        assert model.licence
        assert model.source
        assert model.read()


def test_the_class_lists_have_the_length_of_the_models() -> None:
    assert len(manifest()["labels"].class_names()) == 1000
    assert len(manifest()["objects"].class_names()) == 90


def test_text_gives_the_provider_another_name() -> None:
    assert identify(Settings()).id == "local-models-1"
    assert identify(Settings(ocr=True)).id.startswith("local-models")


@pytest.mark.skipif(find_spec("rapidocr") is None, reason="the extra ocr is not installed")
def test_text_in_a_photo_is_read(tmp_path: Path) -> None:
    sign = Image.new("RGB", (736, 736), "white")
    ImageDraw.Draw(sign).text(
        (20, 30), "POLICE LINE", fill="black", font=ImageFont.load_default(48)
    )
    sign.save(tmp_path / "sign.png")
    describer = Describer.load(Settings(ocr=True))
    description = _describe(describer, tmp_path / "sign.png")
    assert description.provider == "local-models-ocr"
    assert description.text[0].text == "POLICE LINE"
    assert description.text[0].box is not None
