#include "scaler/kubeconfig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/readfile.h"
#include "scaler/kubeyaml.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

bool kubeconfig_is_token(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return *s != '\0';
}

int kubeconfig_read_token(const char *path, char **ret_token, struct err *err)
{
	struct strbuf text CLEANUP(strbuf_release) = STRBUF_INIT;
	const char *start;
	char *token;
	size_t len;

	if (readfile(path, KUBECONFIG_TOKEN_MAX, &text, err) != 0)
		return -1;
	start = strbuf_str(&text);
	start += strspn(start, " \t\r\n");
	len = strlen(start);
	while (len && strchr(" \t\r\n", start[len - 1]))
		len--;
	token = mem_strndup(start, len);
	if (strlen(strbuf_str(&text)) != text.len || !kubeconfig_is_token(token)) {
		free(token);
		return err_set(err, ERR_CONFIG, "%s: %s", path,
			len ? "holds what cannot be a token" : "empty, want a token");
	}
	*ret_token = token;
	return 0;
}

/* Rules of the pod's files: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
static int read_in_cluster(
	struct kubeconfig *c, const char *root, const char *host, const char *port, struct err *err)
{
	char *path CLEANUP(mem_free_at) = mem_printf("%s" SERVICE_ACCOUNT "/namespace", root);
	struct strbuf name CLEANUP(strbuf_release) = STRBUF_INIT;
	const char *v6 = strchr(host, ':') ? "[]" : "";

	c->source = mem_strdup("the pod's service account");
	c->server = mem_printf("https://%.1s%s%s:%s", v6, host, *v6 ? v6 + 1 : "", port);
	c->ca_file = mem_printf("%s" SERVICE_ACCOUNT "/ca.crt", root);
	c->token_file = mem_printf("%s" SERVICE_ACCOUNT "/token", root);
	if (kubeconfig_read_token(c->token_file, &c->token, err) != 0)
		return -1;
	if (access(c->ca_file, R_OK) != 0)
		return err_set(err, ERR_CONFIG, "%s: %s", c->ca_file, strerror(errno));
	if (access(path, F_OK) == 0) {
		size_t len;

		if (readfile(path, KUBECONFIG_TOKEN_MAX, &name, err) != 0)
			return -1;
		len = strcspn(strbuf_str(&name), "\r\n \t");
		if (len)
			c->namespace = mem_strndup(strbuf_str(&name), len);
	}
	return 0;
}

/* The first existing file of $KUBECONFIG, else ~/.kube/config; the caller frees it. */
static char *default_path(void)
{
	const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");
	char *path = NULL;

	while (list && *list) {
		size_t len = strcspn(list, ":");

		free(path);
		path = mem_strndup(list, len);
		if (len && access(path, F_OK) == 0)
			return path;
		list += len + (list[len] == ':');
	}
	if (path && *path)
		return path; /* so that the error names what the user has set */
	free(path);
	return mem_printf("%s/.kube/config", home ? home : "");
}

static int load(struct kubeconfig *c, const struct kubeconfig_source *source, struct err *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	const char *root = source->root ? source->root : "";
	char *token CLEANUP(mem_free_at) = mem_printf("%s" SERVICE_ACCOUNT "/token", root);
	char *path CLEANUP(mem_free_at) = NULL;
	bool in_pod = host && *host && port && *port && !source->path && !source->context;

	if (in_pod && access(token, F_OK) == 0)
		return read_in_cluster(c, root, host, port, err);
	path = source->path ? mem_strdup(source->path) : default_path();
	if (in_pod && access(path, F_OK) != 0)
		return err_set(err, ERR_CONFIG,
			"%s: missing in a pod: does it set automountServiceAccountToken: false?",
			token);
	if (!source->path && !getenv("KUBECONFIG") && access(path, F_OK) != 0)
		return err_set(err, ERR_CONFIG,
			"no API server to scale by: not in a pod, no kubeconfig is configured, %s: "
			"%s",
			path, strerror(errno));
	return kubeyaml_read(c, path, source->context, err);
}

int kubeconfig_load(
	struct kubeconfig *ret_config, const struct kubeconfig_source *source, struct err *err)
{
	struct kubeconfig c = {0};

	if (load(&c, source, err) != 0) {
		kubeconfig_release(&c);
		return -1;
	}
	if (!c.namespace)
		c.namespace = mem_strdup("default");
	*ret_config = c;
	return 0;
}

void kubeconfig_release(struct kubeconfig *c)
{
	char *owned[] = {c->source, c->server, c->namespace, c->ca_file, c->cert_file, c->key_file,
		c->ca.data, c->cert.data, c->key.data, c->token, c->token_file, c->username,
		c->password, c->tls_server_name, c->proxy_url};

	for (size_t i = 0; i < ARRAY_LEN(owned); i++)
		free(owned[i]);
	*c = (struct kubeconfig){0};
}
