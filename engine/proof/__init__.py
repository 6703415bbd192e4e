"""The instruments that prove the engine: used by the tests, by `anomalist selftest`, and by `make proof`.

The engine itself imports nothing of this.

    contract    what its surface promises, as small checks
    schedule    interleavings in a line of text, run on one thread and judged by brute force
    watched     a disk that tells of each step, or fails at one
    worlds/     every way in which a few small transactions can meet
    threads/    races: real threads, one at a time, in every order
    crashes/    generated runs, crashed and damaged in every way; processes that are killed
"""
