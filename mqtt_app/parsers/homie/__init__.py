"""Homie 3, 4 and 5 (https://homieiot.github.io/)."""
