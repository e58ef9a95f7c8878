"""What the integration tests stand on: the server as a process, guests as clients."""
