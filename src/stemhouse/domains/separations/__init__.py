"""Jobs of separating songs, from the request to the stems."""
