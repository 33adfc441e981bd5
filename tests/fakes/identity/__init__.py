"""The managed identity endpoint of Azure's app platforms: whoever may ask gets a token.

`IDENTITY_ENDPOINT` and `IDENTITY_HEADER` lead azure-identity here, as they do in a container app or
a Functions app. The tokens say what Azurite looks for and are signed by nobody.

What it does not do: several identities, certificates, the endpoint of virtual machines.
"""

from tests.fakes.identity.server import FakeIdentityEndpoint, fake_identity_endpoint

__all__ = ["FakeIdentityEndpoint", "fake_identity_endpoint"]
