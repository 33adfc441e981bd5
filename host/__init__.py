"""Composes the ports into a running system; the only package that chooses adapters."""
