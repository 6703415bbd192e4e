"""The data models: views of one transaction, so that its rules hold for all of them together.

A model keeps its state in rows of the database, under keys that no key-value call reaches, and reads and writes them
through a transaction and by no other way. A conflict through two models is then a conflict like any other.

    packing      tuples as keys, in their order
    space        the rows of one model, by such tuples
    view         what all models have in common: one class serves a database, a transaction and a namespace
    views        the calls that give them: database.queue("mail"), transaction.graph("people"), …
"""
