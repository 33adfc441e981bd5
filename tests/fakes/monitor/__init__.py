"""Azure Monitor's ingestion endpoint: POST /v2.1/track, as the official exporter speaks it.

It takes gzipped JSON arrays of envelopes and keeps them; it can be told to refuse. Not here: the
statsbeat and live metrics endpoints, sampling by the service, and anything that queries.
"""
