#include "sidecar/negotiate.h"

#include "tests/tap.h"

#define PROMETHEUS_2                                                                             \
	"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;" \
	"q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
#define PROMETHEUS_3                                                                          \
	"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"              \
	"application/openmetrics-text;version=0.0.1;q=0.5,"                                   \
	"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3," \
	"*/*;q=0.2"
#define PROMETHEUS_3_PROTO                                                         \
	"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;" \
	"encoding=delimited;q=0.7," PROMETHEUS_3
#define PROMETHEUS_3_TEXT_ONLY "text/plain;version=0.0.4;q=0.6,*/*;q=0.5"
#define BROWSER \
	"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

static void test_accept(void)
{
	static const struct {
		const char *name, *accept;
		bool openmetrics;
	} rows[] = {
		{"no header wants text", "", false},
		{"anything is text", "*/*", false},
		{"Prometheus 2 wants OpenMetrics", PROMETHEUS_2, true},
		{"so does Prometheus 3", PROMETHEUS_3, true},
		{"also where it would rather have protobuf", PROMETHEUS_3_PROTO, true},
		{"but not where it is told to take text", PROMETHEUS_3_TEXT_ONLY, false},
		{"a browser gets text", BROWSER, false},
		{"the bare name is enough", "application/openmetrics-text", true},
		{"case does not matter", "Application/OpenMetrics-Text; Version=1.0.0", true},
		{"a quoted version counts", "application/openmetrics-text; version=\"1.0.0\"",
			true},
		{"blanks do not matter",
			" application/openmetrics-text ; version=1.0.0 ; q=0.5 ,\t"
			"text/plain ; q=0.4 ",
			true},
		{"an older version is not ours", "application/openmetrics-text;version=0.0.1",
			false},
		{"nor is a newer one", "application/openmetrics-text;version=2.0.0", false},
		{"the higher q wins", "application/openmetrics-text;q=0.4,text/plain;q=0.5", false},
		{"whatever the order", "text/plain;q=0.4,application/openmetrics-text;q=0.5", true},
		{"in thousandths", "text/plain;q=0.500,application/openmetrics-text;q=0.501", true},
		{"at the same q the first wins", "application/openmetrics-text,text/plain", true},
		{"and the first wins", "text/plain,application/openmetrics-text", false},
		{"a name is worth more than a wildcard", "*/*,application/openmetrics-text", true},
		{"q=0 refuses", "application/openmetrics-text;q=0", false},
		{"with text refused there is OpenMetrics", "text/plain;q=0,*/*;q=0.1", true},
		{"the best name tells the q",
			"*/*;q=0.9,text/plain;q=0.1,"
			"application/openmetrics-text;q=0.2",
			true},
		{"an element with a bad q does not count", "application/openmetrics-text;q=high",
			false},
		{"nor does one beyond 1", "application/openmetrics-text;q=1.5", false},
		{"nonsense is text", ";;,,;q=,=;,", false},
		{"a parameter without a value does not matter", "application/openmetrics-text;q",
			true},
		{"a type of neither is text", "application/json", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		TAP_INT(rows[i].name, negotiate_openmetrics(rows[i].accept), rows[i].openmetrics);
}

static void test_encoding(void)
{
	static const struct {
		const char *name, *header;
		bool gzip, only;
	} rows[] = {
		{"no header wants no encoding", "", false, false},
		{"gzip is taken where it is offered", "gzip", true, false},
		{"as curl asks", "deflate, gzip, br, zstd", true, false},
		{"under its old name, too", "x-gzip", true, false},
		{"in any case", "GZip", true, false},
		{"anything is gzip", "*", true, false},
		{"identity is no gzip", "identity", false, false},
		{"others are no gzip", "br, zstd", false, false},
		{"q=0 refuses", "gzip;q=0", false, false},
		{"also in long", "gzip; q=0.000", false, false},
		{"and against a wildcard", "gzip;q=0, *", false, false},
		{"what is liked better wins", "gzip;q=0.4, identity;q=0.5", false, false},
		{"on both sides", "gzip;q=0.5, identity;q=0.4", true, false},
		{"gzip wins a draw", "identity, gzip", true, false},
		{"a low q is not a refusal", "gzip;q=0.001", true, false},
		{"no encoding may be refused", "gzip, identity;q=0", true, true},
		{"by a wildcard, too", "gzip;q=0.5, *;q=0", true, true},
		{"but not when it is named", "gzip, identity;q=0.1, *;q=0", true, false},
		{"refusing all gets no encoding", "*;q=0", false, false},
		{"a bad q does not count", "gzip;q=yes", false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct negotiate_encoding got = negotiate_encoding(rows[i].header);

		TAP_INT(rows[i].name, got.gzip, rows[i].gzip);
		TAP_INT(rows[i].name, got.gzip_only, rows[i].only);
	}
}

int main(void)
{
	test_accept();
	test_encoding();
	return tap_done();
}
