"""The complete small world: every way in which three or four small transactions can meet, through the engine.

world          the programs, schedules and cases, counted
exploration    all of a world through the engine: each history judged, each refusal measured
refusals       which refusals were unnecessary, beside plain validation of read sets
reduction      why only first operation and commit matter: full interleavings against reduced ones
small_world    the command that runs it all: python -m engine.proof.worlds.small_world
"""
