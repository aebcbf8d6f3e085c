"""BitTorrent, by libtorrent, which no other room imports.

Read `torrent` (a torrent and its files), `policy` (which uploads and ports the settings allow), `session` (what is in
libtorrent's session, by the player's consent), `swarm` (one torrent in it), `picker` (the next piece to ask of the
origin). A torrent is in the session while it is fetched, or while it is offered and the settings allow that.

    torrent = Torrent.of_tree(manifest, layers, paths)
    session = Session(settings)
    with session.fetching(torrent, have, wanted) as swarm:
        swarm.wait(1.0)
        swarm.take_readable()           # pieces that are on the disk now
    session.offer([torrent])            # just these; the files of all others are closed when this returns
    session.changed()                   # info hashes of offers whose files changed: they are offered no more
    session.close()
"""
