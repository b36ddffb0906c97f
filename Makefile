.POSIX:

# fdpass: commands that hand open descriptors from process to process.
#
#   make                 the commands, in bin/, and lib/libfdpass.a
#   make static          the commands linked statically, in static/
#   make test            the tests;  make test-faults: the long trials
#   make fuzz            what foreign bytes reach, for a minute
#   make bench           rates beside rivals
#   make check           linters and analyzers
#   make demo            the server-worker system, run and shown
#   make install         DESTDIR and PREFIX as usual
#
# Add to CFLAGS, CPPFLAGS and LDFLAGS on the command line; what the sources
# cannot be compiled without stays in force. After a change of flags: make
# clean.

VERSION = 0.1.0

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
LIBDIR = $(PREFIX)/lib
INCLUDEDIR = $(PREFIX)/include
MANDIR = $(PREFIX)/share/man
SHAREDIR = $(PREFIX)/share/fdpass
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions

CC = cc
CPPFLAGS =
CFLAGS = -O2
LDFLAGS =
WARNINGS = -pedantic -Wall -Wextra -Wshadow -Wconversion
STATIC_CC = $$(command -v musl-gcc || echo $(CC))

COMPILE = -std=c99 $(WARNINGS) -Ilib -DFDPASS_VERSION='"$(VERSION)"' \
	$(CPPFLAGS) $(CFLAGS)

CMD = fdlisten fdsend fdrecv fdecho fdpipe fdconnect fdinfo

BIN = \
	bin/fdlisten \
	bin/fdsend \
	bin/fdrecv \
	bin/fdecho \
	bin/fdpipe \
	bin/fdconnect \
	bin/fdinfo

CMD_SRC = \
	cmd/fdlisten.c \
	cmd/fdsend.c \
	cmd/fdrecv.c \
	cmd/fdecho.c \
	cmd/fdpipe.c \
	cmd/fdconnect.c \
	cmd/fdinfo.c

LIB_SRC = \
	lib/accept.c \
	lib/address.c \
	lib/child.c \
	lib/copy.c \
	lib/descriptors.c \
	lib/diag.c \
	lib/echo.c \
	lib/environ.c \
	lib/failure.c \
	lib/fdnames.c \
	lib/info.c \
	lib/landing.c \
	lib/loop.c \
	lib/options.c \
	lib/output.c \
	lib/payload.c \
	lib/pool.c \
	lib/receive.c \
	lib/relay.c \
	lib/show.c \
	lib/source.c \
	lib/wait.c \
	lib/stream.c \
	lib/sys.c \
	lib/text.c \
	lib/trace.c \
	lib/verdict.c \
	lib/fdpass/arrival.c \
	lib/fdpass/blocking.c \
	lib/fdpass/handover.c \
	lib/fdpass/message.c \
	lib/fdpass/name.c

HDR = \
	lib/accept.h \
	lib/address.h \
	lib/child.h \
	lib/copy.h \
	lib/descriptors.h \
	lib/diag.h \
	lib/echo.h \
	lib/environ.h \
	lib/failure.h \
	lib/fdnames.h \
	lib/fdpass.h \
	lib/info.h \
	lib/landing.h \
	lib/loop.h \
	lib/options.h \
	lib/output.h \
	lib/payload.h \
	lib/pool.h \
	lib/receive.h \
	lib/relay.h \
	lib/show.h \
	lib/source.h \
	lib/wait.h \
	lib/stream.h \
	lib/sys.h \
	lib/text.h \
	lib/trace.h \
	lib/verdict.h \
	lib/fdpass/arrival.h \
	lib/fdpass/handover.h \
	lib/fdpass/message.h \
	lib/fdpass/name.h

MAN1 = \
	man/fdlisten.1 \
	man/fdsend.1 \
	man/fdrecv.1 \
	man/fdecho.1 \
	man/fdpipe.1 \
	man/fdconnect.1 \
	man/fdinfo.1
