"""Rooms of python-socketio, on uvicorn. A topic is a room, and a client names its own when it connects.

python socketio_rooms.py PORT
"""

import sys
from typing import Any

import socketio
import uvicorn

sio = socketio.AsyncServer(async_mode="asgi", logger=False, engineio_logger=False)


async def connect(sid: str, _environ: dict[str, Any], auth: dict[str, str] | None) -> None:
    if auth:
        await sio.enter_room(sid, auth["topic"])


async def publish(_sid: str, topic: str, message: Any) -> None:
    await sio.emit("event", [topic, message], room=topic)


sio.on("connect", connect)
sio.on("publish", publish)
app = socketio.ASGIApp(sio)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", backlog=4096, ws_per_message_deflate=False)
