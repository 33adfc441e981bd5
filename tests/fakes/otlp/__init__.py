"""An OTLP/HTTP collector: POST /v1/traces and /v1/metrics in protobuf, kept for the test to read.

Not here: logs, JSON encoding, partial success, and everything that a collector does with the data.
"""
