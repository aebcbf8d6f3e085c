"""Carries out a command, from a client's request to a committed release. Nothing here knows of a queue.

To read it, follow one Update:

    command_runner                the command becomes a `Target`: which release, which parts, which folder
    target                        the target, and the publisher's offers for its parts
    pipeline                      the target becomes a commit: scan, plan, download, stage, verify, commit
    detour                        whether two updates, by an intermediate release, fetch less than one
    planning                      the cheapest way to every missing byte, a room of its own
    download, decode, staging     the steps of the plan: bytes fetched, windows decoded, files put together and verified
    progress                      samples of the progress, for clients

    meter = Meter(number, "feed/title", cancelled=lambda: False, emit=print)
    runner = CommandRunner(shared, number, meter, emit=print)  # shared: registry, feeds, packs … of the engine
    outcome = runner.run(commands.Update("feed/title", only="plan"))
    print(outcome.version_to, outcome.planned_bytes)
"""
