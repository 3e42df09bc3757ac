/* Any bytes as a web configuration: read, or refused with a reason that names the file. PEM that is
 * inline goes on to GnuTLS; files that it names are not opened. */
#include <string.h>

#include "sidecar/httpdtls.h"
#include "sidecar/webconfig.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct webconfig c CLEANUP(webconfig_release) = {0};
	struct err err = {0};
	int rc = webconfig_parse(&c, "web.yml", (const char *)bytes, len, &err);

	FUZZ_CHECK((rc == 0) == (err.kind == ERR_NONE));
	if (rc != 0) {
		FUZZ_CHECK(strncmp(err.msg, "web.yml:", 8) == 0);
		return 0;
	}
	FUZZ_CHECK(!c.tls || ((c.cert.file || c.cert.text) && (c.key.file || c.key.text)));
	FUZZ_CHECK(c.min_version <= c.max_version);
	if (c.tls && !c.cert.file && !c.key.file && !c.client_ca.file) {
		struct httpdtls *t = httpdtls_new(&c, &err);

		FUZZ_CHECK(!t == (err.kind != ERR_NONE));
		httpdtls_free(t);
	}
	return 0;
}
