// Package chat is what a room, a message and an author are, and who may do what. It knows no HTTP, SQL, layer or socket.
package chat
