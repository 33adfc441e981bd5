"""The ports on a platform: every adapter is technology + port, in a file named after its port."""
