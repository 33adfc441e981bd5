"""HTTP with servers of this machine. They have no certificates, and reading the usual ones takes
longer than all else that a small request takes.
"""

from __future__ import annotations

import ssl

import httpx

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# No connection is kept: the servers are killed.
local_http = httpx.Client(
    trust_env=False, verify=NO_TLS, timeout=30, limits=httpx.Limits(max_keepalive_connections=0)
)
