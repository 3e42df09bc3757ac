#include "scaler/rivalsjson.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "scaler/docjson.h"
#include "scaler/rule.h"

/* Defaults are those of the objects' own schemas: a ScaledObject may leave both out, an HPA needs a kind
 * and without a version means the core group. */
static const struct {
	const char *name, *list, *api_version;
	const char *target_version, *target_kind; /* NULL: required */
} kinds[] = {
	[RIVAL_HPA] = {"HorizontalPodAutoscaler", "HorizontalPodAutoscalerList", "autoscaling/v2",
		"v1", NULL},
	[RIVAL_SCALED_OBJECT] = {"ScaledObject", "ScaledObjectList", "keda.sh/v1alpha1", "apps/v1",
		"Deployment"},
};

const char *rival_kind_name(enum rival_kind kind)
{
	return kinds[kind].name;
}

/* The text of a field, `absent` where it is missing or empty. */
static const char *text_of(json_t *object, const char *key, const char *absent)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text ? text : absent;
}

/* KEDA then deletes the HPA that it had made and leaves the size alone. With paused-replicas it still has one
 * to keep. What is none of Go's words for false pauses: NeedToBePausedByAnnotation() of its ScaledObject. */
static bool is_paused(json_t *item)
{
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
	json_t *annotations = json_object_get(json_object_get(item, "metadata"), "annotations");
	const char *paused =
		json_string_value(json_object_get(annotations, "autoscaling.keda.sh/paused"));

	for (size_t i = 0; paused && i < ARRAY_LEN(no); i++)
		if (strcmp(paused, no[i]) == 0)
			return false;
	return paused && !json_object_get(annotations, "autoscaling.keda.sh/paused-replicas");
}

static void add_item(json_t *item, enum rival_kind kind, struct rivals_list *list)
{
	json_t *target = json_object_get(json_object_get(item, "spec"), "scaleTargetRef");
	const char *name = text_of(json_object_get(item, "metadata"), "name", NULL);
	const char *version = text_of(target, "apiVersion", kinds[kind].target_version);
	const char *target_kind = text_of(target, "kind", kinds[kind].target_kind);
	const char *target_name = text_of(target, "name", NULL);

	if (!name || !target_kind || !target_name ||
		(kind == RIVAL_SCALED_OBJECT && is_paused(item)))
		return;
	*(struct rival *)mem_append(&list->items, list->count, sizeof(*list->items)) =
		(struct rival){mem_strdup(name), mem_strndup(version, rule_group_length(version)),
			mem_strdup(target_kind), mem_strdup(target_name)};
	list->count++;
}

int rivalsjson_page(const char *text, size_t len, enum rival_kind kind, struct rivals_list *list,
	struct err *err)
{
	json_t *doc CLEANUP(docjson_unref_at) = docjson_load(text, len, err);
	json_t *items = json_object_get(doc, "items"), *item;
	const char *next;
	size_t i;

	if (!doc ||
		docjson_check_kind(doc, kinds[kind].api_version, kinds[kind].list, false, err) < 0)
		return -1;
	/* An empty list may be null. */
	if (!json_is_array(items) && !json_is_null(items))
		return err_set(err, ERR_RETRY, "items of the %s is no list", kinds[kind].list);
	json_array_foreach(items, i, item) add_item(item, kind, list);
	next = text_of(json_object_get(doc, "metadata"), "continue", NULL);
	free(list->next);
	list->next = mem_strdup(next);
	return 0;
}

void rivals_list_release(struct rivals_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		free(list->items[i].group);
		free(list->items[i].target_kind);
		free(list->items[i].target_name);
	}
	free(list->items);
	free(list->next);
	*list = (struct rivals_list){0};
}
