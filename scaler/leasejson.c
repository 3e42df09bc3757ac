#include "scaler/leasejson.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/mem.h"
#include "scaler/docjson.h"

#define SECOND_US INT64_C(1000000)

void lease_record_release(struct lease_record *r)
{
	free(r->holder);
	free(r->state);
	free(r->document);
	*r = (struct lease_record){0};
}

bool lease_record_same(const struct lease_record *a, const struct lease_record *b)
{
	return strcmp(a->holder, b->holder) == 0 && a->duration_s == b->duration_s &&
	       a->transitions == b->transitions && a->has_acquired == b->has_acquired &&
	       a->has_renewed == b->has_renewed && a->acquired_us == b->acquired_us &&
	       a->renewed_us == b->renewed_us;
}

/* Exactly `digits` digits at *p, which is moved behind them. */
static bool read_digits(const char **p, int digits, int *ret)
{
	*ret = 0;
	for (int i = 0; i < digits; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		*ret = *ret * 10 + (**p - '0');
	}
	return true;
}

static bool read_char(const char **p, const char *any)
{
	return **p && strchr(any, **p) ? (*p)++, true : false;
}

/* ".123456" or nothing; digits after the sixth are dropped. */
static bool read_fraction(const char **p, int64_t *ret_us)
{
	int64_t unit = SECOND_US / 10;
	int digit;

	*ret_us = 0;
	if (!read_char(p, "."))
		return true;
	if (!read_digits(p, 1, &digit))
		return false;
	do {
		*ret_us += digit * unit;
		unit /= 10;
	} while (read_digits(p, 1, &digit));
	return true;
}

