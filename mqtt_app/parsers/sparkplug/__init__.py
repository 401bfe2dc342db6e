"""Sparkplug B: industrial telemetry in Protocol Buffers, with names sent once and aliases after."""
