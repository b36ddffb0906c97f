# SPDX-License-Identifier: ISC
.POSIX:

# fdpass: commands that hand open descriptors from process to process.
#
#   make                 the commands, in bin/, and the library, in lib/
#   make static          the commands linked statically, in static/
#   make bash            recvfd, a builtin of bash; needs bash's headers
#   make test            the tests of what is promised
#   make test-all        with real programs and hostile ones as peers
#   make test-faults     the long trials
#   make fuzz            what foreign bytes reach, for a minute
#   make bench           rates compared with other tools
#   make check           linters and analyzers
#   make demo            the server-worker system, run and shown
#   make install         DESTDIR and PREFIX as usual; CMDDIR for the commands
#   make dist            a tar file of what is committed
#
# Set CC, CFLAGS, CPPFLAGS, LDFLAGS and LDLIBS on the command line; what the
# sources cannot be compiled without stays in force. After a change of flags:
# make clean.
#
# To add a command, a source file or a manual page: one line, or none. Headers,
# manual pages and the programs of the tests are found by their names.

VERSION = 0.1.0

# The commands, each of cmd/NAME.c.
CMD = \
	fdlisten \
	fdpeek \
	fdsend \
	fdrecv \
	fdecho \
	fdpipe \
	fdconnect \
	fdinfo

# What the commands are made of; a file that one command alone uses is called
# cmd/NAME-*.c. They are one archive, of which a command gets what it refers to.
LIB_OBJ = \
	cmd/fdlisten-loops.o \
	cmd/fdconnect-copy.o \
	cmd/fdconnect-part.o \
	cmd/fdconnect-show.o \
	cmd/fdpeek-protocol.o \
	lib/accept.o \
	lib/address.o \
	lib/child.o \
	lib/descriptors.o \
	lib/diag.o \
	lib/echo.o \
	lib/environ.o \
	lib/failure.o \
	lib/info.o \
	lib/landing.o \
	lib/loop.o \
	lib/names.o \
	lib/options.o \
	lib/output.o \
	lib/payload.o \
	lib/pool.o \
	lib/receive.o \
	lib/relay.o \
	lib/show.o \
	lib/source.o \
	lib/stream.o \
	lib/sys.o \
	lib/sysdiag.o \
	lib/text.o \
	lib/trace.o \
	lib/verdict.o \
	lib/wait.o

# The public library: the functions of its header, and whatever they need.
FDPASS_H = lib/fdpass.h
FDPASS_OBJ = \
	lib/fdpass/arrival.o \
	lib/fdpass/blocking.o \
	lib/fdpass/handover.o \
	lib/fdpass/invite.o \
	lib/fdpass/message.o \
	lib/fdpass/name.o \
	lib/fdpass/receiver.o
SONAME = libfdpass.so.0

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
CMDDIR = $(BINDIR)
LIBDIR = $(PREFIX)/lib
INCLUDEDIR = $(PREFIX)/include
MANDIR = $(PREFIX)/share/man
SHAREDIR = $(PREFIX)/share/fdpass
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions
LOADABLESDIR = $$(pkg-config --variable=loadablesdir bash)

CC = cc
CPPFLAGS =
CFLAGS = -O2
LDFLAGS =
LDLIBS =
OBJCOPY = objcopy
WARNINGS = -pedantic -Wall -Wextra -Wshadow -Wconversion
STATIC_CC = $$(command -v musl-gcc || echo $(CC))

# The library is shared, and linked in part: position independent, and no
# objects that wait for an optimizer at link time.
PIC = -fPIC -fno-lto
# No sections are left that the linker would join with those of others.
WHOLE = -Wl,--force-group-allocation

COMPILE = -std=c99 $(WARNINGS) -Ilib -Ilib/fdpass $(CPPFLAGS) $(CFLAGS)

# Where the commands go, and the suffix of their objects: the static build has
# its own, so that both live side by side.
B = bin
O = o

LIBFDPASS = lib/libfdpass.a lib/$(SONAME)
HDR != find cmd lib -name '*.h'
TOOL_SRC != find tests/tools tests/bench -name '*.c'

BIN = $(CMD:%=$B/%)
CMD_OBJ = $(CMD:%=cmd/%.$O)
ARCHIVE = lib/$B.a
ARCHIVE_OBJ = $(LIB_OBJ:.o=.$O) $(FDPASS_OBJ:.o=.$O)
TOOLS = $(TOOL_SRC:.c=)
BASH_LO = cmd/bash/recvfd.lo cmd/bash/variables.lo cmd/bash/waiting.lo
# One program that goes by these names.
PEER = bound client foreign knock paired

