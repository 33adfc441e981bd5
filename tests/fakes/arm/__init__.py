"""Azure Resource Manager for container jobs, over real sockets, for the official SDKs.

It creates, lists, shows and deletes container groups (Container Instances), and starts, lists and
stops executions of a Container Apps job. Each container runs as a child process with nothing but
its own environment, by the command that the test gives for its image. Quotas, throttling and
laid-out faults answer as ARM does (`faults`).

What it does not do: rights beyond one bearer token, volumes, networks, logs, restart policies other
than Never, several containers in a group, updates of a group, jobs other than their executions, and
the time that a pull of an image takes. Secure values and secrets reach the process and are never
given back. Whether real Azure agrees with it was never tried: it follows the documentation.
"""

from tests.fakes.arm.faults import Fault, Quotas
from tests.fakes.arm.server import TOKEN, FakeArm, fake_arm

__all__ = ["TOKEN", "FakeArm", "Fault", "Quotas", "fake_arm"]
