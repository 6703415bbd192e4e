"""The instruments that prove the engine: used by the tests, by `anomalist selftest`, and by `make proof`.

The engine itself imports nothing of this.

    contract    what its surface promises, as small checks
"""
