"""The version of Sitewire, said here alone. Standard library only."""

VERSION = "0.2.0"
