#include "sidecar/negotiate.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* One element of a list: "text/plain; version=0.0.4; q=0.5". */
struct choice {
	const char *name; /* "text/plain" */
	size_t name_len;
	const char *version; /* of the parameter "version"; NULL: none */
	size_t version_len;
	int quality; /* 0 to 1000 */
	bool valid;
};

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* "0", "0.5", "1.000"; -1 for anything else. */
static int parse_quality(const char *s, size_t len)
{
	int quality = 0, unit = 1000;

	if (len == 0 || len > 5 || (s[0] != '0' && s[0] != '1') || (len > 1 && s[1] != '.'))
		return -1;
	quality = (s[0] - '0') * 1000;
	for (size_t i = 2; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		unit /= 10;
		quality += (s[i] - '0') * unit;
	}
	return quality <= 1000 ? quality : -1;
}

static bool is(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && strncasecmp(s, word, len) == 0;
}

static void take_parameter(struct choice *c, const char *s, size_t len)
{
	const char *equals = memchr(s, '=', len);
	const char *value = equals ? equals + 1 : s + len;
	size_t value_len = (size_t)(s + len - value);

	if (value_len >= 2 && value[0] == '"' && value[value_len - 1] == '"') {
		value++;
		value_len -= 2;
	}
	if (equals && is(s, (size_t)(equals - s), "q")) {
		c->quality = parse_quality(value, value_len);
		c->valid &= c->quality >= 0;
	} else if (equals && is(s, (size_t)(equals - s), "version")) {
		c->version = value;
		c->version_len = value_len;
	}
}

/* Reads one element; returns where the next begins. */
static const char *next_choice(const char *s, struct choice *c)
{
	size_t len;

	s = skip_blanks(s);
	len = strcspn(s, " \t;,");
	*c = (struct choice){.name = s, .name_len = len, .quality = 1000, .valid = len > 0};
	s = skip_blanks(s + len);
	while (*s == ';') {
		s = skip_blanks(s + 1);
		len = strcspn(s, " \t;,");
		take_parameter(c, s, len);
		s = skip_blanks(s + len);
	}
	s += strcspn(s, ",");
	return *s ? s + 1 : s;
}

/* How a list likes one of the things that it may name: by the element that names it best. */
struct liking {
	int fit; /* how exactly it is named; 0: not at all */
	int quality;
	size_t place;
};

static void consider(struct liking *l, int fit, const struct choice *c, size_t place)
{
	if (fit > l->fit)
		*l = (struct liking){fit, c->quality, place};
}

/* How exactly the element names "type/subtype" in one of the two versions. */
static int fit_of(const struct choice *c, const char *type, const char *any_subtype,
	const char *version, const char *other_version)
{
	if (is(c->name, c->name_len, "*/*"))
		return 1;
	if (is(c->name, c->name_len, any_subtype))
		return 2;
	if (!is(c->name, c->name_len, type))
		return 0;
	if (!c->version)
		return 3;
	return is(c->version, c->version_len, version) ||
			       is(c->version, c->version_len, other_version)
		       ? 4
		       : 0;
}

bool negotiate_openmetrics(const char *accept)
{
	struct liking open = {0}, text = {0};
	struct choice c;

	for (size_t place = 0; *accept; place++) {
		accept = next_choice(accept, &c);
		if (!c.valid)
			continue;
		consider(&open,
			fit_of(&c, "application/openmetrics-text", "application/*", "1.0.0",
				"1.0.0"),
			&c, place);
		/* Version 1.0.0 only adds names that need quoting, of which there are none here. */
		consider(&text, fit_of(&c, "text/plain", "text/*", "0.0.4", "1.0.0"), &c, place);
	}
	if (open.quality != text.quality)
		return open.quality > text.quality;
	/* No preference: what is named rather than allowed for, then what is named first. */
	return open.quality > 0 && open.fit > 2 && (text.fit <= 2 || open.place < text.place);
}

struct negotiate_encoding negotiate_encoding(const char *accept_encoding)
{
	struct liking gzip = {0}, identity = {0};
	struct choice c;

	for (size_t place = 0; *accept_encoding; place++) {
		accept_encoding = next_choice(accept_encoding, &c);
		if (!c.valid)
			continue;
		if (is(c.name, c.name_len, "*")) {
			consider(&gzip, 1, &c, place);
			consider(&identity, 1, &c, place);
		} else if (is(c.name, c.name_len, "gzip") || is(c.name, c.name_len, "x-gzip")) {
			consider(&gzip, 2, &c, place);
		} else if (is(c.name, c.name_len, "identity")) {
			consider(&identity, 2, &c, place);
		}
	}
	/* No encoding is always allowed unless it is refused, and least liked unless it is named. */
	return (struct negotiate_encoding){
		.gzip = gzip.quality > 0 && (identity.fit < 2 || gzip.quality >= identity.quality),
		.gzip_only = gzip.quality > 0 && identity.fit && identity.quality == 0,
	};
}
