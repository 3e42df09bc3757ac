/* Any bytes on a connection to the server that hexlag runs, with a snapshot whose names are hostile: answered
 * as HTTP or not at all, and the server goes on. */
#include <signal.h>
#include <unistd.h>

#include "sidecar/publish.h"
#include "sidecar/web.h"
#include "tests/fuzz/wire.h"
#include "tests/unit/handmade.h"

#define CONTROL_EVERY 256

static struct snapshot *snapshot_of_names(void)
{
	/* In the order of strcmp. */
	static const char *const names[] = {
		"\n", "\"quo\\ted\"", "%2e%2e", "..", "<img>", "a/b", "\xff"};
	struct snapshot *s = empty_snapshot();

	s->seq = 1;
	add_topic(s, "t\"", 2);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		add_commits(s, add_group(s, names[i], 0), "t\"", (int64_t[]){0, NONE});
	return s;
}

static struct web *start(void)
{
	struct publish *publish = publish_new();
	struct err err = {0};
	struct web *w;
	sigset_t all;

	publish_set(publish, snapshot_of_names());
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &all);
	w = web_start(
		&(struct web_options){
			.listen = "127.0.0.1:0", .publish = publish, .ready_max_age_ms = 1000},
		&err);
	(void)pthread_sigmask(SIG_SETMASK, &all, NULL);
	if (!w)
		(void)fprintf(stderr, "%s\n", err.msg);
	FUZZ_CHECK(w);
	return w;
}

static void check_control(unsigned port)
{
	static const char *const targets[] = {
		"GET /metrics", "GET /api/v1/lag", "GET /api/v1/groups/a/b"};

	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct answer a = http_once(port, targets[i], "", NULL);

		FUZZ_CHECK(a.status == 200);
		answer_release(&a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct web *server;
	static unsigned count;

	if (!server)
		server = start();
	wire_send(web_port(server), bytes, len);
	if (count++ % CONTROL_EVERY == 0)
		check_control(web_port(server));
	return 0;
}
