"""Django's SQLite backend with a pool of connections: the ENGINE of a site that a server runs."""
