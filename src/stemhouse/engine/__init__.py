"""The separation engine: a library that knows nothing of web, database, users or money."""
