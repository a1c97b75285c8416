"""Broadcast with `websockets.broadcast`, which the library has for this: it waits for nobody.

python websockets_broadcast.py PORT
"""

import asyncio
import json
import sys
from collections import defaultdict

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

subscribers: defaultdict[str, set[ServerConnection]] = defaultdict(set)


async def endpoint(connection: ServerConnection) -> None:
    try:
        async for text in connection:
            request = json.loads(text)
            topic = request["topic"]
            if request["type"] == "subscribe":
                subscribers[topic].add(connection)
                await connection.send(json.dumps({"type": "ack", "topic": topic}))
            else:
                event = {"type": "event", "topic": topic, "message": request["message"]}
                broadcast(subscribers[topic], json.dumps(event))
    finally:
        for members in subscribers.values():
            members.discard(connection)


async def main() -> None:
    async with serve(endpoint, "127.0.0.1", int(sys.argv[1]), compression=None, backlog=4096):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(main())
