#include "tests/mock/apiserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/attr.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/monocond.h"
#include "common/strbuf.h"
#include "tests/mock/apifault.h"
#include "tests/mock/apistate.h"

/* One whole request in a connection's buffer. */
struct request {
	char method[16], path[512], query[512]; /* path without the query */
	const char *head, *body;
	size_t head_len, body_len;
};

/* The value of a header in `head`, "" where absent. */
static void header_value(const char *head, size_t len, const char *name, char *to, size_t size)
{
	size_t name_len = strlen(name);
	const char *end = head + len;

	*to = '\0';
	for (const char *p = head; p && p < end; p = memchr(p, '\n', (size_t)(end - p))) {
		p += *p == '\n';
		if ((size_t)(end - p) <= name_len || strncasecmp(p, name, name_len) != 0 ||
			p[name_len] != ':')
			continue;
		p += name_len + 1;
		p += strspn(p, " ");
		(void)snprintf(to, size, "%.*s", (int)strcspn(p, "\r\n"), p);
		return;
	}
}

/* Whether a whole request is in the buffer, and where its parts are. */
static bool parse_request(const struct strbuf *in, struct request *r)
{
	const char *text = strbuf_str(in), *end = strstr(text, "\r\n\r\n");
	char length[32];

	if (!end)
		return false;
	r->head = text;
	r->head_len = (size_t)(end - text) + 4;
	r->body = text + r->head_len;
	header_value(text, r->head_len, "Content-Length", length, sizeof(length));
	r->body_len = strtoul(length, NULL, 10);
	if (in->len < r->head_len + r->body_len)
		return false;
	r->query[0] = '\0';
	if (sscanf(text, "%15s %511[^ ?]?%511[^ ]", r->method, r->path, r->query) < 2)
		abort();
	return true;
}

static bool take_fault(
	struct apiserver *s, const struct request *r, struct apiserver_fault *ret_fault)
{
	for (size_t i = 0; i < s->fault_count; i++) {
		struct apiserver_fault *f = &s->faults[i];

		if (!f->times || (f->method && strcmp(f->method, r->method) != 0) ||
			(f->path_has && !strstr(r->path, f->path_has)))
			continue;
		f->times--;
		*ret_fault = *f;
		return true;
	}
	return false;
}

/* Returns whether the connection is a watch now. */
static bool serve(struct apiserver *s, int fd, const struct request *r)
{
	char auth[256],
		*want CLEANUP(mem_free_at) = mem_printf("Bearer %s", s->token ? s->token : "");
	struct strbuf body CLEANUP(strbuf_release) = STRBUF_INIT;
	int status;

	header_value(r->head, r->head_len, "Authorization", auth, sizeof(auth));
	if (s->token && strcmp(auth, want) != 0)
		status = apiobjects_status(&body, 401, "Unauthorized", "Unauthorized");
	else if (s->watch.path && strcmp(s->watch.path, r->path) == 0 && r->method[0] == 'G')
		status = apiwatch_serve(&s->watch, fd, r->query, s->objects.version, &body);
	else if (apileases_own(r->path))
		status = apileases_serve(
			&s->leases, r->method, r->path, r->body, r->body_len, &body);
	else if (apistate_accept(s, r->method, r->path, r->body, r->body_len)) {
		status = 201;
		strbuf_add(&body, r->body, r->body_len);
	} else
		status = apiobjects_serve(
			&s->objects, r->method, r->path, r->body, r->body_len, &body);
	if (status)
		apifault_answer(
			fd, status, "Content-Type: application/json\r\n", strbuf_str(&body));
	return !status;
}

static unsigned *counter(struct apiserver *s, const char *method)
{
	if (strcmp(method, "GET") == 0)
		return &s->gets;
	return strcmp(method, "PUT") == 0 ? &s->puts : &s->others;
}

/* Answers one request. Returns whether the connection stays open. */
static bool handle(struct apiserver *s, struct connection *c, const struct request *r)
{
	struct apiserver_fault fault;
	bool faulty, watching = false, open = true;

	pthread_mutex_lock(&s->lock);
	free(s->last);
	s->last = mem_strndup(r->head, r->head_len + r->body_len);
	s->last_head = r->head_len;
	++*counter(s, r->method);
	pthread_cond_broadcast(&s->counted);
	faulty = take_fault(s, r, &fault);
	if (!faulty)
		watching = serve(s, c->fd, r);
	else if (fault.kind == APISERVER_SWALLOW)
		(void)serve(s, -1, r);
	pthread_mutex_unlock(&s->lock);
	/* Without the lock: the client may read slowly. */
	if (faulty)
		open = apifault_commit(c->fd, &fault);
	c->hung = watching ||
		  (faulty && (fault.kind == APISERVER_HANG || fault.kind == APISERVER_SWALLOW));
	return open;
}

