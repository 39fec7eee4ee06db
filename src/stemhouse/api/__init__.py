"""The HTTP application, put together."""
