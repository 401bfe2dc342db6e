"""Zigbee2MQTT. Source: https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html."""

from mqtt_app.parsers.zigbee2mqtt.parser import Zigbee2MqttParser

__all__ = ["Zigbee2MqttParser"]
