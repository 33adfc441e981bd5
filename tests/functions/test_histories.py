"""Instances in flight go on in the Functions app as it is loaded today."""

from __future__ import annotations

from tests.support.histories import FOLDER, load_recordings, turns_of
from tests.support.replayed_functions import replay_on_functions


def test_the_functions_ask_for_the_steps_that_were_recorded() -> None:
    replayed = replay_on_functions()
    assert not replayed["deviations"], replayed["deviations"][0]
    instances = [it for recording in load_recordings(FOLDER) for it in recording.instances]
    assert replayed["turns"] == sum(len(list(turns_of(it))) for it in instances) > 200
