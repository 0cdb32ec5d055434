package redislayer

import "hash/crc32"

// shard is the index of the host of n that a name belongs to: channels_redis's hash.
func shard(name string, n int) int {
	if n == 1 {
		return 0
	}
	return int(float64(crc32.ChecksumIEEE([]byte(name))&0xFFF) / (4096 / float64(n)))
}
