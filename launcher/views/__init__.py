"""The window, its pages and its dialogs. They show a `State` or a `Page` and emit what the player clicks as signals.

A view never talks to the engine. Its `show_state` (or `show_page`) may be called at any time and changes only what is
different; a signal called ``submitted`` carries a command and is passed up to the window. Read it in this order:

- `window`: holds the state and shows one page at a time beside the `library`;
- `title`: the page of a title, with its `notes` and its `transfer` panel; `actions` carries out its clicks;
- `sheet`: dialogs inside the window; `install` is the one before an install;
- `feeds`, `settings`, `first_run`: the other pages; `tray`: the icon in the system tray;
- `layout`: what several pages are built from; `widgets`: the painted widgets.
"""