.SUFFIXES:
.SUFFIXES: .c .$O .lo

.PHONY: all commands static bash tools check test test-all test-faults fuzz \
	bench demo install uninstall dist clean

all: commands $(LIBFDPASS)

commands: $(BIN)

.c.$O:
	$(CC) $(COMPILE) $(PIC) -c -o $@ $<

# For the loadable builtin of bash. (Bash's headers are not written for these
# warnings.)
.c.lo:
	$(CC) $(COMPILE) $(PIC) -fvisibility=hidden \
		$$(pkg-config --cflags bash | sed 's/-I/-isystem /g') -c -o $@ $<

# Every object depends on every header: a build takes seconds, and no list of
# dependencies can be wrong.
$(CMD_OBJ) $(ARCHIVE_OBJ) $(BASH_LO): $(HDR) Makefile

$(ARCHIVE): $(ARCHIVE_OBJ)
	rm -f $@
	$(AR) rcs $@ $(ARCHIVE_OBJ)

$(BIN): $(CMD_OBJ) $(ARCHIVE)
	@mkdir -p $B
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ cmd/$(@F).$O $(ARCHIVE) $(LDLIBS)

# The sign is changed in musl's own CMSG_NXTHDR().
static:
	@cc="$(STATIC_CC)"; case $$cc in \
	*musl*) ;; \
	*) echo "make static: without musl, by $$cc and its libc" ;; \
	esac
	$(MAKE) B=static O=os CC="$(STATIC_CC)" PIC= \
		WARNINGS="$(WARNINGS) -Wno-sign-conversion" \
		LDFLAGS="-static $(LDFLAGS)" commands

# One object, which shows fdpass_* and nothing else to who links with it.
lib/libfdpass.o: $(FDPASS_OBJ) $(ARCHIVE)
	$(CC) $(CFLAGS) -r -nostdlib $(WHOLE) -o $@.new $(FDPASS_OBJ) \
		$(ARCHIVE)
	@if command -v $(OBJCOPY) >/dev/null; then \
		$(OBJCOPY) --wildcard --keep-global-symbol='fdpass_*' $@.new; \
	else \
		echo "there is no objcopy: libfdpass has more names than its own"; \
	fi
	mv $@.new $@

lib/libfdpass.a: lib/libfdpass.o
	rm -f $@
	$(AR) rcs $@ lib/libfdpass.o

lib/$(SONAME): lib/libfdpass.o
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -o $@ \
		lib/libfdpass.o $(LDLIBS)

bash:
	@pkg-config --exists bash 2>/dev/null || { \
		echo "bash's headers are missing (Debian: bash-builtins," \
		"pkg-config)" >&2; exit 1; }
	$(MAKE) cmd/bash/fdpass

# It shows its own name and nothing else: bash has functions called like ours.
cmd/bash/fdpass: $(BASH_LO) lib/libfdpass.a
	$(CC) $(CFLAGS) -shared $(LDFLAGS) -Wl,--exclude-libs,ALL -o $@ \
		$(BASH_LO) lib/libfdpass.a

# The C programs of the tests: each is one file and needs nothing but libc. One
# that runs is not written to.
.c:
	$(CC) $(COMPILE) $(LDFLAGS) -o $@.new $< $(LDLIBS) && mv $@.new $@

$(PEER:%=tests/tools/%): tests/tools/peer
	ln -sf peer $@

tools: $(TOOLS) $(PEER:%=tests/tools/%)

check: all
	tests/check

test: all tools
	tests/run

test-all: all tools
	tests/run tests

test-faults: all tools
	FDPASS_TRIALS=full tests/run tests/faults

fuzz:
	tests/fuzz/run

bench: all static tools
	tests/bench/run
	tests/bench/worlds
	tests/bench/routes
	tests/bench/shares

demo: all tools
	@tests/demo/run

# put FILE DIRECTORY MODE: install it.
PUT = put() { mkdir -p "$(DESTDIR)$$2" && rm -f "$(DESTDIR)$$2/$${1\#\#*/}" && \
	cp "$$1" "$(DESTDIR)$$2" && chmod $$3 "$(DESTDIR)$$2/$${1\#\#*/}"; }

