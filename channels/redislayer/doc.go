// Package redislayer shares channels and groups through Redis, byte for byte as Python's channels_redis does.
package redislayer
