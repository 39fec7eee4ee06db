"""The database: sessions, identifiers, tables, migrations. SQLite and PostgreSQL are equals."""
