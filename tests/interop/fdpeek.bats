# SPDX-License-Identifier: ISC
# fdpeek knows real clients: openssl, curl, ssh, browsers, HAProxy; and they never
# learn that somebody looked.

# $1 and the variables are for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

hellos=$top_dir/tests/interop/hello

# What is found is noted in the file log.
note='echo "$FDPEEK_PROTOCOL;$FDPEEK_HOST;$FDPEEK_LINE" >>log'

# serve COMMAND: fdpeek, and COMMAND of sh after the note; its port in $port.
serve()
{
	start server fdlisten -k -o address 127.0.0.1:0 \
		fdpeek -t 20 sh -c "$note; $1"
	address=$(address_of address)
	port=${address##*:}
}

# noted LINE: whether the last note is this.
noted()
{
	same "$(tail -n 1 log)" "$1"
}

# A worker that speaks TLS on the connection which it has as standard input.
tls_worker()
{
	need openssl python3
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -subj /CN=example.org -days 1 \
		-keyout key.pem -out cert.pem 2>/dev/null
	cat >worker.py <<-'END'
	import socket, ssl
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain("cert.pem", "key.pem")
	context.set_alpn_protocols(["http/1.1"])
	s = context.wrap_socket(socket.socket(fileno=0), server_side=True)
	s.recv(65536)
	body = b"hello over " + s.version().encode() + b"\n"
	s.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
		+ body)
	s.close()
	END
}

# ask OPTION...: one request by openssl s_client.
ask()
{
	printf 'GET / HTTP/1.0\r\n\r\n' |
		limited openssl s_client -connect "$address" -ign_eof "$@" \
			2>/dev/null | tr -d '\r' | grep '^hello'
}

@test "openssl s_client with a server name, in TLS 1.3 and 1.2" {
	tls_worker
	serve 'exec python3 worker.py'
	same "$(ask -servername WWW.Example.org)" "hello over TLSv1.3"
	noted "tls;www.example.org;"
	same "$(ask -servername a-b.example.org -tls1_2)" "hello over TLSv1.2"
	noted "tls;a-b.example.org;"
	stop server
}

@test "openssl s_client without a server name" {
	tls_worker
	serve 'exec python3 worker.py'
	same "$(ask -noservername)" "hello over TLSv1.3"
	noted "tls;;"
	stop server
}

@test "openssl s_client, a hello larger than one record" {
	local names

	tls_worker
	# A list of protocols that makes it long; records of 512 bytes.
	names=$(printf ',protocol-number-%03d' {1..100})
	serve 'exec python3 worker.py'
	same "$(ask -servername www.example.org -max_send_frag 512 \
		-alpn "http/1.1$names")" "hello over TLSv1.3"
	noted "tls;www.example.org;"
	stop server
}

@test "openssl s_client resumes a session" {
	tls_worker
	serve 'exec python3 worker.py'
	ask -servername www.example.org -tls1_2 -sess_out session
	ask -servername www.example.org -tls1_2 -sess_in session
	noted "tls;www.example.org;"
	stop server
}

@test "curl over https offers HTTP/2" {
	need curl
	tls_worker
	serve 'exec python3 worker.py'
	same "$(limited curl -sk --http2 --noproxy '*' \
		--resolve "www.example.org:$port:127.0.0.1" \
		"https://www.example.org:$port/")" "hello over TLSv1.3"
	noted "tls;www.example.org;"
	# An address is no server name.
	same "$(limited curl -sk --noproxy '*' "https://127.0.0.1:$port/")" \
		"hello over TLSv1.3"
	noted "tls;;"
	stop server
}

# A worker that answers one request over http.
answer='while read -r line && [ "$line" != "$(printf "\r")" ]; do :; done
	printf "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"; exec cat >/dev/null'

@test "curl over http" {
	need curl
	serve "$answer"
	same "$(limited curl -s --noproxy '*' \
		--resolve "www.example.org:$port:127.0.0.1" \
		"http://www.example.org:$port/a?b=c")" hello
	noted "http;www.example.org;GET /a?b=c HTTP/1.1"
	# It offers to go on in HTTP/2.
	same "$(limited curl -s --http2 --noproxy '*' "http://$address/")" hello
	noted "http;127.0.0.1;GET / HTTP/1.1"
	# As through a proxy.
	same "$(limited curl -s --proxy "http://$address" \
		http://www.example.org/)" hello
	noted "http;www.example.org;GET http://www.example.org/ HTTP/1.1"
	stop server
}

@test "curl that begins with HTTP/2" {
	need curl
	limited curl --version | grep -q HTTP2 || skip "curl without HTTP/2"
	serve 'exit'
	run_limited curl -s --http2-prior-knowledge --noproxy '*' \
		"http://$address/"
	noted "http;;PRI * HTTP/2.0"
	stop server
}

@test "ssh" {
	need ssh
	serve 'exit'
	run_limited ssh -F none -o BatchMode=yes -p "$port" 127.0.0.1 true
	like "$(tail -n 1 log)" "ssh;;SSH-2.0-OpenSSH*"
	stop server
}

@test "the hellos of two browsers, at once and a byte at a time" {
	local browser

	serve 'exec cat'
	for browser in chromium firefox; do
		: >log
		limited speak "$address" <"$hellos/$browser" >back
		cmp "$hellos/$browser" back
		noted "tls;www.example.org;"
		: >log
		limited speak -b 1 "$address" <"$hellos/$browser" >back
		cmp "$hellos/$browser" back
		noted "tls;www.example.org;"
	done
	stop server
}

# haproxy_to OPTION: HAProxy in front, which says who its client is; where it
# listens is in $front.
haproxy_to()
{
	need haproxy
	start picker fdlisten -o picked 127.88.0.2:0 true
	front=$(address_of picked)
	stop picker
	cat >haproxy.cfg <<-END
	global
	    maxconn 100
	defaults
	    mode tcp
	    timeout connect 5s
	    timeout client 5s
	    timeout server 5s
	listen one
	    bind $front
	    server two $address $1
	END
	start haproxy haproxy -db -f haproxy.cfg
}

@test "HAProxy with send-proxy" {
	serve 'exec cat'
	haproxy_to send-proxy
	like "$(echo hello | limited fdconnect -w "$front")" \
		$'PROXY TCP4 * 127.88.0.2 * '"${front##*:}"$'\r\nhello'
	like "$(tail -n 1 log)" "proxy;;PROXY TCP4 * 127.88.0.2 * ${front##*:}"
	stop haproxy
	stop server
}

@test "HAProxy with send-proxy-v2" {
	serve 'exec cat'
	haproxy_to send-proxy-v2
	echo hello | limited fdconnect -w "$front" >back
	noted "proxy;;"
	same "$(tail -n 1 back | tail -c 6)" hello
	same "$(head -c 12 back | od -An -tx1 | tr -d ' \n')" \
		0d0a0d0a000d0a515549540a
	stop haproxy
	stop server
}
