"""Finds the cheapest way to every missing byte before the first one moves.

    local_search      the content of missing files that local bytes have, block by block
    costs             what a file lacks, and what that costs
    patch_or_whole    which files come by a patch, and which whole
    plan              the steps, and their totals

`plan` knows no clock, no network and no disk: what there is and what is offered goes in, a `Plan` comes out.
"""
