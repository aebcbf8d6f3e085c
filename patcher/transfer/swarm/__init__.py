"""BitTorrent, by libtorrent, which no other room imports.

Read `torrent` (a torrent and its files), `policy` (from settings to allowed uploads and open ports), `session` (what is
in libtorrent's session, by the player's consent), `swarm` (one torrent in it), `picker` (the next piece to ask of the
origin). A torrent is in the session while somebody fetches it, or while it is offered and the settings allow that.

    torrent = Torrent.of_tree(manifest, layers, paths)
    session = Session(settings)
    with session.fetching(torrent, have, wanted) as swarm:
        swarm.connect_peer("192.168.1.20", 6881)
        swarm.wait(1.0)
    session.offer([torrent])            # just these; the files of all others are closed when this returns
    session.changed()                   # info hashes of offers whose files changed: they are offered no more
    session.close()
"""
