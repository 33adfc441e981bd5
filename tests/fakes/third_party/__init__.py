"""A description service of somebody else, over real sockets, in whatever weather a test wants.

It takes media as the body of a POST, or a URL to fetch them from, and answers in the form of the
mapping `plain`. The same media always get the same answer.

What it does not do: look at the media, answer later (polling), several models, quotas of its own.
tests/support/third_party_server.py plays single answers word by word; this one stands for a service
in tests of the whole system.
"""

from tests.fakes.third_party.server import FakeThirdParty, fake_third_party
from tests.support.weather.kinds import Weather

__all__ = ["FakeThirdParty", "Weather", "fake_third_party"]
