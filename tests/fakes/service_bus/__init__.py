"""A small Service Bus: an AMQP 1.0 broker that azure-servicebus takes for an emulator.

It listens on 127.0.0.1, in the event loop of a test or as a process that a test may kill
(``python -m tests.fakes.service_bus``), and keeps everything in SQLite. It does what we use and a
little more: queues with peek-lock, renewal, abandon, defer, dead letters with reason and
description, maximum deliveries, receive-and-delete; sessions with state; scheduled messages;
duplicate detection; times to live; batches; peek; topics whose subscriptions have correlation
filters. From the wire inwards: `decoding` and `encoding`, `composites`, `frames`, `connection`,
`session`, `links` and `management`, `queue` and `topic`, `store`. While it runs it can be made
busy or wrong (`faults`).

What it does not do: TLS and WebSockets; check tokens (any is accepted); session windows and link
redirects; the HTTP management API and rules that change at run time; SQL filters and actions;
auto-forwarding, partitions, transactions, quotas; time to live by the queue's rules; detecting
duplicates on the topic rather than on each subscription; listing and deleting in batches.
"""
