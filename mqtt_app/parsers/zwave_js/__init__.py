"""Z-Wave JS UI. Source: https://zwave-js.github.io/zwave-js-ui/#/usage/setup?id=gateway."""

from mqtt_app.parsers.zwave_js.parser import ZWaveJsParser

__all__ = ["ZWaveJsParser"]