install: all
	$(PUT); set -e; \
	for f in $(CMD); do put bin/$$f "$(CMDDIR)" 755; done; \
	put $(FDPASS_H) "$(INCLUDEDIR)" 644; \
	put lib/libfdpass.a "$(LIBDIR)" 644; \
	put lib/$(SONAME) "$(LIBDIR)" 755; \
	for f in man/*.[1-9]; do put $$f "$(MANDIR)/man$${f##*.}" 644; done; \
	for f in man/lessons/*.c; do put $$f "$(SHAREDIR)/lessons" 644; done; \
	put cmd/fdstep "$(SHAREDIR)" 755; \
	put cmd/completion/_fdpass "$(ZSHDIR)" 644; \
	put cmd/completion/fdpass.bash "$(BASHDIR)" 644
	cd "$(DESTDIR)$(BASHDIR)" && for f in $(CMD); do \
		rm -f $$f && cp fdpass.bash $$f || exit 1; \
	done && rm fdpass.bash
	$(PUT); test ! -f cmd/bash/fdpass || \
		put cmd/bash/fdpass "$(LOADABLESDIR)" 644
	if test -f cmd/fdpass; then \
		mkdir -p "$(DESTDIR)$(BINDIR)" && \
		sed 's,@CMDDIR@,$(CMDDIR),g' cmd/fdpass \
			>"$(DESTDIR)$(BINDIR)/fdpass" && \
		chmod 755 "$(DESTDIR)$(BINDIR)/fdpass"; \
	fi
	rm -f "$(DESTDIR)$(LIBDIR)/libfdpass.so"
	ln -s $(SONAME) "$(DESTDIR)$(LIBDIR)/libfdpass.so"
	mkdir -p "$(DESTDIR)$(LIBDIR)/pkgconfig"
	printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' \
		'includedir=$(INCLUDEDIR)' '' 'Name: fdpass' \
		'Description: pass open descriptors between processes' \
		'Version: $(VERSION)' 'Libs: -L$${libdir} -lfdpass' \
		'Cflags: -I$${includedir}' \
		>"$(DESTDIR)$(LIBDIR)/pkgconfig/fdpass.pc"
	chmod 644 "$(DESTDIR)$(LIBDIR)/pkgconfig/fdpass.pc"

uninstall:
	for f in $(CMD); do \
		rm -f "$(DESTDIR)$(CMDDIR)/$$f" "$(DESTDIR)$(BASHDIR)/$$f" || \
			exit 1; \
	done
	for f in man/*.[1-9]; do \
		rm -f "$(DESTDIR)$(MANDIR)/man$${f##*.}/$${f#man/}" || exit 1; \
	done
	for f in man/lessons/*.c; do \
		rm -f "$(DESTDIR)$(SHAREDIR)/lessons/$${f##*/}" || exit 1; \
	done
	test ! -f cmd/bash/fdpass || rm -f "$(DESTDIR)$(LOADABLESDIR)/fdpass"
	rm -f "$(DESTDIR)$(BINDIR)/fdpass" \
		"$(DESTDIR)$(SHAREDIR)/fdstep" \
		"$(DESTDIR)$(ZSHDIR)/_fdpass" \
		"$(DESTDIR)$(INCLUDEDIR)/fdpass.h" \
		"$(DESTDIR)$(LIBDIR)/libfdpass.a" \
		"$(DESTDIR)$(LIBDIR)/libfdpass.so" \
		"$(DESTDIR)$(LIBDIR)/$(SONAME)" \
		"$(DESTDIR)$(LIBDIR)/pkgconfig/fdpass.pc"
	-rmdir "$(DESTDIR)$(SHAREDIR)/lessons" "$(DESTDIR)$(SHAREDIR)"

# What is committed, as it is committed.
dist:
	git archive --prefix=fdpass-$(VERSION)/ -o fdpass-$(VERSION).tar.gz HEAD

clean:
	rm -f cmd/*.o cmd/*.os lib/*.o lib/*.os lib/fdpass/*.o lib/fdpass/*.os \
		lib/*.a lib/libfdpass.* lib/*.new cmd/bash/*.lo cmd/bash/fdpass \
		$(TOOLS) $(PEER:%=tests/tools/%) \
		fdpass-$(VERSION).tar.gz
	rm -rf bin static
