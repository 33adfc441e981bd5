"""``media-description/1``: what a photo or video shows, whichever service or model said so.

Confidences are 0..1. Boxes are (x, y, width, height) as fractions of the picture. Times are
milliseconds from the start of a video. Everything is a suggestion for people, never a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.model import JsonObject, Kind

type Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Which model or service version spoke."""

    id: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """One sentence. `generated` is ``template`` (we built it from labels) or ``model``."""

    text: str
    confidence: float
    generated: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A thing or scene that the media shows; `source` names the model."""

    name: str
    confidence: float
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedObject:
    """A thing with its place, and in a video the time of the frame."""

    name: str
    confidence: float
    box: Box | None = None
    t_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """How many persons and faces, at the most seen in one frame."""

    persons: int = 0
    faces: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """A line of text in the picture."""

    text: str
    confidence: float
    box: Box | None = None


ADULT_FROM = 0.5  # from this score on a person is warned


def adult_words(score: float | None) -> str:
    """The adult score for a person, with a mark where it is high; empty where it is unknown."""
    if score is None:
        return ""
    return f"adult {score:.0%}{' (!)' if score >= ADULT_FROM else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """Scores 0..1 that help the desk to look away in time; None is unknown."""

    adult: float | None = None
    violence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """Of a video: how long, in which shots, and which frames were looked at."""

    duration_ms: int
    shots_ms: tuple[int, ...] = ()
    keyframes_ms: tuple[int, ...] = ()
    codec: str = ""
    width: int = 0
    height: int = 0
    frames_per_second: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """WGS 84 degrees; altitude in metres."""

    latitude: float
    longitude: float
    altitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What the camera wrote (EXIF, QuickTime): its claim, not a proof. `time` is RFC 3339, without
    offset if unknown.
    """

    time: str = ""
    place: Place | None = None
    camera: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """``media-description/1``, in ``descriptions/<sha256>/<provider>-<version>.json``."""

    kind: Kind
    provider: str
    model: Model
    language: str = "en"
    caption: Caption | None = None
    labels: tuple[Label, ...] = ()
    objects: tuple[DetectedObject, ...] = ()
    people: People = field(default_factory=People)
    text: tuple[TextLine, ...] = ()
    safety: Safety = field(default_factory=Safety)
    video: VideoFacts | None = None
    capture: Capture = field(default_factory=Capture)
    perceptual_hash: str = ""  # dHash, 16 hex digits
    width: int = 0  # pixels, after orientation
    height: int = 0
    warnings: tuple[str, ...] = ()
    raw: JsonObject | None = None  # the third party's own answer
    schema: str = "media-description/1"
