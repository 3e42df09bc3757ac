/* Any bytes as a kubeconfig: read, or refused with a reason. Files that it names are read only where
 * they happen to be there. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scaler/kubeconfig.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	int fd = memfd_create("kubeconfig", MFD_CLOEXEC);
	struct kubeconfig config = {0};
	struct err err = {0};
	char path[64];

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, bytes, len) == (ssize_t)len);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (kubeconfig_load(&config, &(struct kubeconfig_source){.path = path}, &err) == 0) {
		FUZZ_CHECK(config.server && *config.server && config.namespace && config.source);
		FUZZ_CHECK(!config.token || kubeconfig_is_token(config.token));
		FUZZ_CHECK(!config.ca.data || !config.ca_file);
		kubeconfig_release(&config);
	} else {
		FUZZ_CHECK(err.kind == ERR_CONFIG && *err.msg);
	}
	(void)close(fd);
	return 0;
}
