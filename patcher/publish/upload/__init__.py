"""Brings a feed folder to where players read it: another folder, a server over SSH, or an object store.

Read `upload` first: it knows the order, what is missing, and whether the destination may be replaced. `destination`
says what a destination can do; `folder`, `sftp` and `objects` are the three kinds. `read_back` asks the feed's own
web address as a player would, before the timestamp makes a release live.

    with open_destination("s3://bucket/feed", endpoint="https://s3.example.org") as destination:
        uploaded = upload(folder, home, destination, UploadOrder(origin="https://cdn.example/feed"), progress, print)
"""
