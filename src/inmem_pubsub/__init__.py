"""In-memory publish/subscribe over WebSocket and HTTP: one log per topic, and every subscriber is a cursor into it.

The top level only says which version this is. The layers beneath it are `core` (pure: topics, logs, cursors),
`protocol` (pure: messages and frames), `server` (the shells, which own sockets, clock and log) and `cli`.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
