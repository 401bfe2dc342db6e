"""LoRaWAN: what network servers and gateways publish of devices that send a few bytes at a time."""
