/* Where the API server is and who we are there: from a pod's service account or a kubeconfig file.
 * Only files are read; nothing is sent. Thread: any, one per struct. */
#ifndef HEXLAG_KUBECONFIG_H
#define HEXLAG_KUBECONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"

#define KUBECONFIG_FILE_MAX ((size_t)1 << 20)
#define KUBECONFIG_TOKEN_MAX ((size_t)32 << 10)

struct kubeconfig_blob {
	char *data; /* PEM text, NUL-terminated; NULL: none */
	size_t len;
};

/* Absent strings are NULL. Of each file and data pair at most one is set: data wins, as in
 * client-go. Names of files are absolute or relative to the working folder, and existed when this
 * was read. */
struct kubeconfig {
	char *source;    /* what it was read from, for messages */
	char *server;    /* "https://host:port/path", never NULL */
	char *namespace; /* never NULL; "default" where nothing says another */
	char *ca_file, *cert_file, *key_file;
	struct kubeconfig_blob ca, cert, key;
	char *token;      /* used where token_file is NULL or cannot be read */
	char *token_file; /* read again from time to time: projected tokens live for an hour */
	char *username, *password;
	char *tls_server_name;
	char *proxy_url;
	bool insecure; /* insecure-skip-tls-verify */
};

struct kubeconfig_source {
	const char *path;    /* of a kubeconfig; NULL: search */
	const char *context; /* of the kubeconfig; NULL: current-context */
	const char *root;    /* goes before /var/run/secrets, for tests; NULL: "" */
};

/* Without a path: the pod's service account (KUBERNETES_SERVICE_HOST is set and there is a token;
 * not when a context is asked for), else the first file of $KUBECONFIG that exists (the files of
 * that list are not merged, unlike kubectl), else ~/.kube/config. ERR_CONFIG names file, line, key
 * and what is wrong with it, but never a secret. What would be ignored at a risk (exec and
 * auth-provider plugins, impersonation) is an error. The caller releases `ret_config`, which is set
 * only on success. */
int kubeconfig_load(struct kubeconfig *ret_config, const struct kubeconfig_source *source,
	struct err *err) MUSTCHECK;
void kubeconfig_release(struct kubeconfig *config); /* also for CLEANUP */

/* The token in a file without white space at its ends; the caller frees it. ERR_CONFIG where the
 * file cannot be read, is empty, too large or holds what cannot go into a header. */
int kubeconfig_read_token(const char *path, char **ret_token, struct err *err) MUSTCHECK;

/* Whether a header can carry it: not empty, printable ASCII without spaces. */
bool kubeconfig_is_token(const char *s);

#endif
