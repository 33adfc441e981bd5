"""What every test may ask for."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # for what a test runs without our packages

pytest_plugins = ["tests.support.azurite"]
