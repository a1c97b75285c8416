"""The shells: they own the loop, the sockets, the clocks and the log. uvicorn and Starlette for HTTP, picows for WebSocket."""
