"""What stands around the web process: proxies, static files, error pages, its connections."""
