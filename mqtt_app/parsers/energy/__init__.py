"""Inverters, chargers and meters that publish one value a topic."""
