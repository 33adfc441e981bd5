"""A small Event Grid: a topic over real sockets that azure-eventgrid publishes to.

It takes CloudEvents at ``/api/events`` (a topic of its own) and at ``/topics/NAME:publish`` (a
topic of a namespace), makes subscriptions by either handshake, filters by type, delivers at least
once, one event a request or in batches, and retries as the service does, on a clock that a test may
speed up. `Topic` decides, `Deliveries` carries out, `server` listens.

What it does not do: survive its own end; tokens (a key or any bearer token is enough); events in
Event Grid's own schema; pulling; filters other than types; domains; delivery of binary content.
"""
