"""Servers of our own that speak the protocols of cloud services over real sockets."""
