"""Why a connection does not work, found out stage by stage: what is asked, and what the answers mean."""
