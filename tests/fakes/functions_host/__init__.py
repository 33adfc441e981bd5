"""A Functions host of our own: it loads function_app.py through the real Python worker library.

From the inside out: `protos` stands in for the worker's protobuf messages, `worker` loads the app
and runs one function, `triggers` knows what each extension puts on the wire, `durable` plays the
Durable extension, `http` the front end, and `program` is the process that holds it all.

Not here: keys, scaling, function-level retry policies, output bindings, schedules (timers fire when
they are asked to, by the host's own admin route), streams of bodies.
"""
