/* What the settings*.c files share: one table and one check for each section of the file. */
#ifndef HEXLAG_SETTINGSTABLES_H
#define HEXLAG_SETTINGSTABLES_H

#include "cli/settings.h"

#define IN(type, field) offsetof(type, field)

/* Their offsets count from the beginning of struct settings. */
extern const struct conf_option settings_exporter_options[];
extern const struct conf_option settings_scaler_options[];
extern const struct conf_option settings_objects_options[];
extern const struct conf_option settings_behavior_options[]; /* of a struct behavior */
extern const struct conf_option settings_rule_options[];     /* of a struct rule */
extern const struct conf_option settings_lease_options[];

/* `item` is the struct settings. */
void settings_check_exporter(const void *item, struct conf_scope *scope);
void settings_check_scaler(const void *item, struct conf_scope *scope);
void settings_check_objects(const void *item, struct conf_scope *scope);
void settings_check_rule(const void *item, struct conf_scope *scope);
void settings_check_lease(const void *item, struct conf_scope *scope);

/* scaler.timeout, with `scope` being that of scaler. */
void settings_check_lease_timeout(const struct settings *s, struct conf_scope *scope);

/* exporter.group_states as bits, 1 << enum group_state; 0: all. */
unsigned settings_group_states(const struct settings *s);
/* Makes the name of the web configuration file, which is as seen from the folder of `path`, one that can be
 * opened, and checks what it says. -1: `errors` got a line. */
int settings_find_web(struct settings *s, const char *path, struct conf_errors *errors) MUSTCHECK;

#endif
