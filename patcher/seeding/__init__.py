"""What other players can download from this machine: installed titles, and the patch packs of past updates.

Read `seeder` first, then `pack_cache` and `traffic`. The `Seeder` owns the engine's one swarm session and holds the
desired state: the torrents of each title and pack. A title is offered while no job or game holds it, its files look as
they did when they were verified, and its folder describes a signed release. `Session.offer` brings the session in line.

    seeder = Seeder(settings, registry, ledger, packs, feeds)
    changed = seeder.refresh()          # every few seconds: the titles whose files changed
    with seeder.holding("feed/game"):   # its files are closed when this begins
        commit_the_update()             # the next refresh may offer them again
    seeder.apply(other_settings)        # nothing that these forbid leaves any more
    seeder.snapshot()["feed/game"].uploaded_bytes
    seeder.close()
"""
