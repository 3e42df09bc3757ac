/* The clocks. Only loops and the top level read them; pure modules take `now` as an argument.
 * Thread: any. */
#ifndef HEXLAG_CLOCK_H
#define HEXLAG_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t clock_mono_ms(void); /* milliseconds since an arbitrary point; never steps back */
int64_t clock_mono_us(void); /* the same in microseconds */
int64_t clock_boot_ms(void); /* clock_mono_ms() that goes on while the machine sleeps */
int64_t clock_wall_ms(void); /* milliseconds since 1970-01-01T00:00:00Z */
int64_t clock_wall_us(void); /* the same in microseconds */
int64_t clock_cpu_us(void);  /* CPU time this process has used */

struct timespec clock_timespec(int64_t ms); /* of any of them */

#endif
