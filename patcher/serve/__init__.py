"""The operator's servers: a tracker, and a static web server for demos, tests and LAN parties.

Read `tracker` first: HTTP and UDP in front of `peers`, which holds all swarms in memory, within the `budgets` of hosts
and networks. `allowlist` says which swarms are served. `exchange` shares peers between trackers, over `redis_link`
or between the `workers` of one; `counters` has its numbers. `static` serves a feed folder; `http` is the server under
both, `certificate` makes an authority and certificates for a local network.

    with Tracker(("0.0.0.0", 6969), ("0.0.0.0", 6969)) as tracker:
        print(tracker.http_url, tracker.udp_url)  # for the feed
        with StaticServer(Path("feed"), "192.0.2.1", 8443, cert, key) as server:
            print(server.url, server.requests, server.body_bytes)
"""