/* "Z" or "+01:00", as what has to be taken from the local time. */
static bool read_offset(const char **p, int64_t *ret_s)
{
	bool west = **p == '-';
	int hours, minutes;

	*ret_s = 0;
	if (read_char(p, "Zz"))
		return true;
	if (!read_char(p, "+-") || !read_digits(p, 2, &hours) || !read_char(p, ":") ||
		!read_digits(p, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_s = (hours * 60 + minutes) * (west ? -60 : 60);
	return true;
}

bool leasejson_parse_time(const char *text, int64_t *ret_us)
{
	struct tm tm = {0}, back;
	int year, month;
	int64_t us, offset_s;
	time_t s;

	if (!read_digits(&text, 4, &year) || !read_char(&text, "-") ||
		!read_digits(&text, 2, &month) || !read_char(&text, "-") ||
		!read_digits(&text, 2, &tm.tm_mday) || !read_char(&text, "Tt") ||
		!read_digits(&text, 2, &tm.tm_hour) || !read_char(&text, ":") ||
		!read_digits(&text, 2, &tm.tm_min) || !read_char(&text, ":") ||
		!read_digits(&text, 2, &tm.tm_sec) || !read_fraction(&text, &us) ||
		!read_offset(&text, &offset_s) || *text)
		return false;
	if (year < 1 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	back = tm;
	s = timegm(&back);
	/* A day or month that does not exist has become another one. */
	if (back.tm_mday != tm.tm_mday || back.tm_mon != tm.tm_mon)
		return false;
	*ret_us = ((int64_t)s - offset_s) * SECOND_US + us;
	return true;
}

void leasejson_print_time(int64_t us, char to[LEASEJSON_TIME_MAX])
{
	int64_t fraction = us % SECOND_US;
	time_t s = (time_t)(us / SECOND_US);
	struct tm tm = {0};
	size_t n;

	if (fraction < 0) {
		fraction += SECOND_US;
		s--;
	}
	(void)gmtime_r(&s, &tm);
	n = (size_t)snprintf(to, LEASEJSON_TIME_MAX, "%04d-%02d-%02dT%02d:%02d:%02d",
		(tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		tm.tm_sec);
	(void)snprintf(to + n, LEASEJSON_TIME_MAX - n, ".%06dZ", (int)fraction);
}

/* spec.`key`; the API server leaves out what is not set. */
static int read_int(json_t *spec, const char *key, int32_t *ret, struct err *err)
{
	json_t *value = json_object_get(spec, key);
	json_int_t n = json_integer_value(value);

	if (!value || json_is_null(value)) {
		*ret = 0;
		return 0;
	}
	if (!json_is_integer(value))
		return err_set(err, ERR_RETRY, "%s of the Lease is not an integer", key);
	if (n < 0 || n > INT32_MAX)
		return err_set(err, ERR_RETRY,
			"%s of the Lease is %" JSON_INTEGER_FORMAT ", outside 0 to 2147483647", key,
			n);
	*ret = (int32_t)n;
	return 0;
}

static int read_time(json_t *spec, const char *key, bool *ret_has, int64_t *ret_us, struct err *err)
{
	json_t *value = json_object_get(spec, key);
	const char *text = json_string_value(value);

	*ret_has = false;
	if (!value || json_is_null(value))
		return 0;
	if (!text || !leasejson_parse_time(text, ret_us))
		return err_set(err, ERR_RETRY, "%s of the Lease is '%.60s', not a time of RFC 3339",
			key, text ? text : "");
	*ret_has = true;
	return 0;
}

/* A string without NUL; NULL where it is another thing. */
static const char *whole_string(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && strlen(text) == json_string_length(value) ? text : NULL;
}

static int read_spec(json_t *spec, struct lease_record *r, struct err *err)
{
	json_t *holder = json_object_get(spec, "holderIdentity");
	const char *text = "";

	if (spec && !json_is_object(spec) && !json_is_null(spec))
		return err_set(err, ERR_RETRY, "spec of the Lease is not an object");
	if (holder && !json_is_null(holder))
		text = whole_string(holder);
	if (!text)
		return err_set(err, ERR_RETRY, "holderIdentity of the Lease is not a string");
	r->holder = mem_strdup(text);
	if (read_int(spec, "leaseDurationSeconds", &r->duration_s, err) < 0 ||
		read_int(spec, "leaseTransitions", &r->transitions, err) < 0 ||
		read_time(spec, "acquireTime", &r->has_acquired, &r->acquired_us, err) < 0)
		return -1;
	return read_time(spec, "renewTime", &r->has_renewed, &r->renewed_us, err);
}

static int read_meta(json_t *meta, struct lease_record *r, struct err *err)
{
	const char *version = whole_string(json_object_get(meta, "resourceVersion"));
	json_t *annotations = json_object_get(meta, "annotations");

	/* Without it a PUT would overwrite whatever others wrote. */
	if (!version || !*version)
		return err_set(err, ERR_RETRY, "the Lease has no metadata.resourceVersion");
	if (snprintf(r->resource_version, sizeof(r->resource_version), "%s", version) >=
		(int)sizeof(r->resource_version))
		return err_set(err, ERR_RETRY,
			"metadata.resourceVersion of the Lease is longer than %zu bytes",
			sizeof(r->resource_version) - 1);
	if (annotations && !json_is_object(annotations) && !json_is_null(annotations))
		return err_set(err, ERR_RETRY, "annotations of the Lease are not an object");
	r->state = mem_strdup(whole_string(json_object_get(annotations, LEASE_STATE_ANNOTATION)));
	return 0;
}

static bool says(json_t *doc, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(doc, key));

	return got && strcmp(got, want) == 0;
}

#define DEPTH_MAX 64 /* managedFields have some ten */

/* What others put into annotations may hold NUL and goes back as it came. */
#define LOAD_FLAGS (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

int leasejson_parse(const char *text, size_t len, struct lease_record *ret, struct err *err)
{
	struct lease_record r CLEANUP(lease_record_release) = {0};
	json_error_t why;
	json_t *doc CLEANUP(docjson_unref_at) = json_loadb(text, len, LOAD_FLAGS, &why);

	if (!doc)
		return err_set(
			err, ERR_RETRY, "the answer is not JSON: %s (line %d)", why.text, why.line);
	/* jansson 2.14 takes one after a number for white space. */
	if (memchr(text, '\0', len))
		return err_set(err, ERR_RETRY, "the answer is not JSON: it holds a NUL");
	if (!says(doc, "kind", "Lease") || !says(doc, "apiVersion", "coordination.k8s.io/v1"))
		return err_set(
			err, ERR_RETRY, "the answer is not a Lease of coordination.k8s.io/v1");
	if (read_meta(json_object_get(doc, "metadata"), &r, err) < 0 ||
		read_spec(json_object_get(doc, "spec"), &r, err) < 0)
		return -1;
	if (docjson_is_deep(doc, DEPTH_MAX))
		return err_set(err, ERR_RETRY, "the Lease is nested deeper than any");
	r.document = mem_strndup(text, len);
	*ret = r;
	r = (struct lease_record){0};
	return 0;
}

/* The object at `key`, made where there is none. Borrowed; NULL only where the parent is no object. */
static json_t *object_in(json_t *parent, const char *key)
{
	json_t *child = json_object_get(parent, key);

	if (json_is_object(child))
		return child;
	child = json_object();
	return json_object_set_new(parent, key, child) == 0 ? child : NULL;
}

/* Sets what is to stand in the Lease. Setting a value that could not be made, of a string that is not
 * UTF-8, fails. */
static bool fill(json_t *doc, const struct lease_write *w)
{
	json_t *spec = object_in(doc, "spec");
	char acquired[LEASEJSON_TIME_MAX], renewed[LEASEJSON_TIME_MAX];

	leasejson_print_time(w->acquired_us, acquired);
	leasejson_print_time(w->renewed_us, renewed);
	if (json_object_set_new(spec, "holderIdentity", json_string(w->holder)) != 0 ||
		json_object_set_new(spec, "leaseDurationSeconds", json_integer(w->duration_s)) !=
			0 ||
		json_object_set_new(spec, "acquireTime", json_string(acquired)) != 0 ||
		json_object_set_new(spec, "renewTime", json_string(renewed)) != 0 ||
		json_object_set_new(spec, "leaseTransitions", json_integer(w->transitions)) != 0)
		return false;
	if (!w->state)
		return true;
	return json_object_set_new(object_in(object_in(doc, "metadata"), "annotations"),
		       LEASE_STATE_ANNOTATION, json_string(w->state)) == 0;
}

char *leasejson_body(const char *namespace, const char *name, const struct lease_record *seen,
	const struct lease_write *w)
{
	json_t *doc CLEANUP(docjson_unref_at) =
		seen ? json_loads(seen->document, LOAD_FLAGS, NULL)
		     : json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "coordination.k8s.io/v1",
			       "kind", "Lease", "metadata", "name", name, "namespace", namespace);
	char *text = doc && fill(doc, w) ? json_dumps(doc, JSON_COMPACT) : NULL;

	return text ? text : mem_strdup("{}");
}
