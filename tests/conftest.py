"""What every test may ask for."""

import os

from hypothesis import settings

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # for what a test runs without our packages

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

pytest_plugins = ["tests.support.azurite"]
