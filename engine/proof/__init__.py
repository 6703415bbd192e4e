"""The instruments that prove the engine: used by the tests, by `anomalist selftest`, and by `make proof`.

The engine itself imports nothing of this.

    contract       what its surface promises, as small checks

    schedule       interleavings in a line of text, run on one thread and judged by brute force
    world          every way in which a few small transactions can meet
    exploration    all of a world through the engine: each history judged, each refusal measured
    refusals       which refusals were unnecessary, beside plain validation of read sets
    reduction      why only first operation and commit matter: full interleavings against reduced ones
    small_world    the command that runs it all: python -m engine.proof.small_world

    turns          real threads that run one at a time, through the engine's own seam for locks
    orders         in which order: by a seed, along a given one, or every order in turn
    scenario       what a few threads do at the same time, in lines of text
    stage          one run of a scenario in one order
    evidence       what its clients were told, judged by brute force
    races          the scenarios, and the search for an order that breaks one

    watched        a disk that tells of each step, or fails at one
    ledger         what a database was given, and so what it may hold after a crash
    guests         commits that arrive while a leader is at the disk
    crash_run      a generated run; crash_actions is the table of what can happen in it
    power_loss     what a power loss can leave
    aftermath      what has to hold after a crash
    loss           what the searches for lost commits find
    crash_search   every crash of a run; failing_disk: every failure; bit_flips: every damaged bit
    kill           real processes, killed; kill_child is what they run
    crash          the command that runs it all, python -m engine.proof.crash, and `find_crash`
"""
