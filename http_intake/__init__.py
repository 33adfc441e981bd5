"""The HTTP door: requests in, problem+json or a submission ID out."""
