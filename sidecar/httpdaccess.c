#include "sidecar/httpdaccess.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "sidecar/httpdfamilies.h"

#define BASIC "Basic realm=\"hexlag\", charset=\"UTF-8\""
#define BEARER "Bearer realm=\"hexlag\""

/* A token bucket, kept as the time at which it will be full: each request takes one interval. */
bool httpdaccess_within_rate(struct httpdaccess *a, const struct webconfig *c, int64_t now_ms)
{
	int64_t room_ms = (c->rate_burst - 1) * c->rate_interval_ms;

	if (!c->rate_interval_ms)
		return true;
	if (a->rate_next_ms > now_ms + room_ms)
		return false;
	a->rate_next_ms =
		(a->rate_next_ms > now_ms ? a->rate_next_ms : now_ms) + c->rate_interval_ms;
	return true;
}

const char *httpdaccess_token(const char *authorization)
{
	if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
		return NULL;
	return authorization + 7 + strspn(authorization + 7, " ");
}

/* What the client is told it lacks. */
static const char *wanted(bool users, bool gate, const char **ret_authenticate)
{
	if (!gate) {
		*ret_authenticate = BASIC;
		return "a name and its password are needed\n";
	}
	*ret_authenticate = users ? BASIC ", " BEARER : BEARER;
	return users ? "a name and its password, or a bearer token, are needed\n"
		     : "a bearer token that the API server knows is needed\n";
}

struct httpd_reply httpdaccess_refusal(struct httpdaccess *a, const struct webconfig *c,
	const struct httpd_gate *gate, unsigned status)
{
	struct httpd_reply reply = {.status = status, .content_type = "text/plain; charset=utf-8"};
	enum httpdaccess_reason reason = ACCESS_UNAVAILABLE;
	const char *why = "who asks cannot be found out now; try again\n";

	if (status == 401) {
		reason = ACCESS_CREDENTIALS;
		why = wanted(c->user_count, gate, &reply.authenticate);
	} else if (status == 403) {
		reason = ACCESS_FORBIDDEN;
		why = "the user of this token may not read the metrics\n";
	} else if (status == 429) {
		reason = ACCESS_RATE;
		why = "too many requests\n";
	}
	atomic_fetch_add(&a->refused[reason], 1);
	reply.parts[0] = (struct httpd_part){.data = why, .len = strlen(why)};
	return reply;
}

void httpdaccess_metrics(struct httpdaccess *a, const struct httpd_gate *gate, struct exposition *x)
{
	static const char *const names[] = {"credentials", "rate", "forbidden", "unavailable"};

	_Static_assert(ARRAY_LEN(names) == ACCESS_REASONS, "a name for each reason");
	exposition_family(x, &httpd_families[HTTPD_REFUSED]);
	for (size_t i = 0; i < (gate ? ACCESS_REASONS : ACCESS_FORBIDDEN); i++)
		strbuf_addf(&x->text,
			"hexlag_http_requests_refused_total{reason=\"%s\"} %" PRIu64 "\n", names[i],
			(uint64_t)atomic_load(&a->refused[i]));
}