static void connection_close(struct apiserver *s, struct connection *c)
{
	pthread_mutex_lock(&s->lock);
	apiwatch_closed(&s->watch, c->fd);
	pthread_mutex_unlock(&s->lock);
	(void)close(c->fd);
	strbuf_release(&c->in);
	c->fd = -1;
	c->hung = false;
}

static void connection_read(struct apiserver *s, struct connection *c)
{
	struct request r;
	char part[4096];
	ssize_t n = recv(c->fd, part, sizeof(part), 0);

	if (n <= 0) {
		connection_close(s, c);
		return;
	}
	strbuf_add(&c->in, part, (size_t)n);
	if (c->hung || !parse_request(&c->in, &r))
		return;
	if (!handle(s, c, &r))
		connection_close(s, c);
	strbuf_release(&c->in); /* clients of ours never send the next request early */
}

static void accept_one(struct apiserver *s)
{
	struct timeval patience = {5, 0};
	int fd = accept(s->listener, NULL, NULL);

	pthread_mutex_lock(&s->lock);
	s->accepted++;
	pthread_mutex_unlock(&s->lock);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (s->connections[i].fd < 0) {
			s->connections[i].fd = fd;
			return;
		}
	}
	(void)close(fd);
}

static void *serve_thread(void *ctx)
{
	struct apiserver *s = ctx;
	struct pollfd fds[2 + CONNECTIONS_MAX];

	for (;;) {
		fds[0] = (struct pollfd){.fd = s->wake[0], .events = POLLIN};
		fds[1] = (struct pollfd){.fd = s->listener, .events = POLLIN};
		for (size_t i = 0; i < CONNECTIONS_MAX; i++)
			fds[2 + i] = (struct pollfd){s->connections[i].fd, POLLIN, 0};
		if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
			abort();
		if (fds[0].revents)
			return NULL;
		for (size_t i = 0; i < CONNECTIONS_MAX; i++)
			if (s->connections[i].fd >= 0 && fds[2 + i].revents)
				connection_read(s, &s->connections[i]);
		if (fds[1].revents)
			accept_one(s);
	}
}

struct apiserver *apiserver_start(unsigned port)
{
	struct apiserver *s = mem_zalloc(1, sizeof(*s));
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int on = 1;

	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		s->connections[i].fd = -1;
	s->objects.version = 1000;
	pthread_mutex_init(&s->lock, NULL);
	monocond_init(&s->counted);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s->listener, (struct sockaddr *)&address, len) != 0 ||
		listen(s->listener, CONNECTIONS_MAX) != 0 ||
		getsockname(s->listener, (struct sockaddr *)&address, &len) != 0 ||
		pipe(s->wake) != 0) {
		perror("apiserver");
		abort();
	}
	s->port = ntohs(address.sin_port);
	(void)snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u", s->port);
	if (pthread_create(&s->thread, NULL, serve_thread, s) != 0)
		abort();
	return s;
}

