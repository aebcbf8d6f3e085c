"""The origin: the publisher's web servers, read over HTTPS. A server is not trusted to be fast, honest or where it was.

Read `client` first: an `Origin` reads documents whole and content by ranges, and is composed of parts with one concern
each. `http` sends one GET, checks the response and counts bytes. `hosts` decides which URLs and addresses may be used,
`dialling` connects to one, `watchdog` ends waits that bring nothing, `retry` goes on at the next server, and `turns`
remembers which of them asked to be left alone. Then the pieces of torrents: `ranges` turns spans into few requests,
`readers` know where each piece is, and `pool` runs several requests at once, below the limit of `limiter`, and verifies
the pieces.

    from patcher.transfer.origin.client import Origin
    from patcher.transfer.origin.readers import PackSource

    with Origin(["https://updates.example/", "https://mirror.example/"]) as origin:
        root = origin.get("metadata/1.root.json", max_bytes=512_000)
        document = origin.content(part.manifest)  # verified by its root
        source = PackSource(origin.read, index.layout)
        pieces = source.pieces(0, 4, wanted.__contains__)
        for number, data in source.read(pieces, received=lambda size_bytes: None):
            assert index.layout.is_right(number, data)  # pieces are not verified
        print(origin.received.metadata_bytes, origin.received.content_bytes)
"""
