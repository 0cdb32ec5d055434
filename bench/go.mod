// The load generator and the peers it loads, apart from the program so that nothing imports them.
module github.com/teahouse-chat/teahouse/bench

go 1.26.0

require (
	github.com/teahouse-chat/teahouse v0.0.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/fernet/fernet-go v0.0.0-20240119011108-303da6aec611 // indirect
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/gobwas/httphead v0.1.0 // indirect
	github.com/gobwas/ws v1.5.0 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/redis/rueidis v1.0.79 // indirect
	github.com/tinylib/msgp v1.6.5 // indirect
	golang.org/x/time v0.16.0 // indirect
)

replace github.com/teahouse-chat/teahouse => ../
