#include "scaler/quantity.h"
#include "tests/tap.h"

/* The values are what Quantity.AsApproximateFloat64() of k8s.io/apimachinery 0.34.4 answered. */
static const struct {
	const char *text;
	double want;
} rows[] = {
	{"0", 0},
	{"0.1", 0x1.999999999999ap-4},
	{"100m", 0x1.999999999999ap-4},
	{"2", 0x1p+1},
	{"0.83", 0x1.a8f5c28f5c29p-1},
	{"0.58", 0x1.28f5c28f5c28fp-1},
	{"2.96", 0x1.7ae147ae147aep+1},
	{"1e-2", 0x1.47ae147ae147bp-7},
	{"1E-2", 0x1.47ae147ae147bp-7},
	{"1e3", 0x1.f4p+9},
	{"1k", 0x1.f4p+9},
	{"1E", 0x1.bc16d674ec8p+59},
	{"1Ki", 0x1p+10},
	{"1.5Ki", 0x1.8p+10},
	{"0.5Mi", 0x1p+19},
	{"250u", 0x1.0624dd2f1a9fcp-12},
	{"100000000n", 0x1.999999999999ap-4},
	{"+0.1", 0x1.999999999999ap-4},
	{".5", 0x1p-1},
	{"5.", 0x1.4p+2},
	{"007", 0x1.cp+2},
	{"0.070", 0x1.1eb851eb851ecp-4},
	{"1234567890123456789", 0x1.12210f47de982p+60},
	{"0.1234567891", 0x1.f9add3b84e65ap-4},
	{"0.0000000001", 0x1.12e0be826d695p-30},
	{"99999999999999999999", 0x1.5af1d78b58c4p+66},
	{"0.9999999999999", 0x1p+0},
	{"9.99999999999e0", 0x1.4p+3},
	{"16Ei", 0x1p+63},
	{"0.123456789012345678e9", 0x1.d6f34540ca459p+26},
	{"1e40", 0x1.d6329f1c35ca5p+132},
	{"0.1e1", 0x1p+0},
	{"1e-400", 0x1.12e0be826d695p-30},
	{"0.0", 0},
	{"-0", 0},
};

static const struct {
	const char *name, *text, *says;
} invalid[] = {
	{"an empty text", "", "\"\" is not a quantity"},
	{"a word", "many", "\"many\" is not a quantity"},
	{"a suffix without digits", "m", "\"m\" is not a quantity"},
	{"a point without digits", ".", "\".\" is not a quantity"},
	{"two points", "1.2.3", "\"1.2.3\" is not a quantity"},
	{"percent", "10%", "\"10%\" is not a quantity"},
	{"a small k with i", "1ki", "\"1ki\" is not a quantity"},
	{"two suffixes", "1mm", "\"1mm\" is not a quantity"},
	{"an exponent without digits", "1e", "\"1e\" is not a quantity"},
	{"an exponent that is only a sign", "1e+", "\"1e+\" is not a quantity"},
	{"an exponent behind a space", "1e 2", "\"1e 2\" is not a quantity"},
	{"a space in front", " 1", "\" 1\" is not a quantity"},
	{"a space behind", "1 ", "\"1 \" is not a quantity"},
	{"a hexadecimal number", "0x1", "\"0x1\" is not a quantity"},
	{"nan", "nan", "\"nan\" is not a quantity"},
	{"two signs", "+-1", "\"+-1\" is not a quantity"},
	{"a negative quantity", "-0.1", "\"-0.1\" is negative"},
	{"one beyond float64", "1e309", "\"1e309\" is too large"},
	{"an absurd exponent", "1e99999999999999999999", "is too large"},
	{"more digits than a binary suffix takes", "1234567890123456789Ki", "is not a quantity"},
	{"more than 64 characters",
		"0.12345678901234567890123456789012345678901234567890123456789012345",
		"\"0.123456789012345678...\" is too long"},
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		double got = -1;
		bool ok = quantity_parse(rows[i].text, &got, &err) == 0;

		if (!TAP_TRUE(rows[i].text, ok && got == rows[i].want))
			printf("# got %a, want %a: %s\n", got, rows[i].want, err.msg);
	}
	for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
		struct err err = {0};
		double untouched = 7;

		TAP_INT(invalid[i].name, quantity_parse(invalid[i].text, &untouched, &err), -1);
		TAP_HAS("the message names it", err.msg, invalid[i].says);
		TAP_TRUE("nothing is set", untouched == 7 && err.kind == ERR_CONFIG);
	}
	return tap_done();
}
