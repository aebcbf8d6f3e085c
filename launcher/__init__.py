"""The launcher: a PySide6 window that shows what the engine reports and submits what the player clicks.

The engine is a process of its own. The window knows it only as a client, so closing the window stops no download and a
crash of the engine closes no window. Commands go in through `bridge`, messages come out; everything shown is derived
from one frozen `State`. Read it in this order:

- `state`: what the window knows; a pure function applies each message (without Qt);
- `page`: what the page of a title shows and what its button does (without Qt);
- `text`, `failures`: the translated texts; `models`: the rows of the lists;
- `bridge`: the thread that owns the engine's client;
- `views`: the window and its pages; `theme` is their look, `prefs` what the window remembers;
- `screen`: what is said where no window can be opened; `instance`: one launcher for each home;
- `__main__` builds and connects all of it.

    bridge.message_received.connect(window.handle_message)
    window.submitted.connect(bridge.submit)
"""
