"""What a publisher says: from a pinned first root to signed facts.

Read in this order: `pin` (the address and fingerprint that are trusted), `trust` (TUF: refreshes metadata and gives out
records), `verified` (checks the signatures of what is on the disk) and `guard` (the floor below which nothing goes
back). Then `reader` (records and the documents that they name), `feeds` (all feeds of a player) and `catalog` (what
clients show of them, without the network).

    feeds = Feeds(Home(Path("home")))
    name = feeds.add("https://cdn.example/feed", fingerprint, Network(), never)
    with feeds.open(name, Network(), never) as opened:  # refreshed; offline=True reads what was last known
        release = opened.live("game", "live", install_id)
        document = opened.reader.manifest(release.parts[0], None, None)
    print(feeds.about(f"{name}/game").label)
"""
