"""The data models: views of one transaction, so that its rules hold for all of them together.

A model keeps its state in rows of the database, under keys that no key-value call reaches, and reads and writes them
through a transaction and by no other way. A conflict through two models is then a conflict like any other. At
READ_COMMITTED each call sees one snapshot, and nobody is refused: two workers can claim one task.

    arguments    what the arguments may be
    packing      tuples as keys, in their order
    space        the rows of one model, by such tuples
    view         what all models have in common: one class serves a database, a transaction and a namespace
    views        the calls that give them: database.queue("mail"), transaction.graph("people"), …

    namespace    keys and models of their own
    queue        tasks, claimed by one worker at a time
    graph        nodes and edges
    temporal     edges that are valid for a time
    cache        values found by the likeness of an embedding
    vectors      vectors, and the nearest of them
    embeddings   what the last two compute
"""
