"""What one file may cost: a small one must not keep a describer busy for minutes.

Counted is what goes into the decoder. What comes out says nothing: a video may hold a thousand
pictures that are never shown. docs/adr/0011 says what real media need.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

_MEGA = 1_000_000

MOST_SCANS = 100  # of a JPEG; encoders write 10, the most thorough ones 30

# Twelve looks of 100 megapixels and the search for cuts decode 1,600 of them; an interlaced picture
# comes in two packets, each of which counts.
_DECODED_PIXELS = 4_000 * _MEGA
_DECODED_PICTURES = 300  # however large they are: the same looks need 133 of 8K
_PACKETS = 1_000_000  # read, not decoded; an hour at 60 pictures a second has 216,000
_CPU_S = 60.0  # 4K in HEVC needs 10

# One call into a decoder cannot be interrupted: then the kernel ends the process (process.py).
VIDEO_ALARM_S = 2 * _CPU_S
_PHOTO_ALARM_S = 10.0
_PHOTO_ALARM_S_PER_MEGAPIXEL = 0.5  # JPEG 2000 needs 0.08, AVIF 0.03, JPEG 0.01


def photo_alarm_s(pixels: int) -> float:
    """Seconds of CPU after which a photo of so many pixels is given up."""
    return _PHOTO_ALARM_S + _PHOTO_ALARM_S_PER_MEGAPIXEL * pixels / _MEGA


@dataclass(slots=True, kw_only=True)
class VideoBudget:
    """What one video may cost, and has cost. `spent` is empty, or says which limit is reached."""

    most_pixels: int
    most_packets: int = _PACKETS
    most_cpu_s: float = _CPU_S
    pixels: int = 0  # decoded
    decoded: int = 0  # packets that the decoder has worked on
    packets: int = 0  # read
    spent: str = ""
    begun: float = field(default_factory=time.process_time)

    @classmethod
    def of(cls, picture: int) -> VideoBudget:
        """The budget of a video whose pictures have so many pixels each."""
        return cls(most_pixels=max(_DECODED_PIXELS, _DECODED_PICTURES * picture))

    def read_packet(self) -> bool:
        """Count a packet that is about to be used; False when the budget is spent."""
        if self.packets >= self.most_packets:
            self.spent = f"we read at most {self.most_packets:,} packets of one file"
        elif self.pixels >= self.most_pixels:
            self.spent = f"we decode at most {self.most_pixels / _MEGA:,.0f} megapixels of one file"
        elif time.process_time() - self.begun > self.most_cpu_s:
            self.spent = f"one file gets at most {self.most_cpu_s:g} seconds of computing"
        self.packets += 1
        return not self.spent

    def decode_packet(self, pixels: int) -> None:
        """Count a packet that the decoder has worked on."""
        self.decoded += 1
        self.pixels += pixels
