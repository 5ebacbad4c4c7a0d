"""Runs the snippets and keeps what came out, in ``docs/generated/``. Knows nothing of pages.

``snippet`` cuts a script into cells · ``schedule`` runs what is stale · ``kernel`` starts the process of one snippet, in
which ``inside/`` executes it · ``figures`` judges and recolours · ``notebook`` and ``collect`` write what came out ·
``outputs`` reads it · ``lock`` keeps two builds apart.
"""
