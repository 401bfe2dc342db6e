from tests.integration.ingest.conftest import link, script

__all__ = ["link", "script"]
