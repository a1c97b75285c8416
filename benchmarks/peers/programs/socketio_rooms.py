"""Rooms of python-socketio, on uvicorn. A topic is a room.

python socketio_rooms.py PORT
"""

import sys
from typing import Any

import socketio
import uvicorn

sio = socketio.AsyncServer(async_mode="asgi", logger=False, engineio_logger=False)


async def subscribe(sid: str, topic: str) -> None:
    await sio.enter_room(sid, topic)


async def publish(_sid: str, topic: str, message: Any) -> None:
    await sio.emit("event", [topic, message], room=topic)


sio.on("subscribe", subscribe)
sio.on("publish", publish)
app = socketio.ASGIApp(sio)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", backlog=4096, ws_per_message_deflate=False)
