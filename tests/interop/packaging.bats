# SPDX-License-Identifier: ISC
# What a packager does: make dist, a build as an ordinary user without network,
# the same bytes twice, a Debian package beside another one with an fdsend.

# shellcheck disable=SC2030,SC2031

load ../lib/helpers

setup()
{
	common_setup
	case ${FDPASS_VARIANT-default} in
	default) ;;
	*) skip "the same for every build" ;;
	esac
	need git make cc
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	unset MAKEFLAGS MAKELEVEL
	# Where another user can build.
	open=$(mktemp -d /tmp/fdpass.XXXXXX)
	chmod 755 "$open"
}

# quietly COMMAND...: its output is shown if it fails. (It has its time from
# bats: on a busy machine a build takes longer than LIMIT.)
quietly()
{
	local status=0

	"$@" >"$open/log" 2>&1 3>&- 4>&- || status=$?
	[ "$status" -eq 0 ] || tail -n 40 "$open/log"
	return "$status"
}

# repository DIRECTORY: with the files of this tree that git does not ignore, as
# one commit of a certain date.
repository()
{
	local -x GIT_AUTHOR_DATE='2026-01-01 00:00:00 +0000'
	local -x GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE

	quietly git init -q "$1"
	quietly git --git-dir="$1/.git" --work-tree="$top_dir" add -A
	quietly git -C "$1" -c user.name=x -c user.email=x@example.org \
		commit -q -m x
	quietly git -C "$1" reset -q --hard
}

# unpacked DIRECTORY: what make dist makes, into it; to be entered by all.
unpacked()
{
	if [ ! -d "$open/repository" ]; then
		repository "$open/repository"
		quietly make -C "$open/repository" dist
	fi
	mkdir -p "$1"
	tar -xzf "$open"/repository/fdpass-*.tar.gz --strip-components=1 -C "$1"
}

# ordinary COMMAND...: as an ordinary user, who owns what is in $open/theirs,
# and with no network where that can be arranged.
ordinary()
{
	local -a as=() apart=()

	if [ "$(id -u)" -eq 0 ]; then
		chown -R 65534:65534 "$open/theirs"
		as=(setpriv --reuid 65534 --regid 65534 --clear-groups --)
		! unshare -n true 2>/dev/null || apart=(unshare -n)
	fi
	quietly "${apart[@]}" "${as[@]}" env HOME=/nonexistent TMPDIR=/tmp \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# listing DIRECTORY: each file's mode, checksum and name.
listing()
{
	(
		cd "$1" || exit
		find . -printf '%M %l %p\n' | LC_ALL=C sort -k 3
		find . -type f -exec sha256sum {} + | sort
	)
}

@test "make dist: the same bytes wherever, whenever and by whomever" {
	repository "$open/a"
	quietly make -C "$open/a" dist
	quietly git clone -q "$open/a" "$open/another-place"
	(
		umask 077
		cd "$open/another-place"
		git config core.autocrlf true
		git config tar.umask 0777
		quietly make dist
	)
	cmp "$open"/a/fdpass-*.tar.gz "$open"/another-place/fdpass-*.tar.gz
	same "$(tar -tzf "$open"/a/fdpass-*.tar.gz | sed 's,^[^/]*/,,; /\/$/d' |
		sed '/^$/d' | sort)" "$(git -C "$open/a" ls-files | sort)"
}

@test "two builds of the tar file install the same bytes, and can be undone" {
	local where

	unpacked "$open/theirs"
	unpacked "$open/another-place"
	ordinary make -j2 -C "$open/theirs" all
	(
		umask 077
		quietly make -j2 -C "$open/another-place" all
	)
	for where in /usr/bin /usr/lib/fdpass/bin; do
		mkdir "$open/theirs/out"
		ordinary make -C "$open/theirs" install CMDDIR="$where" \
			PREFIX=/usr DESTDIR="$open/theirs/out"
		(
			umask 077
			mkdir -m 755 "$open/out"
			quietly make -C "$open/another-place" install \
				CMDDIR="$where" PREFIX=/usr DESTDIR="$open/out"
		)
		listing "$open/out" >first
		listing "$open/theirs/out" >second
		diff first second
		# Once more, over what is there.
		ordinary make -C "$open/theirs" install CMDDIR="$where" \
			PREFIX=/usr DESTDIR="$open/theirs/out"
		listing "$open/theirs/out" >second
		diff first second
		not grep -rl -e "$open" "$open/out"
		ordinary make -C "$open/theirs" uninstall CMDDIR="$where" \
			PREFIX=/usr DESTDIR="$open/theirs/out"
		same "$(find "$open/theirs/out" ! -type d)" ""
		same "$(find "$open/theirs/out" -name '*fdpass*')" ""
		rm -r "$open/out" "$open/theirs/out"
	done
}

