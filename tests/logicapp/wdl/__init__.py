"""The subset of the Workflow Definition Language that our workflows use, for tests.

`run` executes a workflow's actions over real sockets, `static_checks` finds what Azure would refuse
at deployment, `connector_check` holds the calls of a connector to its description. Written from the
documentation: it proves our side of the contract, not how Azure behaves.

What it does not do: recurrences, triggers, waiting (retries follow at once), parallel iterations,
chunked transfer, variables, and every function and action that our workflows do not use.
"""
