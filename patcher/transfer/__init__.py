"""Bytes in and out. Alone knows libtorrent (`swarm`) and HTTP (`origin`).

Read `fetch` first: it brings pieces of one torrent from peers, and from the origin what no peer has. `without_peers`
does the same from the origin alone. `sample` holds what both yield. `swarm` and `origin` have front pages of their own.

    session = Session(settings)
    torrent = Torrent.of_tree(manifest, layers, staged_paths)
    source = TreeSource(origin.read, torrent, full_pack_index)
    with closing(fetch(session, Want(torrent, pieces, have), source)) as events:
        for event in events:
            match event:
                case Arrived(pieces):
                    ...                     # verified, and readable in their files
                case Sample():
                    ...                     # bytes by source so far
"""
