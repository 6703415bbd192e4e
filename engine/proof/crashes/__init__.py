"""The crash simulator: what the engine has on its disk after a crash, and whether that is what it promised.

ledger          what a database was given, and so what it may hold after a crash
guests          commits that arrive while a leader is at the disk
crash_run       a generated run; crash_actions is the table of what can happen in it
power_loss      what a power loss can leave
aftermath       what has to hold after a crash
loss            what the searches for lost commits find
crash_search    every crash of a run; failing_disk: every failure; bit_flips: every damaged bit
kill            real processes, killed; kill_child is what they run
crash           the command that runs it all, python -m engine.proof.crashes.crash, and `find_crash`
"""
