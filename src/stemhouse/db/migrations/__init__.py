"""The way from one shape of the database to the next, shipped with the package."""
