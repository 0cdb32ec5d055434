/*
 * limit: the least that a room of WebSockets can cost on this system. One thread waits, reads what has come to all sockets,
 * frames it once, and then writes all that a room got to each of its members with one call. It keeps nothing, waits for nobody,
 * compresses nothing, and gives up where a server would have to take care: a member that can't take everything at once ends it.
 *
 * It serves ws://127.0.0.1:PORT/room/NAME/ and says where on its first line.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "accept.h"

enum { ROOMS = 16, NAME = 64, IN = 16 << 10, OUT = 256 << 10, EVENTS = 1024 };

/* A member is a socket in a room. What a round needs stands together. */
struct member {
	int fd;
	struct conn *conn;
};

/* A room has members, and the frames of this round. */
struct room {
	char name[NAME];
	struct member *members;
	size_t count, room_for;
	unsigned char out[OUT];
	size_t out_len;
};

/* A conn is a socket; it has a room once it is upgraded. */
struct conn {
	int fd;
	size_t place; /* in the room's members */
	struct room *room;
	size_t in_len;
	unsigned char in[IN + 1]; /* what isn't a whole request or frame yet */
};

static struct room rooms[ROOMS];
static int epoll;

static struct room *find_room(const char *name, size_t len) {
	if (len == 0 || len >= NAME)
		errx(1, "a room's name has %zu bytes, 1 to %d are allowed", len, NAME - 1);
	for (struct room *r = rooms; r < rooms + ROOMS; r++) {
		if (!r->name[0])
			memcpy(r->name, name, len);
		if (strlen(r->name) == len && !memcmp(r->name, name, len))
			return r;
	}
	errx(1, "more than %d rooms", ROOMS);
}

static void join(struct conn *c, struct room *r) {
	if (r->count == r->room_for) {
		r->room_for = r->room_for ? 2 * r->room_for : 1024;
		r->members = realloc(r->members, r->room_for * sizeof *r->members);
		if (!r->members)
			err(1, "members of %s", r->name);
	}
	c->room = r;
	c->place = r->count;
	r->members[r->count++] = (struct member){c->fd, c};
}

static void end(struct conn *c) {
	if (c->room) {
		struct member last = c->room->members[--c->room->count];
		last.conn->place = c->place;
		c->room->members[c->place] = last;
	}
	close(c->fd);
	free(c);
}

/* upgrade answers a request that is whole and returns its length: 0 when it isn't whole, -1 when it can't be served. */
static ssize_t upgrade(struct conn *c) {
	static const char path[] = "GET /room/", header[] = "Sec-WebSocket-Key: ";
	c->in[c->in_len] = 0;
	char *request = (char *)c->in, *whole = strstr(request, "\r\n\r\n");
	if (!whole)
		return 0;
	char *key = strstr(request, header);
	if (strncmp(request, path, sizeof path - 1) || !key || strcspn(key += sizeof header - 1, "\r") != KEY)
		return -1;
	char proof[PROOF + 1], answer[256];
	prove(key, proof);
	int n = snprintf(answer, sizeof answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	                 "Sec-WebSocket-Accept: %s\r\n\r\n", proof);
	if (write(c->fd, answer, n) != n)
		return -1;
	char *name = request + sizeof path - 1;
	join(c, find_room(name, strcspn(name, "/ ")));
	return whole + 4 - request;
}

/* take adds a whole text frame to what the room gets and returns its length: 0 when it isn't whole, -1 when it is none. */
static ssize_t take(struct conn *c, const unsigned char *in, size_t len) {
	if (len < 2)
		return 0;
	size_t n = in[1] & 127, head = n == 126 ? 4 : 2;
	if (in[0] != 0x81 || !(in[1] & 128) || n == 127)
		return -1;
	if (len < head)
		return 0;
	if (n == 126)
		n = (size_t)in[2] << 8 | in[3];
	if (head + 4 + n > IN)
		errx(1, "a frame has %zu bytes", n);
	if (len < head + 4 + n)
		return 0;
	struct room *r = c->room;
	if (r->out_len + head + n > OUT)
		errx(1, "a round of %s has more than %d bytes", r->name, OUT);
	unsigned char *out = r->out + r->out_len;
	out[0] = 0x81;
	out[1] = in[1] & 127;
	memcpy(out + 2, in + 2, head - 2);
	for (size_t i = 0; i < n; i++)
		out[head + i] = in[head + 4 + i] ^ in[head + i % 4];
	r->out_len += head + n;
	return head + 4 + n;
}

/* serve reads once and takes all that is whole. */
static void serve(struct conn *c) {
	ssize_t n = read(c->fd, c->in + c->in_len, IN - c->in_len);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end(c);
		return;
	}
	c->in_len += n;
	size_t used = 0;
	do {
		n = c->room ? take(c, c->in + used, c->in_len - used) : upgrade(c);
		if (n < 0) {
			end(c);
			return;
		}
		used += n;
	} while (n > 0);
	memmove(c->in, c->in + used, c->in_len -= used);
}

/* tell writes the round's frames to all members. A member that has gone is noticed when it is read. */
static void tell(struct room *r) {
	for (size_t i = 0; i < r->count; i++) {
		ssize_t n = send(r->members[i].fd, r->out, r->out_len, MSG_NOSIGNAL);
		if (n >= 0 ? (size_t)n < r->out_len : errno == EAGAIN)
			errx(1, "a member of %s doesn't read fast enough", r->name);
	}
	r->out_len = 0;
}

static void watch(int fd, struct conn *c) {
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
		err(1, "epoll_ctl");
}

static void welcome(int listener) {
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;
	if (fd < 0)
		return; /* it has gone again */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
		err(1, "TCP_NODELAY");
	struct conn *c = calloc(1, sizeof *c);
	if (!c)
		err(1, "a connection");
	c->fd = fd;
	watch(fd, c);
}

static int listen_anywhere(void) {
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) || listen(fd, SOMAXCONN) || getsockname(fd, (struct sockaddr *)&addr, &len))
		err(1, "listen");
	printf("http://127.0.0.1:%d/\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

int main(void) {
	struct epoll_event events[EVENTS];
	epoll = epoll_create1(0);
	if (epoll < 0)
		err(1, "epoll_create1");
	int listener = listen_anywhere();
	watch(listener, NULL); /* the one event without a connection */
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);
		if (n < 0 && errno != EINTR)
			err(1, "epoll_wait");
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				serve(events[i].data.ptr);
			else
				welcome(listener);
		}
		for (struct room *r = rooms; r < rooms + ROOMS && r->name[0]; r++)
			if (r->out_len)
				tell(r);
	}
}
