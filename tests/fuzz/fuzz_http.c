/* Any bytes on a connection to a server that wants passwords: answered as HTTP or not at all, and
 * the server goes on. */
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "common/mem.h"
#include "sidecar/httpd.h"
#include "sidecar/httpdauth.h"
#include "tests/fuzz/wire.h"

#define CONTROL_EVERY 256

/* bcrypt of "staple" at cost 4 */
#define USERS                                                                                    \
	"basic_auth_users: { bob: $2a$04$abcdefghijklmnopqrstuu3GnzM6Zr9r421eNILtANLp8LVEEJQdK " \
	"}\n"

static void handle(void *ctx, const struct httpd_request *req, struct httpd_reply *reply)
{
	struct strbuf echo = STRBUF_INIT;

	(void)ctx;
	FUZZ_CHECK(req->path && req->method && strlen(req->body) <= req->body_len);
	strbuf_addf(&echo, "%s %s\n", req->method, req->path);
	strbuf_add(&echo, req->body, req->body_len);
	httpd_reply_take(reply, 0, &echo);
}

static struct httpd *start(void)
{
	static const char *const open_paths[] = {"/open", NULL};
	static char name[] = "/tmp/hexlag-fuzz-XXXXXX"; /* borrowed to the end */
	int fd = mkstemp(name);
	struct httpd *h;
	struct err err = {0};
	sigset_t all;

	FUZZ_CHECK(fd >= 0 && write(fd, USERS, strlen(USERS)) == (ssize_t)strlen(USERS));
	(void)close(fd);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &all);
	h = httpd_start(&(struct httpd_options){.listen = "127.0.0.1:0",
				.handler = handle,
				.web = {.file = name},
				.open_paths = open_paths,
				.body_max = 65536},
		&err);
	(void)pthread_sigmask(SIG_SETMASK, &all, NULL);
	(void)unlink(name);
	if (!h)
		(void)fprintf(stderr, "%s\n", err.msg);
	FUZZ_CHECK(h);
	return h;
}

static void check_control(unsigned port)
{
	int fd = http_connect(port, 0);
	struct answer a;

	http_ask(fd, "GET /x", "Authorization: Basic Ym9iOnN0YXBsZQ==\r\n", NULL);
	a = http_read(fd);
	FUZZ_CHECK(a.status == 200 && strcmp(strbuf_str(&a.body), "GET /x\n") == 0);
	answer_release(&a);
	wire_hang_up(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct httpd *server;
	static unsigned count;
	char *text = mem_strndup((const char *)bytes, len), *name;
	const char *password;

	if (!server)
		server = start();
	if (httpdauth_parse(text, &name, &password)) {
		FUZZ_CHECK(!strchr(name, ':') && password == name + strlen(name) + 1);
		free(name);
	}
	free(text);
	wire_send(httpd_port(server), bytes, len);
	if (count++ % CONTROL_EVERY == 0)
		check_control(httpd_port(server));
	return 0;
}
