"""Races inside the engine: real threads that run one at a time, in an order that somebody else chooses.

turns       threads that hand over at the engine's own seam for locks
orders      in which order: by a seed, along a given one, or every order in turn
scenario    what a few threads do at the same time, in lines of text
stage       one run of a scenario in one order
evidence    what its clients were told, judged by brute force
races       the scenarios, and the search for an order that breaks one
"""
