"""Histories of reads, writes, deletes and scans: their versions, what follows for the order of these, and names.

accesses      operations key by key, and what a scan did not return
observations  which version each read saw, and who installed it
succession    which version of a key certainly came before which other
dependencies  ww, wr and rw edges, each with what it demands
cycles        the names that hold under every order of versions
phenomena     what single reads prove
proof         sentences
kernels       the loops
"""
