"""What only a served site needs: a pool for SQLite, async middleware, the handler of `serve`."""
