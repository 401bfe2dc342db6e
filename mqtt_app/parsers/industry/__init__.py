"""Gateways and I/O modules of plants."""
