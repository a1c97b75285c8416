"""Topics of uWebSockets, the C++ library, through socketify. What it says of a request it does in C++.

python uwebsockets_topics.py PORT
"""

import json
import sys
from typing import Any

from socketify import App, OpCode


def message(socket: Any, data: str | bytes, _opcode: int) -> None:
    request = json.loads(data)
    topic = request["topic"]
    if request["type"] == "subscribe":
        socket.subscribe(topic)
        socket.send(json.dumps({"type": "ack", "topic": topic}), OpCode.TEXT)
    else:
        text = json.dumps({"type": "event", "topic": topic, "message": request["message"]})
        app.publish(topic, text, OpCode.TEXT, False)


app = App()
app.ws("/ws", {"compression": 0, "max_payload_length": 1 << 20, "max_backpressure": 64 << 20, "message": message})

if __name__ == "__main__":
    app.listen({"port": int(sys.argv[1]), "host": "127.0.0.1"}, lambda _config: None)
    app.run()
