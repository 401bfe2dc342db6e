"""Home Assistant's MQTT discovery. Source: https://www.home-assistant.io/integrations/mqtt/."""

from mqtt_app.parsers.home_assistant.parser import HomeAssistantParser

__all__ = ["HomeAssistantParser"]
