// Small programs that use the library, apart from it so that what they and their tests need isn't required of it.
module github.com/teahouse-chat/teahouse/examples

go 1.26.0

require (
	github.com/coder/websocket v1.8.15
	github.com/teahouse-chat/teahouse v0.0.0
	go.uber.org/goleak v1.3.0
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
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)

replace github.com/teahouse-chat/teahouse => ../
