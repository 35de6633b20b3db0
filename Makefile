BUILD ?= build
JOBS  ?= $(shell nproc)
