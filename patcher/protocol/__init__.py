"""What clients and the engine say to each other, as frozen dataclasses. It knows no other room but the errors.

Read in this order:

    commands     what a client may ask; `Verb`, the kind of a command, says how its job is run
    events       what the engine answers: events as they happen, and the snapshot of everything
    wire         both as JSON, for the socket and for commands that wait in the registry

    data = wire.to_json(commands.Update("feed/title"))
    assert wire.from_json(data) == commands.Update("feed/title")
    assert commands.Update.verb is Verb.UPDATE and Verb.UPDATE.resumes
"""
