// Broadcast on `ws` as its documentation shows it: topics are sets of sockets, and each is sent the same text.
//
//     node ws_broadcast.js PORT
"use strict";

const { WebSocket, WebSocketServer } = require("ws");

const topics = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });

server.on("connection", (socket) => {
  const mine = new Set();
  socket.on("error", () => {});
  socket.on("message", (data) => {
    const request = JSON.parse(data);
    let subscribers = topics.get(request.topic);
    if (subscribers === undefined) topics.set(request.topic, (subscribers = new Set()));
    if (request.type === "subscribe") {
      subscribers.add(socket);
      mine.add(subscribers);
      socket.send(JSON.stringify({ type: "ack", topic: request.topic }));
      return;
    }
    const text = JSON.stringify({ type: "event", topic: request.topic, message: request.message });
    for (const subscriber of subscribers) {
      if (subscriber.readyState === WebSocket.OPEN) subscriber.send(text);
    }
  });
  socket.on("close", () => {
    for (const subscribers of mine) subscribers.delete(socket);
  });
});
