"""A small Durable Task Scheduler: the gRPC service that durabletask's clients and workers speak to.

It listens on 127.0.0.1, in the event loop of a test or as a process that a test may kill
(``python -m tests.fakes.scheduler``), and keeps every instance in SQLite: what was answered is
written down, and a process that starts on the file of a dead one goes on where that one was. No
wait is held in memory alone, so none can be too long. From the wire inwards: `server`, `weather`,
`service` (the calls), `hub` (every operation on instances), `turns` (what an orchestrator asked
for), `work` (who is at what), `instance`, `store`.

Where the service leaves a choice, it takes the harder one for its callers:

- A work item belongs to the worker whose stream it was sent on, until that stream ends. Then
  another worker gets it at once, also when the first one is still at it. The first result counts,
  a failure too; whoever comes second is refused with NOT_FOUND, and so is everybody after a restart
  of the hub. While the stream lasts an item never comes back: a worker that gives up reporting a
  result hangs its instance.
- An instance that has ended is replaced when its ID is started again without a reuse policy.
- Lists come in pages of a hundred at the most.

What it does not do: TLS and tokens; several task hubs; entities, rewinding and restarting; starts
for later; work item filters, versions, large payloads, history in chunks; a limit on the length of
a history.
"""
