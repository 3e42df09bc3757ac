#include "scaler/quantity.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/attr.h"

#define NANO (-9)
#define FAST_DIGITS 18 /* that always fit into int64 */

/* A quantity taken apart: digits * 10^scale * 2^binary. */
struct parts {
	/* No zeros in front, unless of a fraction; at least one. */
	char digits[QUANTITY_TEXT_MAX + 1];
	size_t count;    /* of them */
	size_t fraction; /* of them behind the point */
	int scale, binary;
	bool is_binary, negative;
};

static double written_power(int n)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "1e%d", n);
	return strtod(text, NULL);
}

/* 10^n with the roundings of Go's math.Pow10: from two factors, and 10^-n by a division. */
static double power_of_ten(int n)
{
	int rest = n < 0 ? -n % 32 : n % 32;

	return n < 0 ? written_power(n + rest) / written_power(rest)
		     : written_power(n - rest) * written_power(rest);
}

static int exponent_of(const char *text, int *ret)
{
	size_t sign = *text == '-' || *text == '+', digits = strspn(text + sign, "0123456789");
	long n = strtol(text, NULL, 10);

	if (digits == 0 || text[sign + digits])
		return -1;
	/* Beyond these bounds all that is not zero is infinite, or rounds up to a nano. */
	*ret = n < -400 ? -400 : n > 400 ? 400 : (int)n;
	return 0;
}

static int read_suffix(const char *text, struct parts *p)
{
	static const char small[] = "num", large[] = "kMGTPE", binary[] = "KMGTPE";
	const char *at;

	if (!text[0])
		return 0;
	if (!text[1] && (at = strchr(small, text[0]))) {
		p->scale += NANO + 3 * (int)(at - small);
		return 0;
	}
	if (!text[1] && (at = strchr(large, text[0]))) {
		p->scale += 3 * (int)(at - large + 1);
		return 0;
	}
	if (text[1] == 'i' && !text[2] && (at = strchr(binary, text[0]))) {
		p->binary = 10 * (int)(at - binary + 1);
		p->is_binary = true;
		return 0;
	}
	if (text[0] == 'e' || text[0] == 'E') {
		int exponent;

		if (exponent_of(text + 1, &exponent))
			return -1;
		p->scale += exponent;
		return 0;
	}
	return -1;
}

static int take_apart(const char *text, struct parts *p)
{
	size_t whole = strspn(text += *text == '-' || *text == '+', "0123456789"), zeros;
	const char *end = text + whole;

	zeros = strspn(text, "0");
	zeros = zeros < whole ? zeros : whole;
	memcpy(p->digits, text + zeros, whole - zeros);
	p->count = whole - zeros;
	if (*end == '.') {
		p->fraction = strspn(++end, "0123456789");
		memcpy(p->digits + p->count, end, p->fraction);
		p->count += p->fraction;
		end += p->fraction;
	}
	if (whole + p->fraction == 0)
		return -1;
	p->scale = -(int)p->fraction;
	return read_suffix(end, p);
}

/* The digits as a whole number of nanos, rounded up. */
static double in_nanos(struct parts *p)
{
	int places = p->scale - NANO;
	char text[QUANTITY_TEXT_MAX + 24];
	size_t cut = places < 0 ? (size_t)-places : 0;
	bool rest;

	if (cut >= p->count)
		return strspn(p->digits, "0") < p->count ? 1 : 0;
	rest = strspn(p->digits + p->count - cut, "0") < cut;
	p->digits[p->count - cut] = '\0';
	if (rest) {
		size_t i = p->count - cut;

		while (i > 0 && p->digits[i - 1] == '9')
			p->digits[--i] = '0';
		if (i > 0)
			p->digits[i - 1]++;
	}
	/* All nines have become zeros: the carry goes in front. */
	(void)snprintf(text, sizeof(text), "%s%se%d",
		rest && strspn(p->digits, "0") == strlen(p->digits) ? "1" : "", p->digits,
		places > 0 ? places : 0);
	return strtod(text, NULL);
}

/* Kubernetes holds these at the largest int64. */
static double binary_value(const struct parts *p)
{
	unsigned __int128 n = strtoull(p->digits, NULL, 10), most = INT64_MAX;
	int nanos = (int)p->fraction + NANO;

	/* Few enough digits to be multiplied in int64: that is what comes out. */
	if (p->fraction == 0 && 15 - (int)p->count - p->binary * 3 / 10 - 1 >= 0)
		return (double)(int64_t)((uint64_t)n << p->binary);
	n <<= p->binary;
	for (size_t i = 0; i < p->fraction; i++)
		most *= 10;
	if (n > most)
		return (double)INT64_MAX;
	for (; nanos < 0; nanos++)
		n *= 10;
	for (; nanos > 0; nanos--)
		n = (n + 9) / 10;
	return (double)n * 1e-9;
}

static double decimal_value(struct parts *p)
{
	/* A zero before the point is a digit, too. */
	if (p->count + (p->count == p->fraction) > FAST_DIGITS || p->scale < NANO)
		return in_nanos(p) * 1e-9;
	if (p->scale == 0)
		return (double)strtoll(p->digits, NULL, 10);
	return (double)strtoll(p->digits, NULL, 10) * power_of_ten(p->scale);
}

int quantity_parse(const char *text, double *ret_value, struct err *err)
{
	struct parts p = {.negative = text[0] == '-'};
	double value;

	if (strlen(text) > QUANTITY_TEXT_MAX)
		return err_set(err, ERR_CONFIG, "\"%.20s...\" is too long for a quantity", text);
	if (take_apart(text, &p) || (p.is_binary && p.count > FAST_DIGITS))
		return err_set(err, ERR_CONFIG,
			"\"%s\" is not a quantity such as \"0.1\" or \"100m\"", text);
	value = strspn(p.digits, "0") == p.count ? 0
		: p.is_binary                    ? binary_value(&p)
						 : decimal_value(&p);
	if (p.negative && value > 0)
		return err_set(err, ERR_CONFIG, "\"%s\" is negative", text);
	if (!isfinite(value))
		return err_set(err, ERR_CONFIG, "\"%s\" is too large", text);
	*ret_value = value;
	return 0;
}
