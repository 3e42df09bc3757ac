/* A pthread_create() that can be made to fail. To be included by one file of a program. */
#ifndef HEXLAG_NOTHREADS_H
#define HEXLAG_NOTHREADS_H

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

static atomic_bool no_threads; /* while it is set there are none to be had */

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr,
	void *(*body)(void *), void *restrict arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (no_threads)
		return EAGAIN;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return real(thread, attr, body, arg);
}

#endif
