# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# What the tests of HTTP servers load beside the helpers.

# start_requests NAME HOST:PORT: HTTP clients, four at a time, a connection for
# each request, until SIGTERM. Each answer that is new is a line of NAME.out; the
# last line counts what happened, and the status is 1 if anything failed.
start_requests()
{
	need python3
	cat >"$1.py" <<-'END'
	import collections, http.client, signal, sys, threading
	host, port = sys.argv[1].split(":")
	counts = collections.Counter()
	seen = set()
	ending = threading.Event()

	def request():
	    connection = http.client.HTTPConnection(host, int(port), timeout=20)
	    connection.request("GET", "/")
	    response = connection.getresponse()
	    text = response.read().decode().strip()
	    connection.close()
	    assert response.status == 200
	    if text not in seen:
	        seen.add(text)
	        print(text, flush=True)

	def work():
	    while not ending.wait(0.01):
	        try:
	            request()
	            counts["ok"] += 1
	        except Exception as e:
	            counts[type(e).__name__] += 1

	signal.signal(signal.SIGTERM, lambda *_: ending.set())
	threads = [threading.Thread(target=work) for _ in range(4)]
	for t in threads:
	    t.start()
	for t in threads:
	    t.join()
	print(*("%s=%d" % item for item in counts.items()))
	sys.exit(set(counts) != {"ok"})
	END
	start "$1" python3 "$1.py" "$2"
}
