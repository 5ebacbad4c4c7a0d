"""Runs the snippets and keeps what came out, in ``docs/generated/``. Knows nothing of pages."""
