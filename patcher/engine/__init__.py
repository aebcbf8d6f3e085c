"""The engine: one process a home folder, which does all work and which every client talks to.

Read in this order:

    engine     snapshot and events for clients, the commands it takes, and the tender, which works unasked
    restored   the files of a home, opened; damaged ones are kept beside and made anew
    jobs       the queue, and the life of a job: how it ends, and which commands go on at the next start
    server     the process and its socket (`python -m patcher`)
    client     a client's connection; it starts an engine if none runs. The launcher and the command line use only this

    with Client(default_home()) as client:
        client.listen(print)  # events, from a thread of the client
        number = client.submit(commands.Install("feed/title"))
        for title in client.snapshot().titles:
            print(title.title, title.version, title.verb, title.progress)
"""
