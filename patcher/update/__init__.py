"""A command carried out: from what a client asked for to a committed release. Nothing here knows of a queue.

To read it, follow one Update:

    command_runner                the command becomes a `Target`: which release, which parts, which folder
    target                        the target, and what the publisher offers for its parts
    pipeline                      the target becomes a commit: scan, plan, download, stage, verify, commit
    detour                        whether two updates, by an intermediate release, fetch less than one
    local_search, plan, costs     what local files have of missing ones, and the cheapest way to the rest
    download, decode, staging     the steps of the plan: bytes fetched, windows decoded, files put together and verified
    progress                      what clients see of all that

    meter = Meter(number, "feed/title", cancelled=lambda: False, emit=print)
    runner = CommandRunner(shared, number, meter, emit=print)  # shared: registry, feeds, packs … of the engine
    outcome = runner.run(commands.Update("feed/title", only="plan"))
    print(outcome.version_to, outcome.planned_bytes)
"""
