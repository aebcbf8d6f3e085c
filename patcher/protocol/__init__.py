"""The messages between clients and the engine, as frozen dataclasses. It knows no other room but the errors.

Read in this order:

    commands     a client's requests; `Verb`, the kind of a command, says how its job is run
    events       the engine's answers: events as they happen, and the snapshot of everything
    wire         both as JSON, for the socket and for commands that wait in the registry

    data = wire.to_json(commands.Update("feed/title"))
    assert wire.from_json(data) == commands.Update("feed/title")
    assert commands.Update.verb is Verb.UPDATE and Verb.UPDATE.resumes
"""
