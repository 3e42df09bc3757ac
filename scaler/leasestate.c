#include "scaler/leasestate.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/utf8.h"

void leasestate_release(struct leasestate *s)
{
	free(s->left);
	free(s->text);
	*s = (struct leasestate){0};
}

static bool same_tenure(const struct leasestate *s, const struct lease_record *seen)
{
	return s->text && seen->has_acquired && s->acquired_us == seen->acquired_us &&
	       s->transitions == seen->transitions;
}

void leasestate_begin(struct leasestate *s, const struct lease_record *seen)
{
	const char *found = seen->state;

	free(s->left);
	s->left = NULL;
	if (same_tenure(s, seen)) {
		s->left = mem_strdup(s->text);
		return;
	}
	leasestate_release(s);
	if (found && strlen(found) <= LEASE_STATE_MAX)
		s->left = mem_strdup(found);
	s->transitions = seen->transitions;
	s->acquired_us = seen->acquired_us;
}

int leasestate_check(const char *text, struct err *err)
{
	size_t len = strlen(text), n;
	uint32_t code;

	if (len > LEASE_STATE_MAX)
		return err_set(
			err, ERR_CONFIG, "a state of %zu bytes, at most %zu", len, LEASE_STATE_MAX);
	for (; *text; text += n) {
		n = utf8_read(text, &code);
		if (!n)
			return err_set(err, ERR_CONFIG, "a state that is not UTF-8");
	}
	return 0;
}

void leasestate_set(struct leasestate *s, const char *text, bool urgent)
{
	if (s->text && strcmp(s->text, text) == 0)
		return;
	s->urgent |= urgent;
	free(s->text);
	s->text = mem_strdup(text);
	s->number++;
}

const char *leasestate_due(
	const struct leasestate *s, const struct lease_record *seen, int64_t now_ms, bool last)
{
	int64_t interval_ms = s->urgent ? LEASE_STATE_URGENT_MS : LEASE_STATE_INTERVAL_MS;

	if (!same_tenure(s, seen) || s->number == s->written)
		return NULL;
	if (!last && s->has_written_ms && now_ms - s->written_ms < interval_ms)
		return NULL;
	return s->text;
}

int64_t leasestate_wait_ms(
	const struct leasestate *s, const struct lease_record *seen, int64_t now_ms)
{
	int64_t due_ms = s->has_written_ms ? s->written_ms + LEASE_STATE_URGENT_MS : now_ms;

	if (!s->urgent || !same_tenure(s, seen) || s->number == s->written)
		return INT64_MAX;
	return due_ms > now_ms ? due_ms - now_ms : 0;
}

void leasestate_wrote(struct leasestate *s, uint64_t number, int64_t now_ms)
{
	s->written = number;
	s->urgent &= number != s->number;
	s->has_written_ms = true;
	s->written_ms = now_ms;
}

void leasestate_gone(struct leasestate *s)
{
	s->written = 0;
	s->has_written_ms = false;
}
