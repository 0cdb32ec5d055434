#include "accept.h"

#include <stdint.h>
#include <string.h>

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

/* sha1_block adds 64 bytes to a state, see RFC 3174 section 6.1. */
static void sha1_block(uint32_t state[5], const unsigned char *block) {
	uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
	for (int t = 0; t < 16; t++)
		w[t] = (uint32_t)block[4 * t] << 24 | block[4 * t + 1] << 16 | block[4 * t + 2] << 8 | block[4 * t + 3];
	for (int t = 16; t < 80; t++)
		w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
	for (int t = 0; t < 80; t++) {
		uint32_t f = t < 20   ? ((b & c) | (~b & d)) + 0x5A827999
		             : t < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
		             : t < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
		                      : (b ^ c ^ d) + 0xCA62C1D6;
		uint32_t next = rotate(a, 5) + f + e + w[t];
		e = d, d = c, c = rotate(b, 30), b = a, a = next;
	}
	state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

/* base64 writes the 20 bytes of a digest. */
static void base64(const unsigned char digest[20], char proof[PROOF + 1]) {
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char in[21] = {0};
	memcpy(in, digest, 20);
	for (int i = 0, o = 0; i < 21; i += 3) {
		uint32_t three = in[i] << 16 | in[i + 1] << 8 | in[i + 2];
		for (int shift = 18; shift >= 0; shift -= 6)
			proof[o++] = digits[three >> shift & 63];
	}
	proof[PROOF - 1] = '=';
	proof[PROOF] = 0;
}

void prove(const char key[KEY], char proof[PROOF + 1]) {
	enum { GUID = 36, BYTES = KEY + GUID };
	unsigned char in[128] = {0}, digest[20]; /* two blocks: 60 bytes, the bit 1, zeros, the length in bits */
	memcpy(in, key, KEY);
	memcpy(in + KEY, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", GUID);
	in[BYTES] = 0x80;
	in[126] = BYTES * 8 >> 8;
	in[127] = BYTES * 8 & 255;
	uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
	sha1_block(state, in);
	sha1_block(state, in + 64);
	for (int i = 0; i < 20; i++)
		digest[i] = state[i / 4] >> (24 - 8 * (i % 4));
	base64(digest, proof);
}
