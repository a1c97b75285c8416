"""The protocol, pure: messages in, frames out, codes, and one connection's conversation. No socket, no clock."""
