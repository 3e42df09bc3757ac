#include "scaler/leasemetrics.h"

#include "common/attr.h"

static bool leads(const struct lease_view *v, int64_t *ret)
{
	*ret = v->leads;
	return true;
}

static bool transitions(const struct lease_view *v, int64_t *ret)
{
	*ret = (int64_t)v->transitions;
	return true;
}

static bool errors(const struct lease_view *v, int64_t *ret)
{
	*ret = (int64_t)v->errors;
	return true;
}

static bool renewed_ago(const struct lease_view *v, int64_t *ret)
{
	*ret = v->renewed_ago_ms;
	return v->leads;
}

const struct family leasemetrics_families[] = {
	{"hexlag_leader", "gauge", "lease", "1 if this process leads."},
	{"hexlag_lease_transitions_total", "counter", "lease",
		"Times that this process began or ceased to lead."},
	{"hexlag_lease_errors_total", "counter", "lease",
		"Failed tries to acquire or to renew the Lease."},
	{"hexlag_lease_renew_age_seconds", "gauge", "lease",
		"Age of the last renewal while this process leads."},
	{0},
};

/* By family; false: no sample. */
static const struct {
	bool (*get)(const struct lease_view *v, int64_t *ret);
	unsigned decimals;
} values[] = {{leads, 0}, {transitions, 0}, {errors, 0}, {renewed_ago, 3}};

_Static_assert(
	ARRAY_LEN(values) + 1 == ARRAY_LEN(leasemetrics_families), "a value for each family");

void leasemetrics(struct lease *const *leases, size_t count, struct exposition *x)
{
	for (size_t f = 0; f < ARRAY_LEN(values); f++) {
		exposition_family(x, &leasemetrics_families[f]);
		for (size_t i = 0; i < count; i++) {
			struct lease_view view;
			int64_t value;

			lease_look(leases[i], &view);
			if (!values[f].get(&view, &value))
				continue;
			strbuf_addf(&x->text, "%s{lease=\"", leasemetrics_families[f].name);
			exposition_label_value(&x->text, lease_name(leases[i]));
			strbuf_adds(&x->text, "\"} ");
			exposition_decimal(&x->text, value, values[f].decimals);
			strbuf_addc(&x->text, '\n');
		}
	}
}
