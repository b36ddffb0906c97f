/* SPDX-License-Identifier: ISC */
/*
 * Names of UNIX sockets: what is a name becomes an address, and that address
 * the same name again.
 */
#include "fdpass/name.h"
#include "address.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = string_of(data, size), again[ADDRESS_TEXT];
	struct sockaddr_un sun;
	socklen_t length = 0;
	struct failure f;
	size_t header = offsetof(struct sockaddr_un, sun_path);

	if (name_address(name, &sun, &length, &f) == -1) {
		must(f.error != 0 && f.reason[0] != '\0');
		free(name);
		return 0;
	}
	must(length > header && length <= sizeof sun);
	must(sun.sun_family == AF_UNIX);
	must(name[0] == '@' || memchr(sun.sun_path, '\0', length - header));
	address_operand(
	    again, sizeof again, (const struct sockaddr *)&sun, length);
	/* A bare word is a path in the working directory. */
	if (name[0] != '@' && strchr(name, '/') == NULL)
		must(strncmp(again, "./", 2) == 0 &&
		    strcmp(again + 2, name) == 0);
	else
		must(strcmp(again, name) == 0);
	free(name);
	return 0;
}
