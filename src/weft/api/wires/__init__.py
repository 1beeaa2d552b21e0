"""What each wire asks of the platform: the data API and links, Flight SQL, Iceberg REST, assistants."""
