# SPDX-License-Identifier: ISC
# D-Bus: two programs exchange a descriptor over a bus that they reach through
# fdconnect.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	common_setup
	need dbus-daemon
	# The distribution's Python has the module, another may not.
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import dbus, gi.repository.GLib' 2>/dev/null &&
			return
	done
	skip "the dbus module of Python is not installed"
}

@test "D-Bus programs exchange a descriptor through fdconnect" {
	cat >service.py <<-'END'
	import dbus.bus, dbus.service, os, sys
	from dbus.mainloop.glib import DBusGMainLoop
	from gi.repository import GLib
	bus = dbus.bus.BusConnection(sys.argv[1], mainloop=DBusGMainLoop())
	class Keeper(dbus.service.Object):
	    @dbus.service.method("org.example.Keeper", "h", "h")
	    def Exchange(self, fd):
	        print(os.read(fd.take(), 100).decode(), flush=True)
	        return dbus.types.UnixFd(os.open("reply", os.O_RDONLY))
	Keeper(bus, "/keeper")
	bus.request_name("org.example.Keeper")
	GLib.MainLoop().run()
	END
	cat >client.py <<-'END'
	import dbus.bus, os, sys
	bus = dbus.bus.BusConnection(sys.argv[1])
	keeper = bus.get_object("org.example.Keeper", "/keeper")
	fd = keeper.Exchange(dbus.types.UnixFd(os.open("request", os.O_RDONLY)),
	                     dbus_interface="org.example.Keeper")
	print(os.read(fd.take(), 100).decode())
	END
	cat >bus.conf <<-END
	<busconfig>
	  <listen>unix:path=$PWD/real</listen>
	  <auth>EXTERNAL</auth>
	  <policy context="default">
	    <allow user="*"/><allow own="*"/>
	    <allow send_destination="*"/><allow receive_sender="*"/>
	  </policy>
	</busconfig>
	END
	echo question >request
	echo answer >reply
	start bus dbus-daemon --config-file=bus.conf --nofork
	start tap fdlisten -k ./front fdconnect -vw ./real
	up ./front
	start service "$python" service.py "unix:path=$PWD/front"
	run_limited "$python" - <<-END
	import dbus.bus, time
	bus = dbus.bus.BusConnection("unix:path=$PWD/front")
	while not bus.name_has_owner("org.example.Keeper"):
	    time.sleep(0.02)
	END
	is_status 0
	same "$(limited "$python" client.py "unix:path=$PWD/front")" answer
	wait_for grep -qx question service.out
	stop service
	stop tap
	stop bus
	rm -f real
	# There through the tap, and again to the service; so is the answer.
	has 2 grep "^C.*: > *0 file r " tap.err
	has 2 grep "^C.*: < *0 file r " tap.err
}