MAN3 = man/fdpass.3
MAN7 = man/fdpass.7 man/fdpass-lessons.7

LIB = lib/libfdpass.a
STATIC_LIB = static/libfdpass.a

CMD_OBJ = $(CMD_SRC:.c=.o)
LIB_OBJ = $(LIB_SRC:.c=.o)

# Objects of the static build have a suffix of their own, so that both builds
# live side by side.
STATIC_BIN = \
	static/fdlisten \
	static/fdsend \
	static/fdrecv \
	static/fdecho \
	static/fdpipe \
	static/fdconnect \
	static/fdinfo

CMD_OS = $(CMD_SRC:.c=.os)
LIB_OS = $(LIB_SRC:.c=.os)

.SUFFIXES:
.SUFFIXES: .c .o .os

.PHONY: all static tools check test test-faults fuzz bench demo \
	install uninstall dist clean

all: $(BIN)

.c.o:
	$(CC) $(COMPILE) -c -o $@ $<

# The sign is changed in musl's own CMSG_NXTHDR().
.c.os:
	$(STATIC_CC) $(COMPILE) -Wno-sign-conversion -c -o $@ $<

# Every object depends on every header: a build takes seconds, and no list of
# dependencies can be wrong.
$(CMD_OBJ) $(LIB_OBJ) $(CMD_OS) $(LIB_OS): $(HDR) Makefile

$(LIB): $(LIB_OBJ)
	rm -f $@
	$(AR) rcs $@ $(LIB_OBJ)

$(STATIC_LIB): $(LIB_OS)
	@mkdir -p static
	rm -f $@
	$(AR) rcs $@ $(LIB_OS)

$(BIN): $(LIB)
	@mkdir -p bin
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ cmd/$(@F).o $(LIB)

$(STATIC_BIN): $(STATIC_LIB)
	$(STATIC_CC) $(CFLAGS) -static $(LDFLAGS) -o $@ cmd/$(@F).os $(STATIC_LIB)

bin/fdlisten: cmd/fdlisten.o
bin/fdsend: cmd/fdsend.o
bin/fdrecv: cmd/fdrecv.o
bin/fdecho: cmd/fdecho.o
bin/fdpipe: cmd/fdpipe.o
bin/fdconnect: cmd/fdconnect.o
bin/fdinfo: cmd/fdinfo.o

static/fdlisten: cmd/fdlisten.os
static/fdsend: cmd/fdsend.os
static/fdrecv: cmd/fdrecv.os
static/fdecho: cmd/fdecho.os
static/fdpipe: cmd/fdpipe.os
static/fdconnect: cmd/fdconnect.os
static/fdinfo: cmd/fdinfo.os

static: $(STATIC_BIN)

