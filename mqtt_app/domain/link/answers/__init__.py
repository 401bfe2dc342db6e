"""What a broker answers, beside messages: what it allows, its reason codes, its own words. Pure."""
