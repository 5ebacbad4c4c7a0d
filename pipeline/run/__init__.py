"""Runs the snippets and keeps what came out, in ``docs/generated/``. Knows nothing of pages.

``snippet`` cuts a script into cells · ``schedule`` says which have to run, ``pool`` runs several at once · ``kernel``
starts the process of one, in which ``inside/`` executes it · ``figures`` judges and recolours, ``motion`` joins
frames · ``notebook`` and ``collect`` write what came out, ``outputs`` reads it · ``lock`` keeps two builds apart.
"""