# debian: a minimal debian/ for the tree in this directory.
debian()
{
	mkdir -p debian/source
	echo '3.0 (native)' >debian/source/format
	cat >debian/changelog <<-'EOT'
	fdpass (0.1.0) unstable; urgency=low

	  * Packaged by a test.

	 -- Nobody <nobody@example.org>  Thu, 01 Jan 2026 00:00:00 +0000
	EOT
	cat >debian/control <<-'EOT'
	Source: fdpass
	Section: net
	Priority: optional
	Maintainer: Nobody <nobody@example.org>
	Standards-Version: 4.6.2
	Rules-Requires-Root: no

	Package: fdpass
	Architecture: any
	Description: hand open descriptors from process to process
	 Commands out of the way of others, found by fdpass.
	EOT
	# (With tabs, which <<- would take away.)
	cat >debian/rules <<'EOT'
#!/usr/bin/make -f
clean:
	$(MAKE) clean
	rm -rf debian/fdpass debian/files
build build-arch:
	$(MAKE) all CFLAGS="$$(dpkg-buildflags --get CFLAGS)" \
		LDFLAGS="$$(dpkg-buildflags --get LDFLAGS)"
build-indep:
binary-indep:
binary binary-arch: build
	$(MAKE) install DESTDIR=$(CURDIR)/debian/fdpass PREFIX=/usr \
		CMDDIR=/usr/lib/fdpass/bin \
		CFLAGS="$$(dpkg-buildflags --get CFLAGS)" \
		LDFLAGS="$$(dpkg-buildflags --get LDFLAGS)"
	mkdir debian/fdpass/DEBIAN
	dpkg-gencontrol -pfdpass -Pdebian/fdpass
	dpkg-deb --root-owner-group --build debian/fdpass ..
EOT
	chmod 755 debian/rules
}

# another_package NAME DIRECTORY: of the files in DIRECTORY.
another_package()
{
	mkdir "$2/DEBIAN"
	printf '%s\n' "Package: $1" 'Version: 1' 'Architecture: all' \
		'Maintainer: Nobody <nobody@example.org>' \
		'Description: a stand-in' >"$2/DEBIAN/control"
	quietly dpkg-deb --root-owner-group --build "$2" "$open/$1.deb"
}

# util_linux: stand-ins for its fdsend and fdrecv, with all they may bring.
util_linux()
{
	local name dir=$open/util-linux

	mkdir -p "$dir/usr/bin" "$dir/usr/share/man/man1" \
		"$dir/usr/share/bash-completion/completions" \
		"$dir/usr/share/zsh/site-functions"
	for name in fdsend fdrecv; do
		printf '#!/bin/sh\necho theirs: %s\n' "$name" \
			>"$dir/usr/bin/$name"
		chmod 755 "$dir/usr/bin/$name"
		: >"$dir/usr/share/man/man1/$name.1"
		: >"$dir/usr/share/bash-completion/completions/$name"
		: >"$dir/usr/share/zsh/site-functions/_$name"
	done
	another_package util-linux-fd "$dir"
}

# fresh_root PROGRAM...: an empty root in $root, for dpkg, with these programs
# and what they are linked with. Sets the array $as_root.
fresh_root()
{
	local program

	as_root=()
	[ "$(id -u)" -eq 0 ] || as_root=(unshare -r)
	"${as_root[@]}" chroot / true 2>/dev/null ||
		skip "not root, and no user namespaces"
	root=$open/root
	mkdir -p "$root"/var/lib/dpkg/info "$root"/var/lib/dpkg/updates \
		"$root/bin" "$root/dev" "$root/tmp"
	: >"$root/var/lib/dpkg/status"
	: >"$root/var/lib/dpkg/available"
	: >"$root/dev/null"
	for program; do
		cp -L "$(type -P "$program")" "$root/bin/$program"
		ldd "$(type -P "$program")"
	done | grep -oE '/[^ ]+ \(' | tr -d ' (' | sort -u >libraries
	while read -r program; do
		mkdir -p "$root${program%/*}"
		cp -L "$program" "$root$program"
	done <libraries
}

install_package()
{
	PATH=$PATH:/usr/sbin:/sbin quietly "${as_root[@]}" \
		dpkg --root="$root" --force-bad-path -i "$@"
}

# inside COMMAND...: in that root, as its user finds it.
inside()
{
	limited "${as_root[@]}" chroot "$root" /bin/env -i PATH=/usr/bin:/bin "$@"
}

@test "a Debian package is installed beside util-linux's fdsend and fdrecv" {
	need dpkg dpkg-deb dpkg-buildpackage dpkg-gencontrol ldd
	unpacked "$open/theirs/fdpass"
	(cd "$open/theirs/fdpass" && debian)
	ordinary sh -c "cd $open/theirs/fdpass && dpkg-buildpackage -b -us -uc -d"
	dpkg-deb --contents "$open"/theirs/fdpass_*.deb >contents
	not grep -v ' root/root ' contents
	util_linux
	fresh_root sh env cat
	install_package "$open/util-linux-fd.deb"
	install_package "$open"/theirs/fdpass_*.deb
	like "$(inside fdpass fdsend --version)" "fdsend (fdpass) *"
	like "$(inside fdpass sh -c 'fdrecv --version')" "fdrecv (fdpass) *"
	same "$(inside fdsend)" "theirs: fdsend"
	same "$(inside sh -c 'fdrecv')" "theirs: fdrecv"
	echo hello >"$root/file"
	same "$(inside sh -c 'fdpass fdrecv /tmp/s cat &
		fdpass fdsend -w /tmp/s </file
		wait')" hello
	# The same package as ours is by itself does clash.
	quietly make -C "$open/theirs/fdpass" install DESTDIR="$open/by-itself" \
		PREFIX=/usr
	another_package fdpass-by-itself "$open/by-itself"
	not install_package "$open/fdpass-by-itself.deb"
	grep -q "trying to overwrite" "$open/log"
	PATH=$PATH:/usr/sbin:/sbin quietly "${as_root[@]}" \
		dpkg --root="$root" --force-bad-path -r fdpass
	not test -e "$root/usr/lib/fdpass"
	same "$(inside fdsend)" "theirs: fdsend"
}
