"""Hostile inputs of every kind, by the thousand: `make fuzz`, or `python -m tests.fuzz [KIND …] [--count N] [--seed S]`.

A kind is one file of `kinds/` and one class in it: it makes an input from dice, and tries it. Only a ComposeError may
come out. Whatever else happens is a finding: another exception, a try that takes longer than its kind says, a process
that dies, memory, threads, open files or temporary files that grow, a file made outside the sandbox, a process
started, an address of another machine, a secret of the environment in what was shown.

    kind      what a kind is, and what a try may do
    mutation  changes to text, bytes and JSON, each by dice
    sandbox   the folder and the environment of a process that tries, and the guard that hears what it does
    worker    that process: one try after another, watched
    campaign  starts workers, begins new ones after those that died, and gathers the findings

A case is its seed: `python -m tests.fuzz cells --one 4711` makes and tries that one alone, and shows it.
"""
