"""Home Assistant's MQTT discovery. Source: https://www.home-assistant.io/integrations/mqtt/."""

from mqtt_app.parsers.home_assistant.parser import HomeAssistantParser
from mqtt_app.parsers.home_assistant.statestream import StatestreamParser

__all__ = ["HomeAssistantParser", "StatestreamParser"]
