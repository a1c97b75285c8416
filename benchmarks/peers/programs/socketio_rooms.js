// Rooms of Socket.IO. A topic is a room.
//
//     node socketio_rooms.js PORT
"use strict";

const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, { serveClient: false, transports: ["websocket"] });

io.on("connection", (socket) => {
  socket.on("subscribe", (topic) => socket.join(topic));
  socket.on("publish", (topic, message) => io.to(topic).emit("event", topic, message));
});

http.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
