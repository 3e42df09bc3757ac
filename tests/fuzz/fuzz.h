/* What the fuzz targets share. `make fuzz` runs each with inputs that libFuzzer grows from the seeds
 * in tests/cases/fuzz/<target>. */
#ifndef HEXLAG_FUZZ_H
#define HEXLAG_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Called for each input. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A finding: libFuzzer keeps the input when the process aborts. */
#define FUZZ_CHECK(condition)                                                                  \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			(void)fprintf(                                                         \
				stderr, "%s:%d: false: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                               \
		}                                                                              \
	} while (0)

#endif
