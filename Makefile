# Each word is a script in ci/.
.PHONY: run build fmt lint deps test ui fuzz bench soak

run:    ; go run ./cmd/teahouse
build:  ; @ci/build
fmt:    ; @ci/fmt
lint:   ; @ci/lint
deps:   ; @ci/deps
test:   ; @ci/test
ui:     ; @ci/ui build
fuzz:   ; @ci/fuzz
bench:  ; @ci/bench
soak:   ; @ci/soak
