"""Shoal without its window: the engine, the command line, the publisher's and the operator's programs.

docs/architecture.md lists every module in one line, docs/vocabulary.md the words. To read the code from the top,
follow one Update: `cli.player` submits a command (`protocol.commands`), `engine.engine` queues it,
`update.command_runner` turns it into a target, and `update.pipeline` takes the target to its commit (`install.commit`).

    from patcher.config import default_home
    from patcher.engine.client import Client
    from patcher.protocol.commands import Update

    with Client(default_home()) as client:  # starts the engine if none runs
        client.submit(Update("feed/title"))
"""

__version__ = "0.1.0"
