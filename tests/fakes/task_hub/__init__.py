"""The gRPC service of a task hub, as the Durable extension offers it to durable clients."""
