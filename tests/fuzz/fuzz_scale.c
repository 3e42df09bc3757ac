/* Any bytes as a Scale, a list of resources, and a Status: read, or refused with a reason; what was
 * read can be written. */
#include <string.h>

#include "scaler/kubejson.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *text = (const char *)bytes;
	struct kube_resource resource;
	struct kube_scale scale, again;
	struct err err = {0};
	char line[100];

	if (kubejson_scale_parse(text, len, &scale, &err) == 0) {
		char *body = kubejson_scale_body("n", "o", &scale, 7);

		FUZZ_CHECK(scale.spec_replicas >= 0 && scale.status_replicas >= 0);
		FUZZ_CHECK(*scale.resource_version);
		FUZZ_CHECK(kubejson_scale_parse(body, strlen(body), &again, &err) == 0);
		FUZZ_CHECK(again.spec_replicas == 7);
		FUZZ_CHECK(strcmp(again.resource_version, scale.resource_version) == 0);
		FUZZ_CHECK(strcmp(again.uid, scale.uid) == 0);
		free(body);
	} else {
		FUZZ_CHECK(err.kind == ERR_RETRY && *err.msg);
	}
	err = (struct err){0};
	if (kubejson_resource_find(text, len, "Deployment", &resource, &err) == 0)
		FUZZ_CHECK(*resource.plural);
	else
		FUZZ_CHECK(err.kind == ERR_RETRY || err.kind == ERR_ABSENT);
	kubejson_status_text(text, len, line, sizeof(line));
	for (const char *p = line; *p; p++)
		FUZZ_CHECK(*p >= ' ' && *p <= '~');
	return 0;
}
