/* The server's side of a WebSocket handshake: Sec-WebSocket-Accept, see RFC 6455 section 4.2.2. */
enum { KEY = 24, PROOF = 28 };

/* prove writes the base64 of the SHA-1 of a client's key and the RFC's GUID, and a 0. */
void prove(const char key[KEY], char proof[PROOF + 1]);
