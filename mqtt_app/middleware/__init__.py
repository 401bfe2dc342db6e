"""What holds for every request, whatever answers it. An edge like `api`: thin, above the services."""
