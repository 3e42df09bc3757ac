#include "sidecar/httpdfamilies.h"

const struct family httpd_families[] = {
	[HTTPD_OPEN] = {"hexlag_http_connections", "gauge", "", "Connections that are open."},
	[HTTPD_CUT] = {"hexlag_http_connections_cut_total", "counter", "reason",
		"Connections that the server ended, by reason; idle ones are not counted."},
	[HTTPD_REFUSED] = {"hexlag_http_requests_refused_total", "counter", "reason",
		"Requests without the right password or token, and beyond the rate limit."},
	[HTTPD_CONFIG_OK] = {"hexlag_web_config_ok", "gauge", "",
		"Whether the web configuration on disk is the one in force."},
	[HTTPD_NOT_AFTER] = {"hexlag_web_certificate_not_after_timestamp_seconds", "gauge", "",
		"When the certificate in force ends."},
	{0},
};
