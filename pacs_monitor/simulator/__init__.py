"""A small hospital of real SCPs with faults to order, in a process of its own.

It imports nothing else of this project, so that what it answers is an independent opinion.
"""
