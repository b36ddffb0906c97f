# SPDX-License-Identifier: ISC
# Servers in other languages that take over a listening socket.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

# get ADDRESS: the last line of what a request is answered.
get()
{
	printf 'GET / HTTP/1.0\r\n\r\n' | limited fdconnect -w "$1" | tail -n 1
}

@test "nginx takes over a socket by its variable NGINX" {
	need nginx
	cat >nginx.in <<-'END'
	pid nginx.pid;
	error_log stderr;
	daemon off;
	worker_processes 1;
	events { }
	http {
	    access_log off;
	    client_body_temp_path body;
	    proxy_temp_path proxy;
	    fastcgi_temp_path fastcgi;
	    uwsgi_temp_path uwsgi;
	    scgi_temp_path scgi;
	    server { listen ADDRESS; location / { return 200 "hello\n"; } }
	}
	END
	[ "$(id -u)" != 0 ] || echo "user root;" >>nginx.in
	start nginx fdlisten -l -o address 127.0.0.1:0 sh -c '
		sed "s/ADDRESS/$(cat address)/" nginx.in >nginx.conf
		NGINX="3;" exec nginx -e stderr -p "$PWD/" -c nginx.conf'
	same "$(get "$(address_of address)")" hello
	same "$(get "$(address_of address)")" hello
	stop nginx
	grep -q 'inherited sockets from "3;"' nginx.err
}

app()
{
	cat >app.py <<-'END'
	def wsgi(environ, start):
	    start("200 OK", [("Content-Type", "text/plain")])
	    return [b"hello\n"]
	async def asgi(scope, receive, send):
	    await send({"type": "http.response.start", "status": 200,
	                "headers": []})
	    await send({"type": "http.response.body", "body": b"hello\n"})
	END
	export PYTHONDONTWRITEBYTECODE=1
}

@test "gunicorn takes over a socket by LISTEN_FDS" {
	need gunicorn
	app
	start gunicorn fdlisten -l -o address 127.0.0.1:0 \
		gunicorn --worker-tmp-dir . app:wsgi
	same "$(get "$(address_of address)")" hello
	stop gunicorn
}

@test "uvicorn takes over a socket by its number" {
	need uvicorn
	app
	start uvicorn fdlisten -l -o address 127.0.0.1:0 \
		uvicorn --lifespan off --fd 3 app:asgi
	same "$(get "$(address_of address)")" hello
	stop uvicorn
}

@test "Xvfb takes over a socket by LISTEN_FDS" {
	need Xvfb
	need_linux
	start xvfb fdlisten -l ./x Xvfb ":$((1000 + BASHPID % 60000))" -nolock
	up ./x
	# The first byte of its answer to a client is 1: you are welcome.
	printf 'l\0\013\0\0\0\0\0\0\0\0\0' | limited fdconnect -N ./x |
		limited head -c 1 >answer
	same "$(od -An -tu1 answer | tr -d ' ')" 1
	stop xvfb
	rm -f x
}

@test "Go: net.FileListener" {
	need go
	cat >server.go <<-'END'
	package main

	import (
		"net"
		"os"
	)

	func main() {
		l, err := net.FileListener(os.NewFile(3, "listener"))
		if err != nil {
			panic(err)
		}
		for {
			c, err := l.Accept()
			if err != nil {
				panic(err)
			}
			c.Write([]byte("hello\n"))
			c.Close()
		}
	}
	END
	env -u FDPASS_TEST GOCACHE="$PWD/cache" HOME="$PWD" GO111MODULE=off \
		timeout 170 go build -o server server.go
	start server fdlisten -l -o address 127.0.0.1:0 ./server
	same "$(get "$(address_of address)")" hello
	stop server
	chmod -R u+w cache
	rm -rf cache
}
