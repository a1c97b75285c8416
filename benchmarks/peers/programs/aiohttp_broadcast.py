"""Broadcast on aiohttp.web as its users write it: topics are sets of WebSockets, sent to one after the other.

python aiohttp_broadcast.py PORT
"""

import json
import sys
from collections import defaultdict

import uvloop
from aiohttp import WSMsgType, web

subscribers: defaultdict[str, set[web.WebSocketResponse]] = defaultdict(set)


async def endpoint(http: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(http)
    try:
        async for message in socket:
            if message.type != WSMsgType.TEXT:
                continue
            request = json.loads(message.data)
            topic = request["topic"]
            if request["type"] == "subscribe":
                subscribers[topic].add(socket)
                await socket.send_str(json.dumps({"type": "ack", "topic": topic}))
            else:
                text = json.dumps({"type": "event", "topic": topic, "message": request["message"]})
                for subscriber in list(subscribers[topic]):
                    if not subscriber.closed:
                        await subscriber.send_str(text)
    finally:
        for members in subscribers.values():
            members.discard(socket)
    return socket


app = web.Application()
app.add_routes([web.get("/ws", endpoint)])

if __name__ == "__main__":
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        print=None,
        access_log=None,
        backlog=4096,
        loop=uvloop.new_event_loop(),
    )
