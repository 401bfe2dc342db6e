"""Topics and payloads of cloud platforms, as devices and bridges to them speak."""
