"""Server-rendered pages, with their templates, scripts and styles."""