void apiserver_stop(struct apiserver *s)
{
	if (!s)
		return;
	if (write(s->wake[1], "", 1) != 1)
		abort();
	pthread_join(s->thread, NULL);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (s->connections[i].fd >= 0)
			connection_close(s, &s->connections[i]);
	apiobjects_release(&s->objects);
	apiwatch_release(&s->watch);
	apileases_release(&s->leases);
	for (size_t i = 0; i < s->taken_count; i++)
		free(s->taken[i]);
	free(s->taken);
	free(s->accepting);
	(void)close(s->listener);
	(void)close(s->wake[0]);
	(void)close(s->wake[1]);
	free(s->faults);
	free(s->last);
	pthread_cond_destroy(&s->counted);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

unsigned apiserver_port(const struct apiserver *s)
{
	return s->port;
}

const char *apiserver_url(const struct apiserver *s)
{
	return s->url;
}

void apiserver_kubeconfig(const struct apiserver *s, const char *path, const char *token_file)
{
	FILE *f = fopen(path, "w");

	if (!f)
		abort();
	(void)fprintf(f,
		"apiVersion: v1\nkind: Config\ncurrent-context: fake\n"
		"clusters:\n- name: fake\n  cluster: {server: \"%s\"}\n"
		"contexts:\n- name: fake\n  context: {cluster: fake, user: fake, namespace: shop}\n"
		"users:\n- name: fake\n  user: {%s%s}\n",
		s->url, token_file ? "tokenFile: " : "", token_file ? token_file : "");
	(void)fclose(f);
}

size_t apiserver_add(struct apiserver *s, const char *plural, const char *namespace,
	const char *name, int32_t replicas)
{
	size_t number;

	pthread_mutex_lock(&s->lock);
	number = apiobjects_add(&s->objects, plural, namespace, name, replicas);
	pthread_mutex_unlock(&s->lock);
	return number;
}

void apiserver_set(struct apiserver *s, size_t object, int32_t spec, int32_t status)
{
	pthread_mutex_lock(&s->lock);
	apiobjects_write(&s->objects, &s->objects.items[object], spec, status);
	pthread_mutex_unlock(&s->lock);
}

void apiserver_remove(struct apiserver *s, size_t object)
{
	pthread_mutex_lock(&s->lock);
	s->objects.items[object].gone = true;
	pthread_mutex_unlock(&s->lock);
}

int32_t apiserver_replicas(struct apiserver *s, size_t object)
{
	int32_t replicas;

	pthread_mutex_lock(&s->lock);
	replicas = s->objects.items[object].spec;
	pthread_mutex_unlock(&s->lock);
	return replicas;
}

void apiserver_bump_before_puts(struct apiserver *s, unsigned puts)
{
	pthread_mutex_lock(&s->lock);
	s->objects.bumps = puts;
	pthread_mutex_unlock(&s->lock);
}

void apiserver_set_lease(struct apiserver *s, const char *path, const char *text)
{
	pthread_mutex_lock(&s->lock);
	apileases_set(&s->leases, path, text);
	pthread_mutex_unlock(&s->lock);
}

char *apiserver_lease(struct apiserver *s, const char *path)
{
	char *text;

	pthread_mutex_lock(&s->lock);
	text = mem_strdup(apileases_get(&s->leases, path));
	pthread_mutex_unlock(&s->lock);
	return text;
}

void apiserver_require_token(struct apiserver *s, const char *token)
{
	pthread_mutex_lock(&s->lock);
	s->token = token;
	pthread_mutex_unlock(&s->lock);
}

void apiserver_fail(struct apiserver *s, const struct apiserver_fault *fault)
{
	struct apiserver_fault *f;

	pthread_mutex_lock(&s->lock);
	f = mem_append(&s->faults, s->fault_count++, sizeof(*f));
	*f = *fault;
	f->times += !f->times;
	pthread_mutex_unlock(&s->lock);
}

void apiserver_heal(struct apiserver *s)
{
	pthread_mutex_lock(&s->lock);
	free(s->faults);
	s->faults = NULL;
	s->fault_count = 0;
	s->token = NULL;
	s->objects.bumps = 0;
	pthread_mutex_unlock(&s->lock);
}

static unsigned count_locked(struct apiserver *s, const char *method)
{
	return method ? *counter(s, method) : s->gets + s->puts + s->others;
}

unsigned apiserver_count(struct apiserver *s, const char *method)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = count_locked(s, method);
	pthread_mutex_unlock(&s->lock);
	return n;
}

unsigned apiserver_connections(struct apiserver *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->accepted;
	pthread_mutex_unlock(&s->lock);
	return n;
}

bool apiserver_wait(struct apiserver *s, const char *method, unsigned count)
{
	int64_t deadline_ms = clock_mono_ms() + APISTATE_WAIT_MS;
	bool in_time = true, reached;

	pthread_mutex_lock(&s->lock);
	while (in_time && count_locked(s, method) < count)
		in_time = monocond_wait_until(&s->counted, &s->lock, deadline_ms);
	reached = count_locked(s, method) >= count;
	pthread_mutex_unlock(&s->lock);
	return reached;
}

char *apiserver_last_line(struct apiserver *s, char *to, size_t size)
{
	const char *last;

	pthread_mutex_lock(&s->lock);
	last = s->last ? s->last : "";
	(void)snprintf(to, size, "%.*s", (int)strcspn(last, "\r\n"), last);
	pthread_mutex_unlock(&s->lock);
	return to;
}

char *apiserver_last_body(struct apiserver *s, char *to, size_t size)
{
	pthread_mutex_lock(&s->lock);
	(void)snprintf(to, size, "%s", s->last ? s->last + s->last_head : "");
	pthread_mutex_unlock(&s->lock);
	return to;
}

char *apiserver_last_header(struct apiserver *s, const char *name, char *to, size_t size)
{
	pthread_mutex_lock(&s->lock);
	*to = '\0';
	if (s->last)
		header_value(s->last, s->last_head, name, to, size);
	pthread_mutex_unlock(&s->lock);
	return to;
}
