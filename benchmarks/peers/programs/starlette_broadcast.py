"""Broadcast on Starlette as its users write it: topics are sets of WebSockets, sent to one after the other.

python starlette_broadcast.py PORT
"""

import json
import sys
from collections import defaultdict

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

subscribers: defaultdict[str, set[WebSocket]] = defaultdict(set)


async def endpoint(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            request = json.loads(await socket.receive_text())
            topic = request["topic"]
            if request["type"] == "subscribe":
                subscribers[topic].add(socket)
                await socket.send_text(json.dumps({"type": "ack", "topic": topic}))
            else:
                text = json.dumps({"type": "event", "topic": topic, "message": request["message"]})
                for subscriber in list(subscribers[topic]):
                    await subscriber.send_text(text)
    except WebSocketDisconnect:
        pass
    finally:
        for members in subscribers.values():
            members.discard(socket)


app = Starlette(routes=[WebSocketRoute("/ws", endpoint)])

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", backlog=4096, ws_per_message_deflate=False)
