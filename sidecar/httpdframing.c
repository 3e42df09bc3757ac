#include "sidecar/httpdframing.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct framing {
	unsigned lengths, encodings;
	bool other_encoding, blank;
};

static enum MHD_Result note(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct framing *f = cls;

	(void)kind;
	if (strpbrk(name, " \t"))
		f->blank = true;
	if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0)
		f->lengths++;
	if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
		f->encodings++;
		f->other_encoding |= !value || strcasecmp(value, "chunked") != 0;
	}
	return MHD_YES;
}

const char *httpdframing_error(struct MHD_Connection *connection)
{
	struct framing f = {0};

	(void)MHD_get_connection_values(connection, MHD_HEADER_KIND, note, &f);
	if (f.blank)
		return "a blank in the name of a header\n";
	if (f.other_encoding)
		return "Transfer-Encoding: only chunked is understood\n";
	if (f.encodings && f.lengths)
		return "Content-Length beside Transfer-Encoding\n";
	if (f.lengths > 1)
		return "Content-Length more than once\n";
	if (f.encodings > 1)
		return "Transfer-Encoding more than once\n";
	return NULL;
}