# The C programs of the tests: each is one file and needs nothing but libc.
tools:
	@for c in tests/tools/*.c tests/bench/*.c tests/mistakes/*.c; do \
		t=$${c%.c}; \
		test -f "$$c" || continue; \
		test -z "$$(find "$$t" -newer "$$c" 2>/dev/null)" || continue; \
		echo $(CC) $(CFLAGS) -o $$t $$c; \
		$(CC) $(COMPILE) $(LDFLAGS) -o "$$t.new" "$$c" && \
		mv "$$t.new" "$$t" || exit 1; \
	done

check: all
	tests/check

test: all tools
	tests/run

test-faults: all tools
	FDPASS_TRIALS=full tests/run tests/faults

fuzz:
	tests/fuzz/run

bench: all static tools
	tests/bench/run

demo: all tools
	@tests/demo/run

install: all
	mkdir -p "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(INCLUDEDIR)" \
		"$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(MANDIR)/man1" \
		"$(DESTDIR)$(MANDIR)/man3" "$(DESTDIR)$(MANDIR)/man7" \
		"$(DESTDIR)$(BASHDIR)" "$(DESTDIR)$(ZSHDIR)" \
		"$(DESTDIR)$(SHAREDIR)/mistakes"
	for f in $(CMD); do \
		rm -f "$(DESTDIR)$(BINDIR)/$$f" && \
		cp bin/$$f "$(DESTDIR)$(BINDIR)/$$f" && \
		chmod 755 "$(DESTDIR)$(BINDIR)/$$f" || exit 1; \
	done
	cp lib/fdpass.h "$(DESTDIR)$(INCLUDEDIR)/fdpass.h"
	cp $(LIB) "$(DESTDIR)$(LIBDIR)/libfdpass.a"
	printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' \
		'includedir=$(INCLUDEDIR)' '' 'Name: fdpass' \
		'Description: pass open descriptors between processes' \
		'Version: $(VERSION)' 'Libs: -L$${libdir} -lfdpass' \
		'Cflags: -I$${includedir}' \
		>"$(DESTDIR)$(LIBDIR)/pkgconfig/fdpass.pc"
	chmod 644 "$(DESTDIR)$(INCLUDEDIR)/fdpass.h" \
		"$(DESTDIR)$(LIBDIR)/libfdpass.a" \
		"$(DESTDIR)$(LIBDIR)/pkgconfig/fdpass.pc"
	for f in $(MAN1) $(MAN3) $(MAN7); do \
		d="$(DESTDIR)$(MANDIR)/man$${f##*.}" && cp $$f "$$d" && \
		chmod 644 "$$d/$${f##*/}" || exit 1; \
	done
	cp cmd/completion/_fdpass "$(DESTDIR)$(ZSHDIR)/_fdpass"
	chmod 644 "$(DESTDIR)$(ZSHDIR)/_fdpass"
	for f in $(CMD); do \
		cp cmd/completion/fdpass.bash "$(DESTDIR)$(BASHDIR)/$$f" && \
		chmod 644 "$(DESTDIR)$(BASHDIR)/$$f" || exit 1; \
	done
	cp cmd/fdstep "$(DESTDIR)$(SHAREDIR)/fdstep"
	chmod 755 "$(DESTDIR)$(SHAREDIR)/fdstep"
	for f in tests/mistakes/*.c; do \
		cp "$$f" "$(DESTDIR)$(SHAREDIR)/mistakes" && \
		chmod 644 "$(DESTDIR)$(SHAREDIR)/mistakes/$${f##*/}" || \
		exit 1; \
	done

uninstall:
	for f in $(CMD); do \
		rm -f "$(DESTDIR)$(BINDIR)/$$f" \
			"$(DESTDIR)$(BASHDIR)/$$f" || exit 1; \
	done
	for f in tests/mistakes/*.c; do \
		rm -f "$(DESTDIR)$(SHAREDIR)/mistakes/$${f##*/}" || exit 1; \
	done
	rm -f "$(DESTDIR)$(SHAREDIR)/fdstep"
	-rmdir "$(DESTDIR)$(SHAREDIR)/mistakes" "$(DESTDIR)$(SHAREDIR)"
	rm -f "$(DESTDIR)$(ZSHDIR)/_fdpass" \
		"$(DESTDIR)$(INCLUDEDIR)/fdpass.h" \
		"$(DESTDIR)$(LIBDIR)/libfdpass.a" \
		"$(DESTDIR)$(LIBDIR)/pkgconfig/fdpass.pc"
	for f in $(MAN1) $(MAN3) $(MAN7); do \
		rm -f "$(DESTDIR)$(MANDIR)/man$${f##*.}/$${f#man/}" || exit 1; \
	done

# What is committed, as it is committed.
dist:
	git archive --prefix=fdpass-$(VERSION)/ -o fdpass-$(VERSION).tar.gz HEAD

clean:
	rm -f $(LIB) $(CMD_OBJ) $(LIB_OBJ) $(CMD_OS) $(LIB_OS) \
		fdpass-$(VERSION).tar.gz
	for c in tests/tools/*.c tests/bench/*.c tests/mistakes/*.c; do \
		rm -f "$${c%.c}"; \
	done
	rm -rf bin static
