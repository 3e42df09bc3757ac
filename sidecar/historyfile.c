/* History as bytes. Numbers are in the machine's own order, which the head tells:
 *   magic[16] order:u32 wall_ms:i64 cluster:string
 *   topics:u32  { name:string partitions:u32 { samples:u8 start:i64 { offset:i64 age:u32 } } }
 *   groups:u32  { name:string views:u32
 *                 { topic:u32 moved_ms:i64 moved_age:u32 partitions:u32 { commit:i64 age:u32 } } }
 *   sum:u64, FNV-1a of all before
 * A string is its length (u32) and its bytes; an age is ticks before wall_ms. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sidecar/historystore.h"

#define MAGIC "hexlag state 1\n" /* 16 bytes with the NUL; the number is the version */
#define ORDER UINT32_C(0x01020304)
#define NAME_MAX_LEN 65535
#define PARTITIONS_MAX 1000000

/* A clock that is set right at boot may be this much behind for a moment. */
#define AHEAD_MAX_MS 5000

static uint64_t sum_of(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ p[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* --- saving --- */

static void put_u32(struct strbuf *out, uint32_t value)
{
	strbuf_add(out, &value, sizeof(value));
}

static void put_i64(struct strbuf *out, int64_t value)
{
	strbuf_add(out, &value, sizeof(value));
}

static void put_string(struct strbuf *out, const char *s)
{
	size_t len = strlen(s);

	put_u32(out, (uint32_t)len);
	strbuf_add(out, s, len);
}

static void save_topic(struct strbuf *out, const struct history_topic *t, uint32_t now)
{
	put_string(out, t->name);
	put_u32(out, (uint32_t)t->count);
	for (size_t p = 0; p < t->count; p++) {
		const struct ends *e = &t->partitions[p];

		strbuf_addc(out, (char)e->count);
		put_i64(out, e->start);
		for (uint8_t i = 0; i < e->count; i++) {
			struct ends_sample sample = ends_get(e, i);

			put_i64(out, sample.offset);
			put_u32(out, now - sample.at);
		}
	}
}

static void save_group(struct strbuf *out, const struct history_group *g, uint32_t now)
{
	put_string(out, g->name);
	put_u32(out, (uint32_t)g->count);
	for (size_t i = 0; i < g->count; i++) {
		const struct history_view *v = &g->views[i];

		put_u32(out, (uint32_t)v->topic->slot);
		put_i64(out, v->moved_ms);
		put_u32(out, now - v->moved_at);
		put_u32(out, v->count);
		for (size_t p = 0; p < v->count; p++) {
			put_i64(out, v->commits[p]);
			put_u32(out, now - history_since(v)[p]);
		}
	}
}

static void save(struct history *h, uint32_t now, int64_t wall_ms, struct strbuf *out)
{
	size_t from = out->len;
	uint64_t sum;

	strbuf_add(out, MAGIC, sizeof(MAGIC));
	put_u32(out, ORDER);
	put_i64(out, wall_ms);
	put_string(out, h->cluster);
	put_u32(out, (uint32_t)h->topic_count);
	for (size_t i = 0; i < h->topic_count; i++) {
		h->topics[i]->slot = i;
		save_topic(out, h->topics[i], now);
	}
	put_u32(out, (uint32_t)h->group_count);
	for (size_t i = 0; i < h->group_count; i++)
		save_group(out, &h->groups[i], now);
	for (size_t i = 0; i < h->topic_count; i++)
		h->topics[i]->slot = 0;
	sum = sum_of(out->data + from, out->len - from);
	strbuf_add(out, &sum, sizeof(sum));
}

bool history_save(struct history *h, int64_t mono_ms, int64_t wall_ms, struct strbuf *out)
{
	bool worth_it;

	pthread_mutex_lock(&h->lock);
	worth_it = h->applied && h->cluster;
	if (worth_it)
		save(h, history_tick(h, mono_ms), wall_ms, out);
	pthread_mutex_unlock(&h->lock);
	return worth_it;
}

/* --- loading --- */

/* What is still to be read. Once something is wrong, everything reads as zero. */
struct reader {
	const char *at;
	size_t left;
	bool bad;
	uint32_t now, down; /* tick of now; ticks since the file was saved */
};

static void get(struct reader *r, void *to, size_t size)
{
	memset(to, 0, size);
	if (r->bad || size > r->left) {
		r->bad = true;
		return;
	}
	memcpy(to, r->at, size);
	r->at += size;
	r->left -= size;
}

static uint32_t get_u32(struct reader *r)
{
	uint32_t value;

	get(r, &value, sizeof(value));
	return value;
}

static int64_t get_i64(struct reader *r)
{
	int64_t value;

	get(r, &value, sizeof(value));
	return value;
}

/* A count of things that take at least `size` bytes each, so that no count can ask for more memory
 * than the file has. */
static uint32_t get_count(struct reader *r, uint32_t max, size_t size)
{
	uint32_t count = get_u32(r);

	if (count > max || count > r->left / size) {
		r->bad = true;
		return 0;
	}
	return count;
}

/* NULL where it is wrong; the caller frees it. */
static char *get_string(struct reader *r)
{
	uint32_t len = get_count(r, NAME_MAX_LEN, 1);
	char *s;

	if (r->bad || memchr(r->at, '\0', len)) {
		r->bad = true;
		return NULL;
	}
	s = mem_strndup(r->at, len);
	r->at += len;
	r->left -= len;
	return s;
}

/* The tick of an age at the time of saving; 0: before the origin. */
static uint32_t get_tick(struct reader *r)
{
	uint64_t age = (uint64_t)get_u32(r) + r->down;

	return age < r->now ? r->now - (uint32_t)age : 0;
}

static void load_ends(struct reader *r, struct ends *e)
{
	unsigned char count;

	get(r, &count, 1);
	e->start = get_i64(r);
	if (count > ENDS_MAX)
		r->bad = true;
	for (unsigned i = 0; i < count && !r->bad; i++) {
		struct ends_sample sample;

		sample.offset = get_i64(r);
		sample.at = get_tick(r);
		if (sample.offset < 0 || (sample.at && !ends_restore(e, sample)))
			r->bad = true;
	}
}

/* Names have to be sorted, or the walks along them would not find them. */
static bool in_order(const char *before, const char *name)
{
	return name && (!before || strcmp(before, name) < 0);
}

static void load_topics(struct reader *r, struct history *h)
{
	uint32_t count = get_count(r, UINT32_MAX, 8);

	h->topics = mem_zalloc(count, sizeof(struct history_topic *));
	for (uint32_t i = 0; i < count && !r->bad; i++) {
		struct history_topic *t = mem_zalloc(1, sizeof(*t));

		h->topics[h->topic_count++] = t;
		t->name = get_string(r);
		if (!in_order(i ? h->topics[i - 1]->name : NULL, t->name)) {
			r->bad = true;
			break;
		}
		history_topic_resize(t, get_count(r, PARTITIONS_MAX, 9));
		for (size_t p = 0; p < t->count && !r->bad; p++)
			load_ends(r, &t->partitions[p]);
	}
}

static void load_view(struct reader *r, const struct history *h, struct history_view *v)
{
	uint32_t topic = get_u32(r), count;

	v->moved_ms = get_i64(r);
	v->moved_at = get_tick(r);
	count = get_count(r, PARTITIONS_MAX, 12);
	if (topic >= h->topic_count || v->moved_ms < 0)
		r->bad = true;
	if (r->bad)
		return;
	v->topic = h->topics[topic];
	if (v->topic->slot) /* a second view of the topic */
		r->bad = true;
	v->topic->slot = 1;
	history_view_resize(v, count, 0);
	for (uint32_t p = 0; p < count; p++) {
		v->commits[p] = get_i64(r);
		history_since(v)[p] = get_tick(r);
		if (v->commits[p] < COMMIT_UNSEEN)
			r->bad = true;
	}
}

static void load_groups(struct reader *r, struct history *h)
{
	uint32_t count = get_count(r, UINT32_MAX, 8);

	h->groups = mem_zalloc(count, sizeof(*h->groups));
	for (uint32_t i = 0; i < count && !r->bad; i++) {
		struct history_group *g = &h->groups[h->group_count++];
		uint32_t views;

		g->name = get_string(r);
		if (!in_order(i ? h->groups[i - 1].name : NULL, g->name)) {
			r->bad = true;
			break;
		}
		views = get_count(r, UINT32_MAX, 20);
		g->views = mem_zalloc(views, sizeof(*g->views));
		while (views-- > 0 && !r->bad) {
			g->views[g->count] = (struct history_view){0};
			load_view(r, h, &g->views[g->count++]);
		}
		for (size_t v = 0; v < g->count; v++)
			if (g->views[v].topic)
				g->views[v].topic->slot = 0;
	}
}

/* Checks what does not depend on the contents, and leaves `r` behind the magic. */
static int check_head(struct reader *r, struct err *err)
{
	char magic[sizeof(MAGIC)];
	uint64_t sum;

	get(r, magic, sizeof(magic));
	if (r->bad || memcmp(magic, MAGIC, sizeof("hexlag state ") - 1) != 0)
		return err_set(err, ERR_CONFIG, "it is not a state file of hexlag");
	if (memcmp(magic, MAGIC, sizeof(magic)) != 0)
		return err_set(err, ERR_CONFIG, "it is of another version of hexlag");
	if (get_u32(r) != ORDER || r->left < sizeof(sum))
		return err_set(err, ERR_CONFIG, "it is cut off, or of another kind of machine");
	r->left -= sizeof(sum);
	memcpy(&sum, r->at + r->left, sizeof(sum));
	if (sum != sum_of(r->at - sizeof(magic) - 4, r->left + sizeof(magic) + 4))
		return err_set(err, ERR_CONFIG, "it is damaged: the checksum is wrong");
	return 0;
}

static int load(struct history *h, struct reader *r, int64_t wall_ms, struct err *err)
{
	int64_t saved_ms, down_ms;

	if (check_head(r, err) < 0)
		return -1;
	saved_ms = get_i64(r);
	if (saved_ms < 0 || saved_ms > wall_ms + AHEAD_MAX_MS)
		return err_set(
			err, ERR_CONFIG, "it was saved in the future: the clock went back since");
	down_ms = wall_ms > saved_ms ? wall_ms - saved_ms : 0;
	r->down = down_ms / TICK_MS < TICKS_QUARTER ? (uint32_t)(down_ms / TICK_MS) : TICKS_QUARTER;
	h->cluster = get_string(r);
	load_topics(r, h);
	load_groups(r, h);
	if (r->bad || r->left) {
		history_clear(h);
		return err_set(err, ERR_CONFIG, "what it holds makes no sense");
	}
	return 0;
}

int history_load(struct history *h, const void *data, size_t len, int64_t mono_ms, int64_t wall_ms,
	struct err *err)
{
	struct reader r = {.at = data, .left = len};
	int rc;

	pthread_mutex_lock(&h->lock);
	history_start(h, mono_ms);
	r.now = history_tick(h, mono_ms);
	rc = load(h, &r, wall_ms, err);
	pthread_mutex_unlock(&h->lock);
	return rc;
}
