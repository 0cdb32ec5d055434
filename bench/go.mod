// The load generator, apart from the program so that nothing imports it.
module github.com/teahouse-chat/teahouse/bench

go 1.26.0

require golang.org/x/sys v0.49.0
