#include "sidecar/httpdpolicy.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "sidecar/httpdfamilies.h"
#include "sidecar/httpdtls.h"

/* What failed may come right without any file of the configuration in force changing. */
#define RETRY_MS 5000

static void mark_named(struct httpdpolicy_marks *marks, const struct webconfig *c)
{
	filemark_take(&marks->of[1], c->cert.file);
	filemark_take(&marks->of[2], c->key.file);
	filemark_take(&marks->of[3], c->client_ca.file);
}

/* Each file is marked before it is read, so that no change goes unseen. */
struct httpdpolicy *httpdpolicy_load(const struct webconfig_source *source, struct err *err)
{
	struct httpdpolicy *p = mem_zalloc(1, sizeof(*p));

	atomic_init(&p->refs, 1);
	filemark_take(&p->marks.of[0], source->file);
	if (webconfig_read(&p->config, source, err) != 0)
		goto failed;
	mark_named(&p->marks, &p->config);
	if (p->config.tls) {
		p->tls = httpdtls_new(&p->config, err);
		if (!p->tls)
			goto failed;
	}
	return p;
failed:
	httpdpolicy_unref(p);
	return NULL;
}

struct httpdpolicy *httpdpolicy_ref(struct httpdpolicy *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void httpdpolicy_unref(struct httpdpolicy *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	httpdtls_free(p->tls);
	webconfig_release(&p->config);
	free(p);
}

/* --- changes --- */

static bool is_asked_for(const struct webconfig_source *source)
{
	return source->file || source->cert_file;
}

static bool same_marks(const struct httpdpolicy_marks *a, const struct httpdpolicy_marks *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

int httpdwatch_init(struct httpdwatch *w, const struct webconfig_source *source, struct err *err)
{
	*w = (struct httpdwatch){.source = source, .ok = true};
	pthread_mutex_init(&w->lock, NULL);
	w->current = httpdpolicy_load(source, err);
	if (!w->current)
		return -1;
	w->read = w->seen = w->current->marks;
	return 0;
}

void httpdwatch_release(struct httpdwatch *w)
{
	httpdpolicy_unref(w->current);
	free(w->complaint);
	pthread_mutex_destroy(&w->lock);
}

struct httpdpolicy *httpdwatch_get(struct httpdwatch *w)
{
	struct httpdpolicy *p;

	pthread_mutex_lock(&w->lock);
	p = httpdpolicy_ref(w->current);
	pthread_mutex_unlock(&w->lock);
	return p;
}

static struct httpdpolicy *load_again(struct httpdwatch *w, struct err *err)
{
	struct httpdpolicy *p = httpdpolicy_load(w->source, err);

	if (!p || !p->tls == !w->current->tls)
		return p;
	(void)err_set(err, ERR_CONFIG, "%s: TLS is switched on and off by a restart only",
		p->config.source);
	httpdpolicy_unref(p);
	return NULL;
}

static void complain(struct httpdwatch *w, const struct err *err)
{
	if (w->complaint && strcmp(w->complaint, err->msg) == 0)
		return;
	log_error("web configuration: %s; keeping the one in force", err->msg);
	free(w->complaint);
	w->complaint = mem_strdup(err->msg);
}

static void put_in_force(struct httpdwatch *w, struct httpdpolicy *p)
{
	struct httpdpolicy *before = w->current;

	log_info("web configuration: %s and what it names are read again", p->config.source);
	free(w->complaint);
	w->complaint = NULL;
	pthread_mutex_lock(&w->lock);
	w->current = p;
	pthread_mutex_unlock(&w->lock);
	httpdpolicy_unref(before);
}

void httpdwatch_look(struct httpdwatch *w, int64_t now_ms)
{
	struct httpdpolicy_marks marks;
	struct httpdpolicy *p;
	struct err err = {0};
	bool settled;

	if (!is_asked_for(w->source))
		return;
	filemark_take(&marks.of[0], w->source->file);
	mark_named(&marks, &w->current->config);
	settled = same_marks(&marks, &w->seen);
	w->seen = marks;
	if (same_marks(&marks, &w->read) ? w->ok || now_ms < w->retry_ms : !settled)
		return;
	w->read = marks;
	p = load_again(w, &err);
	if (p) {
		put_in_force(w, p);
		w->read = w->seen = p->marks;
	} else {
		complain(w, &err);
		w->retry_ms = now_ms + RETRY_MS;
	}
	pthread_mutex_lock(&w->lock);
	w->ok = p != NULL;
	pthread_mutex_unlock(&w->lock);
}

void httpdwatch_metrics(struct httpdwatch *w, struct exposition *x)
{
	struct httpdpolicy *p;
	bool ok;

	if (!is_asked_for(w->source))
		return;
	p = httpdwatch_get(w);
	pthread_mutex_lock(&w->lock);
	ok = w->ok;
	pthread_mutex_unlock(&w->lock);
	exposition_single(x, &httpd_families[HTTPD_CONFIG_OK], ok, 0);
	if (p->tls && httpdtls_not_after(p->tls))
		exposition_single(
			x, &httpd_families[HTTPD_NOT_AFTER], httpdtls_not_after(p->tls), 0);
	httpdpolicy_unref(p);
}
