"""Tasmota. Source: https://tasmota.github.io/docs/MQTT/."""

from mqtt_app.parsers.tasmota.parser import TasmotaParser

__all__ = ["TasmotaParser"]
