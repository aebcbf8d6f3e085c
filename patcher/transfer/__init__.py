"""Bytes in and out. Alone knows libtorrent (`swarm`) and HTTP (`origin`).

Read `fetch` first: it brings pieces of one torrent from peers, and from the origin what no peer has. `direct` does the
same without peers, and `picture` draws it for people. `swarm` and `origin` have front pages of their own.
"""
